import Graph
import GraphRuntime

/// A thread's checkpoints as rows, with the tree they form where there is more than one line.
struct HistoryTable {
  private let lines: [HistoryLine]
  private let head: Int
  private let created: [Int: Timestamp]

  /// - Parameter lines: newest first; those of graphs inside tasks behind what followed them.
  init(_ lines: [HistoryLine], head: Int) {
    self.lines = lines
    self.head = head
    let own = lines.map(\.entry.record).filter(\.namespace.isEmpty)
    created = Dictionary(own.map { ($0.number, $0.created) }, uniquingKeysWith: { $1 })
  }

  var table: Table {
    let titles = ["N", "FROM", "STEP", "SOURCE", "STATUS", "TOOK", "RAN", "CHANGED", "NEXT", "MADE"]
    var tree = HistoryTree()
    let branches = lines.map { tree.line(of: $0.entry.record) }
    let isForked = branches.contains { $0.count > 1 }
    return Table(
      isForked ? [""] + titles : titles, zip(lines, branches).map { isForked ? [$1] + cells($0) : cells($0) },
      leavingOut: ["MADE", "SOURCE", "STEP", "TOOK"])
  }

  private func cells(_ line: HistoryLine) -> [String] {
    let record = line.entry.record
    let place = record.namespace.isEmpty ? "" : "\(record.namespace) "
    let isPassed = line.status == .running && record.number != head
    return [
      "\(place)\(record.number)", record.parent.map { "\($0)" } ?? "", "\(record.step)", record.source.rawValue,
      isPassed ? "" : line.status.rawValue, took(line.entry), line.entry.ran.spoken,
      line.entry.changed.map(\.rawValue).joined(separator: ", "), line.next.spoken, record.created.iso8601.spokenTime,
    ]
  }

  /// What the super-step took by the clock, but no more than its tasks did one after the other: a stop between is no part.
  private func took(_ entry: HistoryEntry) -> String {
    let seconds = entry.ran.compactMap(\.seconds)
    guard let longest = seconds.max() else { return "" }
    let before = entry.record.namespace.isEmpty ? entry.record.parent.flatMap { created[$0] } : nil
    let passed = before.map { Double(entry.record.created.milliseconds - $0.milliseconds) / 1000 } ?? longest
    return spoken(min(max(passed, longest), seconds.reduce(0, +)))
  }
}

/// The lines that join checkpoints to those they grew from, drawn from the newest down.
struct HistoryTree {
  /// The checkpoint each line leads down to; `nil` where none is.
  private var columns: [Int?] = []

  /// The checkpoint's own place with the lines beside it; what grew from it joins there.
  mutating func line(of record: CheckpointRecord) -> String {
    guard record.namespace.isEmpty else { return drawn { _ in nil } }
    let own = place(of: record.number)
    let joining = columns.indices.filter { $0 > own && columns[$0] == record.number }
    let last = joining.last ?? own
    let text = drawn { index in
      switch index {
      case own: "●"
      case last: "╯"
      case own..<last: joining.contains(index) ? "┴" : columns[index] == nil ? "─" : "┼"
      default: nil
      }
    }
    for index in joining { columns[index] = nil }
    columns[own] = record.parent
    while columns.last == .some(nil) { columns.removeLast() }
    return Self.joined(text, own, last)
  }

  private mutating func place(of number: Int) -> Int {
    if let place = columns.firstIndex(of: number) { return place }
    let place = columns.firstIndex(of: nil) ?? columns.count
    if place == columns.count { columns.append(nil) }
    columns[place] = number
    return place
  }

  private func drawn(_ mark: (Int) -> String?) -> String {
    columns.indices.map { mark($0) ?? (columns[$0] == nil ? " " : "│") }.joined()
  }

  /// A blank between the columns, a line from `own` to `last`.
  private static func joined(_ marks: String, _ own: Int, _ last: Int) -> String {
    var text = ""
    for (index, mark) in marks.enumerated() {
      if index > 0 { text += index > own && index <= last ? "─" : " " }
      text.append(mark)
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}
