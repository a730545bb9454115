import Foundation
import Graph
import GraphRuntime
import Synchronization

/// The terminal view: lines that stay scroll above, one line per running task moves below.
///
/// Events only change what is to be drawn; a thread draws it, so neither a flood of output nor a terminal that takes its
/// time costs those who tell them more than that.
final class LivePrinter: EventPrinter {
  private let detail: Detail
  private let style: Style
  private let state = Mutex(State())

  /// Held while drawing, so that frames come whole and in order.
  private let screen = Mutex(())
  private let bell = DispatchSemaphore(value: 0)

  /// Lines of a task kept for one frame; what comes faster is left to `graphrun log`.
  private static let frameLines = 200

  /// Lines of all kept for one frame, while the terminal stands still.
  private static let heldLines = 10_000

  /// A spinner's pace; news are drawn at once, but not more often than eyes can follow.
  private static let tick = 0.08
  private static let gap = 0.02

  private struct State {
    var running: [Running] = []
    var pending: [Line] = []
    var dropped = 0
    var drawn: [Int] = []
    var size = Terminal.size
    let start = ContinuousClock.now

    /// The drawing thread was told that there are news.
    var isAnnounced = false
  }

  /// A line that stays; one of a task's output gives way to its later ones.
  private struct Line {
    var task: String?
    var text: String
  }

  private struct Running {
    var task: String
    var start = ContinuousClock.now
    var attempt: Int
    var lines = TaskLines()
    var last = ""
  }

  init(detail: Detail, style: Style) {
    self.detail = detail
    self.style = style
    Thread.detachNewThread { [weak self, bell] in
      while true {
        let hasNews = bell.wait(timeout: .now() + Self.tick) == .success
        guard self?.draw() != nil else { return }
        if hasNews { Thread.sleep(forTimeInterval: Self.gap) }
      }
    }
  }

  func say(_ text: String) { change { $0.pending.append(Line(text: text)) } }
  func flush() { draw() }

  func resize() {
    state.withLock { $0.size = Terminal.size }
    draw()
  }

  private func change(_ body: (inout State) -> Void) {
    let isFirst = state.withLock { state in
      body(&state)
      let surplus = state.pending.count - Self.heldLines
      if surplus > 0 {
        state.pending.removeFirst(surplus)
        state.dropped += surplus
      }
      defer { state.isAnnounced = true }
      return !state.isAnnounced
    }
    if isFirst { bell.signal() }
  }

  func show(_ event: RunEvent) {
    change { state in
      switch event.placed {
      case .taskStart(_, _, let task, let attempt):
        state.running.removeAll { $0.task == task }
        state.running.append(Running(task: task, attempt: attempt))
      case .taskOutput(_, let task, let stream, let text): take(text, stream, of: task, &state)
      case .taskRetry(_, let task, let attempt, let error, let delay):
        endOutput(of: task, &state)
        let text = style.dim("attempt \(attempt) failed: \(error.brief); again in \(spoken(delay))")
        state.pending.append(Line(text: "\(style.yellow("↻")) \(task)  \(text)"))
      case .taskEnd(_, _, let task, let status, let seconds, let error):
        endOutput(of: task, &state)
        state.running.removeAll { $0.task == task }
        if let text = ended(task, status, seconds, error) { state.pending.append(Line(text: text)) }
      case .stepStart(let step, let nodes) where detail == .verbose:
        let names = nodes.map(\.rawValue).joined(separator: ", ")
        state.pending.append(Line(text: style.dim("── step \(step): \(names)")))
      case .checkpoint(let checkpoint, _, _) where detail == .verbose:
        state.pending.append(Line(text: style.dim("── checkpoint \(checkpoint)")))
      case .notice(let text): state.pending.append(Line(text: style.yellow("! ") + SafeText.line(text)))
      case .runEnd: state.running = []
      default: break
      }
    }
  }

  private func ended(_ task: String, _ status: TaskStatus, _ seconds: Double, _ error: TaskError?) -> String? {
    let time = style.dim(spoken(seconds))
    switch status {
    case .failed: return "\(style.red("✗")) \(style.bold(task))  \(time)  \(style.red(error?.brief ?? ""))"
    case _ where detail == .quiet: return nil
    case .waiting where Terminal.canAsk: return nil
    case .waiting: return "\(style.yellow("?")) \(style.bold(task))  \(style.dim("asks"))"
    case .skipped: return "\(style.dim("–")) \(task)  \(style.dim("skipped"))"
    case .cached: return "\(style.green("✓")) \(task)  \(style.dim("from the cache"))"
    default: return "\(style.green("✓")) \(task)  \(time)"
    }
  }

  private func take(_ text: String, _ stream: GraphRuntime.OutputStream, of task: String, _ state: inout State) {
    guard let place = state.running.firstIndex(where: { $0.task == task }) else { return }
    let lines = state.running[place].lines.add(text, to: stream)
    keep(lines, of: task, &state)
    let partial = state.running[place].lines.partial(of: stream)
    let last = partial.isEmpty ? lines.last { !$0.text.isEmpty }?.text : String(partial.suffix(300))
    if let last { state.running[place].last = last }
  }

  private func endOutput(of task: String, _ state: inout State) {
    guard let place = state.running.firstIndex(where: { $0.task == task }) else { return }
    keep(state.running[place].lines.finish(), of: task, &state)
  }

  private func keep(_ lines: [TaskLines.Line], of task: String, _ state: inout State) {
    guard detail > .quiet else { return }
    let lines = lines.filter { $0.stream != .thinking || detail == .verbose }
    let head = style.dim("\(task) │ ")
    state.pending += lines.suffix(Self.frameLines).map { Line(task: task, text: head + SafeText.line($0.text)) }
    state.dropped += max(0, lines.count - Self.frameLines)
    var surplus = state.pending.count { $0.task == task } - Self.frameLines
    guard surplus > 0 else { return }
    state.dropped += surplus
    state.pending.removeAll { line in
      guard surplus > 0, line.task == task else { return false }
      surplus -= 1
      return true
    }
  }

  // MARK: Drawing

  private func draw() {
    screen.withLock { _ in
      let frame = state.withLock { takeFrame(&$0) }
      if !frame.isEmpty { Sink.output.write(frame) }
    }
  }

  /// What brings the screen up to date; what stays is handed over with it.
  private func takeFrame(_ state: inout State) -> String {
    state.isAnnounced = false
    guard !state.pending.isEmpty || !state.running.isEmpty || !state.drawn.isEmpty else { return "" }
    let live = liveLines(state)
    var text = ""
    let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + state.size.columns - 1) / max(1, state.size.columns)) }
    if rows > 0 { text += "\u{1B}[\(rows)A\r" }
    if state.dropped > 0 { text += style.dim("… \(state.dropped) lines more, kept in graphrun log") + "\u{1B}[K\n" }
    for line in state.pending { text += line.text + "\u{1B}[K\n" }
    for line in live { text += line.text + "\u{1B}[K\n" }
    if rows > 0 { text += "\u{1B}[J" }
    state.pending = []
    state.dropped = 0
    state.drawn = live.map(\.columns)
    return text
  }

  private func liveLines(_ state: State) -> [(text: String, columns: Int)] {
    let room = max(1, state.size.rows - 2)
    var lines = state.running.prefix(state.running.count > room ? room - 1 : room).map { line(of: $0, state) }
    if state.running.count > lines.count {
      let more = "  … and \(state.running.count - lines.count) more"
      lines.append((style.dim(more), more.columns))
    }
    return lines
  }

  private func line(of task: Running, _ state: State) -> (text: String, columns: Int) {
    let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    let frame = Int((ContinuousClock.now - state.start).seconds / Self.tick) % frames.count
    let elapsed = (ContinuousClock.now - task.start).seconds
    let time = elapsed < 1 ? "" : elapsed < 60 ? "\(Int(elapsed))s" : spoken(elapsed)
    let attempt = task.attempt > 1 ? " (attempt \(task.attempt))" : ""
    let width = state.size.columns - 1
    let name = task.task.cut(to: max(8, width / 2))
    let head = name.columns + attempt.count + time.count + 6
    let last = SafeText.line(String(task.last.prefix(400))).cut(to: max(0, width - head))
    let text =
      "\(style.cyan(frames[frame])) \(style.bold(name))\(attempt)  \(style.dim(time))  \(style.dim(last))"
    return (text, head + last.columns)
  }
}
