import Graph
import GraphRuntime

/// Lines of tasks under their names; a line that comes in pieces is shown once it is whole.
struct LogPrinter {
  let style: Style
  let isJSON: Bool

  /// So long a line that has begun may wait for its rest while other tasks print.
  let patience: Duration
  private var heading = ""
  private var open: [Open] = []
  private(set) var isEmpty = true

  /// A line that has begun.
  private struct Open {
    var title: String
    var task: String
    var text: String
    var since: ContinuousClock.Instant
  }

  init(style: Style, isJSON: Bool, patience: Duration = .zero) {
    self.style = style
    self.isJSON = isJSON
    self.patience = patience
  }

  mutating func show(_ records: [OutputRecord]) {
    if !records.isEmpty { isEmpty = false }
    for record in records {
      if isJSON { Sink.output.line(record.json.text) } else { show(record) }
    }
  }

  /// What has begun ends.
  mutating func finish() { end { _ in true } }

  private mutating func show(_ record: OutputRecord) {
    let task = "\(Namespace(record.namespace).shown(record.task)) (step \(record.step)"
    let attempt = record.attempt > 1 ? ", attempt \(record.attempt)" : ""
    let stream = record.stream == .stdout ? "" : ", \(record.stream.rawValue)"
    let title = "\(task)\(attempt)\(stream))"
    let now = ContinuousClock.now
    // One task's streams and attempts stay in order.
    end { [patience] in $0.title != title && ($0.task == task || now - $0.since >= patience) }
    let begun = open.firstIndex { $0.title == title }.map { open.remove(at: $0).text } ?? ""
    var lines = (begun + record.text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let rest = lines.removeLast()
    show(lines, under: title)
    if !rest.isEmpty { open.append(Open(title: title, task: task, text: rest, since: now)) }
  }

  private mutating func end(where isOver: (Open) -> Bool) {
    let over = open.filter(isOver)
    open.removeAll(where: isOver)
    for line in over { show([line.text], under: line.title) }
  }

  private mutating func show(_ lines: [String], under title: String) {
    guard !lines.isEmpty else { return }
    if title != heading { Sink.output.line(style.bold(title)) }
    heading = title
    for line in lines { Sink.output.line("  " + SafeText.line(line.last == "\r" ? String(line.dropLast()) : line)) }
  }
}
