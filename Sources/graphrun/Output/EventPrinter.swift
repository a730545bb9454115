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
  /// The message's first line, in short.
  var brief: String {
    let line = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return "\(kind.rawValue): \(SafeText.line(line))"
  }
}
