import Graph
import GraphRuntime

/// A thread's checkpoints as rows, with the tree they form where there is more than one line.
struct HistoryTable {
  private let lines: [HistoryLine]
  private let head: Int

  /// Newest first.
  private let gaps: [CheckpointGap]
  private let created: [Int: Timestamp]

  /// - Parameters:
  ///   - lines: newest first; those of graphs inside tasks behind what followed them.
  ///   - gaps: numbers that the thread does not have, ascending.
  init(_ lines: [HistoryLine], head: Int, gaps: [CheckpointGap] = []) {
    self.lines = lines
    self.head = head
    self.gaps = gaps.reversed()
    let own = lines.map(\.entry.record).filter(\.namespace.isEmpty)
    created = Dictionary(own.map { ($0.number, $0.created) }, uniquingKeysWith: { $1 })
  }

  var table: Table {
    let titles = ["N", "FROM", "STEP", "SOURCE", "STATUS", "TOOK", "RAN", "CHANGED", "NEXT", "MADE"]
    let leavingOut = ["MADE", "SOURCE", "STEP", "TOOK"]
    let rows = tree
    guard rows.contains(where: { $0.branch.count > 1 }) else {
      return Table(titles, lines.map(cells), leavingOut: leavingOut)
    }
    return Table([""] + titles, rows.map { [$0.branch] + $0.cells }, leavingOut: leavingOut)
  }

  /// The checkpoints with the lines that join them, and the gaps that lines lead into.
  private var tree: [(branch: String, cells: [String])] {
    var tree = HistoryTree()
    var rows: [(branch: String, cells: [String])] = []
    var gaps = gaps[...]
    func end(above number: Int) {
      while let gap = gaps.first, gap.numbers.lowerBound > number {
        gaps.removeFirst()
        if let branch = tree.end(in: gap.numbers) { rows.append((branch, cells(gap))) }
      }
    }
    for line in lines {
      let record = line.entry.record
      if record.namespace.isEmpty { end(above: record.number) }
      rows.append((tree.line(of: record), cells(line)))
    }
    end(above: 0)
    return rows
  }

  private func cells(_ gap: CheckpointGap) -> [String] {
    let (first, last) = (gap.numbers.lowerBound, gap.numbers.upperBound)
    let numbers = first == last ? "\(first)" : "\(first)–\(last)"
    return [numbers, "", "", "", gap.reason.rawValue, "", "", "", "", ""]
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

  /// The places of the lines that lead to `gone`, where they end; `nil` where none does.
  mutating func end(in gone: ClosedRange<Int>) -> String? {
    let ending = columns.indices.filter { columns[$0].map(gone.contains) ?? false }
    guard let last = ending.last else { return nil }
    let text = drawn { ending.contains($0) ? "┊" : nil }
    for index in ending { columns[index] = nil }
    while columns.last == .some(nil) { columns.removeLast() }
    return Self.joined(text, last, last)
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
