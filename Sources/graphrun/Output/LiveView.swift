import Graph
import GraphRuntime

/// What the terminal shows of a run, worked out without one: lines that stay, and the lines that move below them.
///
/// A task's output moves under its name while it runs. What it leaves when it ends is all of it where that is short,
/// else its last lines; `--verbose` keeps every line as it comes.
struct LiveView {
  /// A line that stays; one of a task's output gives way to its later ones.
  struct Line {
    var task: String?
    var text: String
  }

  typealias Size = (columns: Int, rows: Int)

  let detail: Detail
  let style: Style

  private(set) var running: [LiveTask] = []
  private(set) var pending: [Line] = []
  private var dropped = 0
  private var fanOuts: [LiveFanOut] = []

  /// When a node was first due, as a number.
  private var order: [String: Int] = [:]

  /// Columns of the longest name in the super-step, so that lines stay put when the task that has it ends.
  private var widest = 0
  private let start: ContinuousClock.Instant

  /// Lines of a task kept for one frame; what comes faster is left to `graphrun log`.
  private static let frameLines = 200

  /// Lines of all kept for one frame, while the terminal stands still.
  private static let heldLines = 10_000

  /// A spinner's pace.
  static let tick = 0.08

  init(detail: Detail, style: Style, start: ContinuousClock.Instant) {
    self.detail = detail
    self.style = style
    self.start = start
  }

  mutating func say(_ text: String, columns: Int) { stay(style.yellow("!"), "", text, columns) }

  mutating func take(_ event: RunEvent.Kind, _ size: Size, now: ContinuousClock.Instant) {
    switch event {
    case .taskStart(_, _, let task, let attempt): begin(task, attempt, now)
    case .taskOutput(_, let task, let stream, let text):
      guard let place = running.firstIndex(where: { $0.name == task }) else { return }
      let lines = running[place].take(text, stream, showsThinking: detail == .verbose)
      if detail == .verbose { keep(lines, of: task) }
    case .taskRetry(_, let task, let attempt, let error, let delay):
      endOutput(of: task, rows: size.rows, whole: false)
      let text = "attempt \(attempt) failed, again in \(spoken(delay)): \(error.brief)"
      stay(style.yellow("↻"), "\(task)  ", text, size.columns, style.dim)
      if let place = running.firstIndex(where: { $0.name == task }) { running[place].goesOn = now + .seconds(delay) }
    case .taskEnd(_, _, let task, let status, let seconds, let error): end(task, status, seconds, error, size)
    case .stepStart(let step, let nodes):
      fanOuts.removeAll(where: \.isOver)
      fanOuts += LiveFanOut.all(in: nodes)
      for node in nodes where order[node.rawValue] == nil { order[node.rawValue] = order.count }
      widest = (nodes.map(\.rawValue) + running.map(\.name)).map(\.columns).max() ?? 0
      if detail == .verbose { stay(style.dim("── step \(step): \(nodes.spoken)")) }
    case .checkpoint(let checkpoint, _, _) where detail == .verbose: stay(style.dim("── checkpoint \(checkpoint)"))
    case .custom(_, let task, let data) where detail > .quiet:
      stay("\(style.dim("·")) \(task)  \(SafeText.line(data.text))")
    case .notice(let text): stay(style.yellow("!"), "", SafeText.line(text), size.columns)
    case .runEnd:
      running = []
      fanOuts = []
    case .checkpoint, .interrupt, .runStart, .custom, .values, .updates: return
    }
    bound()
  }

  private mutating func begin(_ task: String, _ attempt: Int, _ now: ContinuousClock.Instant) {
    if let place = running.firstIndex(where: { $0.name == task }) {
      var again = LiveTask(task, attempt: attempt, start: now)
      again.start = running[place].start
      running[place] = again
    } else {
      let own = rank(task)
      let place = running.firstIndex { rank($0.name) > own } ?? running.endIndex
      running.insert(LiveTask(task, attempt: attempt, start: now), at: place)
    }
  }

  /// Where a task stands among the others: as its node does among those of its step, then by index.
  private func rank(_ task: String) -> (Int, Int) { (order[task.ofNode] ?? .max, task.fanOutIndex) }

  private mutating func end(
    _ task: String, _ status: TaskStatus, _ seconds: Double, _ error: TaskError?, _ size: Size
  ) {
    let fanOut = fanOuts.firstIndex { $0.node.rawValue == task.ofNode }
    if let fanOut { fanOuts[fanOut].ended(status) }
    let isCounted = detail == .normal && fanOut.map { fanOuts[$0].isLarge } ?? false && status != .failed
    if !isCounted {
      if status == .failed {
        stay(style.red("✗"), "\(task)  \(spoken(seconds))  ", error?.brief ?? "", size.columns, style.red)
      } else if let text = ended(task, status, seconds) {
        stay(text)
      }
      endOutput(of: task, rows: size.rows, whole: status != .failed)
    }
    running.removeAll { $0.name == task }
    if let fanOut, fanOuts[fanOut].isOver, fanOuts[fanOut].isLarge, detail == .normal {
      stay("\(style.green("✓")) \(fanOuts[fanOut].summary)")
    }
  }

  private func ended(_ task: String, _ status: TaskStatus, _ seconds: Double) -> String? {
    switch status {
    case _ where detail == .quiet: return nil
    case .waiting where Terminal.canAsk: return nil
    case .waiting: return "\(style.yellow("?")) \(style.bold(task))  \(style.dim("asks"))"
    case .skipped: return "\(style.dim("–")) \(task)  \(style.dim("skipped"))"
    case .cached: return "\(style.green("✓")) \(task)  \(style.dim("from the cache"))"
    default: return "\(style.green("✓")) \(task)  \(style.dim(spoken(seconds)))"
    }
  }

  // MARK: Output

  /// Leaves what a task printed: all of it where it is short and `whole`, else its end.
  private mutating func endOutput(of task: String, rows: Int, whole: Bool) {
    guard let place = running.firstIndex(where: { $0.name == task }) else { return }
    let rest = running[place].finish(showsThinking: detail == .verbose)
    switch detail {
    case .quiet: return
    case .verbose: keep(rest, of: task)
    case .normal:
      let room = max(16, rows / 2)
      let isWhole = whole && running[place].count <= room
      let shown = running[place].tail(isWhole ? room : 6)
      let more = running[place].count - shown.count
      if more > 0 { stay(style.dim("  ┆ \(counted(more, "line")) before, kept in graphrun log")) }
      for line in shown { stay(style.dim("  │ ") + line) }
    }
  }

  /// Keeps every line, those of one task bounded.
  private mutating func keep(_ lines: [String], of task: String) {
    let head = style.dim("\(task) │ ")
    pending += lines.suffix(Self.frameLines).map { Line(task: task, text: head + SafeText.line($0)) }
    dropped += max(0, lines.count - Self.frameLines)
    var surplus = pending.count { $0.task == task } - Self.frameLines
    guard surplus > 0 else { return }
    dropped += surplus
    pending.removeAll { line in
      guard surplus > 0, line.task == task else { return false }
      surplus -= 1
      return true
    }
  }

  private mutating func stay(_ text: String) { pending.append(Line(text: text)) }

  /// Leaves `text` behind `mark` and `name`, folded at its words where it is wider than the terminal.
  private mutating func stay(
    _ mark: String, _ name: String, _ text: String, _ columns: Int, _ look: (String) -> String = { $0 }
  ) {
    let lines = text.folded(first: columns - 3 - name.columns, rest: columns - 3)
    for (index, line) in lines.enumerated() { stay(index == 0 ? "\(mark) \(name)\(look(line))" : "  \(look(line))") }
  }

  private mutating func bound() {
    let surplus = pending.count - Self.heldLines
    guard surplus > 0 else { return }
    pending.removeFirst(surplus)
    dropped += surplus
  }

  /// The lines that stay since this was last asked.
  mutating func takePending() -> [String] {
    defer { (pending, dropped) = ([], 0) }
    let note = dropped > 0 ? [style.dim("… \(dropped) lines more, kept in graphrun log")] : []
    return note + pending.map(\.text)
  }

  // MARK: What moves

  /// The lines below, none wider than the terminal: one for each running task, some of its output where there is room.
  func lines(_ size: Size, now: ContinuousClock.Instant) -> [(text: String, columns: Int)] {
    let bars = fanOuts.filter { $0.isLarge && !$0.isOver }.prefix(max(0, size.rows - 4)).map {
      $0.line(style, size.columns)
    }
    let room = max(1, size.rows - 2 - bars.count)
    let shown = running.prefix(running.count > room ? room - 1 : room)
    let spare = running.isEmpty ? 0 : (room - running.count) / running.count
    // One line of output stands beside the name; a window of them has to be worth its room.
    let window = running.count > room || spare < 2 || detail == .quiet ? 0 : min(6, spare)
    var lines = bars
    let columns = LiveColumns(shown, size.columns, widest: widest, now)
    for task in shown {
      let tail = detail == .verbose ? [] : task.tail(window).filter { !$0.isEmpty }
      let isOpen = tail.count > 1 && task.goesOn == nil
      lines.append(line(of: task, columns, now, besides: isOpen ? nil : task.last(now)))
      if isOpen { lines += tail.map { inside($0, size.columns) } }
    }
    if running.count > shown.count {
      let more = "  … and \(running.count - shown.count) more".cut(to: size.columns - 1)
      lines.append((style.dim(more), more.columns))
    }
    return lines
  }

  private func inside(_ text: String, _ columns: Int) -> (text: String, columns: Int) {
    let text = text.cut(to: max(0, columns - 5))
    return (style.dim("  │ " + text), 4 + text.columns)
  }

  private func line(
    of task: LiveTask, _ columns: LiveColumns, _ now: ContinuousClock.Instant, besides last: String?
  ) -> (text: String, columns: Int) {
    let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    let frame = Int((now - start).seconds / Self.tick) % frames.count
    let (name, attempt, time) = columns.cells(of: task, now)
    var head = columns.head
    var bar = ""
    if let share = task.share, columns.room >= 8 {
      bar = columns.room >= 30 ? LiveFanOut.bar(share, 12) + " " : "\(Int(share * 100))% "
      head += bar.columns
    }
    let last = (last ?? "").cut(to: max(0, columns.width - head))
    let text =
      "\(style.cyan(frames[frame])) \(style.bold(name))\(attempt)  \(style.dim(time))  \(style.cyan(bar))\(style.dim(last))"
    return (text, head + last.columns)
  }
}
