import Foundation
import Graph
import GraphRuntime
import Synchronization

/// The terminal view: lines that stay scroll above, one line per running task moves below.
///
/// Events only change what is to be drawn; a timer draws it, so a flood of output costs no more than its frames.
final class LivePrinter: EventPrinter {
  private let detail: Detail
  private let style: Style
  private let state = Mutex(State())

  /// Lines kept for one frame; what comes faster is left to `graphrun log`.
  private static let frameLines = 500

  private struct State {
    var running: [Running] = []
    var pending: [String] = []
    var dropped = 0
    var drawn: [Int] = []
    var frame = 0
    var size = Terminal.size
  }

  private struct Running {
    var task: String
    var start = ContinuousClock.now
    var attempt: Int
    var streams: [GraphRuntime.OutputStream: LineSplitter] = [:]
    var last = ""
  }

  init(detail: Detail, style: Style) {
    self.detail = detail
    self.style = style
    Thread.detachNewThread { [weak self] in
      while self?.draw(tick: true) != nil { Thread.sleep(forTimeInterval: 0.08) }
    }
  }

  func say(_ text: String) { state.withLock { $0.pending.append(text) } }
  func flush() { draw(tick: false) }

  func resize() {
    state.withLock { $0.size = Terminal.size }
    draw(tick: false)
  }

  func show(_ event: RunEvent) {
    state.withLock { state in
      switch event.kind {
      case .taskStart(_, _, let task, let attempt):
        state.running.removeAll { $0.task == task }
        state.running.append(Running(task: task, attempt: attempt))
      case .taskOutput(_, let task, let stream, let text): take(text, stream, of: task, &state)
      case .taskRetry(_, let task, let attempt, let error, let delay):
        endOutput(of: task, &state)
        state.pending.append(
          "\(style.yellow("↻")) \(task)  \(style.dim("attempt \(attempt) failed: \(error.brief); again in \(spoken(delay))"))"
        )
      case .taskEnd(_, _, let task, let status, let seconds, let error):
        endOutput(of: task, &state)
        state.running.removeAll { $0.task == task }
        if let line = ended(task, status, seconds, error) { state.pending.append(line) }
      case .stepStart(let step, let nodes) where detail == .verbose:
        state.pending.append(style.dim("── step \(step): \(nodes.map(\.rawValue).joined(separator: ", "))"))
      case .checkpoint(let checkpoint, _, _) where detail == .verbose:
        state.pending.append(style.dim("── checkpoint \(checkpoint)"))
      case .notice(let text): state.pending.append(style.yellow("! ") + SafeText.line(text))
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
    let lines = state.running[place].streams[stream, default: LineSplitter()].add(text)
    keep(lines, of: task, stream, &state)
    let partial = state.running[place].streams[stream]?.partial ?? ""
    let last = partial.isEmpty ? lines.last { !$0.isEmpty } : String(partial.suffix(300))
    if let last { state.running[place].last = last }
  }

  private func endOutput(of task: String, _ state: inout State) {
    guard let place = state.running.firstIndex(where: { $0.task == task }) else { return }
    for stream in [GraphRuntime.OutputStream.stdout, .stderr, .token, .thinking] {
      keep(state.running[place].streams[stream]?.finish() ?? [], of: task, stream, &state)
    }
  }

  private func keep(_ lines: [String], of task: String, _ stream: GraphRuntime.OutputStream, _ state: inout State) {
    guard detail > .quiet, stream != .thinking || detail == .verbose else { return }
    for line in lines.suffix(Self.frameLines) {
      state.pending.append(style.dim("\(task) │ ") + SafeText.line(line))
    }
    state.dropped += max(0, lines.count - Self.frameLines)
    let surplus = state.pending.count - 2 * Self.frameLines
    if surplus > 0 {
      state.pending.removeFirst(surplus)
      state.dropped += surplus
    }
  }

  // MARK: Drawing

  private func draw(tick: Bool) {
    state.withLock { state in
      if tick { state.frame += 1 }
      guard !state.pending.isEmpty || !state.running.isEmpty || !state.drawn.isEmpty else { return }
      let live = liveLines(state)
      var text = ""
      let rows = state.drawn.reduce(0) { $0 + max(1, ($1 + state.size.columns - 1) / max(1, state.size.columns)) }
      if rows > 0 { text += "\u{1B}[\(rows)A\r" }
      if state.dropped > 0 { text += style.dim("… \(state.dropped) lines more, kept in graphrun log") + "\u{1B}[K\n" }
      for line in state.pending { text += line + "\u{1B}[K\n" }
      for line in live { text += line.text + "\u{1B}[K\n" }
      if rows > 0 { text += "\u{1B}[J" }
      Sink.output.write(text)
      state.pending = []
      state.dropped = 0
      state.drawn = live.map(\.columns)
    }
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
    let elapsed = (ContinuousClock.now - task.start).seconds
    let time = elapsed < 1 ? "" : elapsed < 60 ? "\(Int(elapsed))s" : spoken(elapsed)
    let attempt = task.attempt > 1 ? " (attempt \(task.attempt))" : ""
    let width = state.size.columns - 1
    let name = task.task.cut(to: max(8, width / 2))
    let head = name.columns + attempt.count + time.count + 6
    let last = SafeText.line(String(task.last.prefix(400))).cut(to: max(0, width - head))
    let text =
      "\(style.cyan(frames[state.frame % frames.count])) \(style.bold(name))\(attempt)  \(style.dim(time))  \(style.dim(last))"
    return (text, head + last.columns)
  }
}
