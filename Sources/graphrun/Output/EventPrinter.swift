import Graph
import GraphRuntime

/// Shows what happens in a run.
protocol EventPrinter: Sendable {
  /// Called from any thread; must not take long.
  func show(_ event: RunEvent)

  /// A line from graphrun itself, between the events.
  func say(_ text: String)

  /// Nothing more comes until the next event: everything shown so far is on its way.
  func flush()

  /// The terminal has another size.
  func resize()
}

extension EventPrinter {
  func flush() {}
  func resize() {}
}

/// How much is told.
enum Detail: Int, Comparable {
  case quiet, normal, verbose

  static func < (left: Detail, right: Detail) -> Bool { left.rawValue < right.rawValue }
}

/// One JSON object a line, for programs.
struct JSONPrinter: EventPrinter {
  func show(_ event: RunEvent) { Sink.output.line(event.json.text) }
  func say(_ text: String) { Sink.error.line(text) }
}

/// Seconds as people read them.
func spoken(_ seconds: Double) -> String {
  if seconds < 0.95 { return "\(Int((seconds * 1000).rounded()))ms" }
  if seconds < 59.95 {
    let tenths = Int((seconds * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)s" : "\(tenths / 10).\(tenths % 10)s"
  }
  let whole = Int(seconds.rounded())
  if whole < 3600 { return "\(whole / 60)m \(whole % 60)s" }
  return "\(whole / 3600)h \(whole % 3600 / 60)m"
}

extension TaskError {
  /// Where it happened: `node build`, or `task count[6]` in a fan-out.
  var place: String? { task.map { "task \($0)" } ?? node.map { "node \($0)" } }

  /// The message's first line, in short, behind its kind unless it says that itself.
  var brief: String {
    let line = SafeText.line(message.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
    return line.hasPrefix(kind.rawValue) ? line : "\(kind.rawValue): \(line)"
  }
}

extension RunEvent {
  /// What happened, tasks named by their way there: `review/check`.
  var placed: Kind {
    guard !namespace.isEmpty else { return kind }
    let place = Namespace(namespace)
    switch kind {
    case .stepStart(let step, let nodes):
      return .stepStart(step: step, nodes: nodes.map { NodeName(rawValue: place.shown($0.rawValue)) })
    case .taskStart(let step, let node, let task, let attempt):
      return .taskStart(step: step, node: node, task: place.shown(task), attempt: attempt)
    case .taskOutput(let node, let task, let stream, let text):
      return .taskOutput(node: node, task: place.shown(task), stream: stream, text: text)
    case .taskRetry(let node, let task, let attempt, let error, let delay):
      return .taskRetry(node: node, task: place.shown(task), attempt: attempt, error: error, delay: delay)
    case .taskEnd(let step, let node, let task, let status, let seconds, let error):
      return .taskEnd(
        step: step, node: node, task: place.shown(task), status: status, seconds: seconds, error: error)
    case .checkpoint(let checkpoint, let step, let next):
      return .checkpoint(
        checkpoint: checkpoint, step: step, next: next.map { NodeName(rawValue: place.shown($0.rawValue)) })
    case .interrupt(let node, let task, let question):
      return .interrupt(node: node, task: place.shown(task), question: question)
    case .custom(let node, let task, let data): return .custom(node: node, task: place.shown(task), data)
    case .updates(let step, let node, let task, let writes):
      return .updates(step: step, node: node, task: place.shown(task), writes)
    case .runStart, .notice, .runEnd, .values: return kind
    }
  }
}
