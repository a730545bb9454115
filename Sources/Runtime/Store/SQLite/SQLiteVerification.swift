import GRDB
import Graph

/// What one look at the store came to.
package struct StoreFinding: Sendable, Hashable {
  package var name: String
  package var problems: [String]

  package init(_ name: String, _ problems: [String]) {
    self.name = name
    self.problems = problems
  }
}

/// Everything that is stored, looked over: SQLite's own structure, every row's checksum, and that lines are lines.
struct SQLiteVerification {
  let db: Database

  /// What a look at SQLite's own structure shows: quick, also where much is stored.
  func quickProblems() throws -> [String] {
    var problems: [String] = []
    for var row in try db.rows("PRAGMA quick_check(20)") {
      let text = try row.text()
      if text != "ok" { problems.append(text) }
    }
    return problems.isEmpty ? try heads() : problems
  }

  func problems() throws -> [String] { try findings().flatMap(\.problems) }

  /// What each look came to. Where SQLite's own structure is damaged, nothing else is looked at.
  func findings() throws -> [StoreFinding] {
    let structure = StoreFinding("structure", try integrity())
    guard structure.problems.isEmpty else { return [structure] }
    return try [
      structure, StoreFinding("rows", rows()), StoreFinding("checkpoints", lines()),
      StoreFinding("numbers", numbers()), StoreFinding("heads", heads()),
    ]
  }

  private func integrity() throws -> [String] {
    var problems: [String] = []
    for var row in try db.rows("PRAGMA integrity_check(20)") {
      let text = try row.text()
      if text != "ok" { problems.append(text) }
    }
    for var row in try db.rows("PRAGMA foreign_key_check") {
      problems.append("a row of \(try row.text()) belongs to no thread")
    }
    return problems
  }

  /// Each row by itself.
  private func rows() throws -> [String] {
    var problems: [String] = []
    func look(_ table: String, _ sql: String, _ read: (StoredRow) throws(Malformed) -> Void) throws {
      try db.forEachRow(sql) { row in
        do { try read(row) } catch {
          problems.append("\(table) \(row.columns.prefix(4).map(\.label).joined(separator: " ")): \(error)")
        }
      }
    }
    try look("thread", SQL.thread) { row throws(Malformed) in _ = try ThreadRecord(row) }
    try look("graph", SQL.graph) { row throws(Malformed) in _ = try GraphRecord(row) }
    try look("task", SQL.allTasks) { row throws(Malformed) in _ = try TaskRecord(row) }
    try look("note", SQL.note) { row throws(Malformed) in _ = try NoteRecord(row) }
    try look("gap", SQL.gap) { row throws(Malformed) in _ = try CheckpointGap(row) }
    try look("output", SQL.output) { row throws(Malformed) in _ = try OutputRecord(row) }
    try look("service", SQL.service) { row throws(Malformed) in _ = try ServiceRecord(row) }
    try look("cache", SQL.cache) { row throws(Malformed) in _ = try CacheRecord(row) }
    try look("memory", SQL.memory) { row throws(Malformed) in _ = try MemoryItem(row) }
    return problems
  }

  /// Each checkpoint against its parent and the tasks between, and its texts.
  private func lines() throws -> [String] {
    var problems: [String] = []
    try db.forEachRow(
      "SELECT thread, namespace, \(CheckpointRow.columns) FROM checkpoint ORDER BY thread, namespace, number"
    ) {
      var stored = $0
      let (thread, namespace) = (ThreadID(rawValue: try stored.text()), try stored.text())
      do {
        let row = try CheckpointRow(StoredRow(Array(stored.columns.dropFirst(2))))
        try SQLiteReading(db: db, thread: thread).check(row, namespace)
        _ = try row.record(namespace)
        _ = try row.readSnapshot()
        try checkParent(of: row, thread, namespace)
      } catch {
        problems.append("\(StoreError.describe(error, "thread \(thread), checkpoint \(stored.columns[2].label)"))")
      }
    }
    return problems
  }

  private func checkParent(of row: CheckpointRow, _ thread: ThreadID, _ namespace: String) throws {
    guard let parent = row.parent else { return }
    var stored = try db.row(
      "SELECT checksum FROM checkpoint WHERE thread = ? AND namespace = ? AND number = ?",
      [.text(thread.rawValue), .text(namespace), .int(parent)])
    guard stored != nil else {
      let gaps = try SQLiteReading(db: db, thread: thread).gaps(namespace)
      guard row.isBase, row.snapshot != nil, gaps.around(parent) != nil else {
        throw Malformed("its parent \(parent) is missing")
      }
      return
    }
    guard try stored?.text() == row.parentChecksum else {
      throw Malformed("its parent \(parent) is another than it grew from")
    }
  }

  /// Every number up to the newest is a checkpoint's or told to be gone, and no other.
  private func numbers() throws -> [String] {
    var problems: [String] = []
    for var row in try db.rows("SELECT DISTINCT thread, namespace FROM checkpoint ORDER BY 1, 2") {
      let (thread, namespace) = (ThreadID(rawValue: try row.text()), try row.text())
      let stored = try db.rows(
        "SELECT number FROM checkpoint WHERE thread = ? AND namespace = ? ORDER BY number",
        [.text(thread.rawValue), .text(namespace)]
      ).map { row in
        var row = row
        return try row.int()
      }
      let gone = try SQLiteReading(db: db, thread: thread).gaps(namespace).map(\.numbers)
      let place = "thread \(thread)\(namespace.isEmpty ? "" : ", \(namespace)")"
      problems += Self.holes(stored, gone).map { "\(place): \($0)" }
    }
    return problems
  }

  private static func holes(_ stored: [Int], _ gone: [ClosedRange<Int>]) -> [String] {
    let all = (stored.map { $0...$0 } + gone).sorted { $0.lowerBound < $1.lowerBound }
    var expected = 1
    var problems: [String] = []
    for range in all where range.lowerBound <= stored.last ?? 0 {
      if range.lowerBound > expected {
        let last = range.lowerBound - 1
        problems.append("checkpoint\(last > expected ? "s \(expected) to" : "") \(last) missing")
      } else if range.lowerBound < expected {
        problems.append("checkpoint \(range.lowerBound) is told to be gone and is there")
      }
      expected = max(expected, range.upperBound + 1)
    }
    return problems
  }

  private func heads() throws -> [String] {
    try db.rows(
      """
      SELECT id, head, newest FROM (
        SELECT id, head, (SELECT max(number) FROM checkpoint WHERE thread = id AND namespace = '') AS newest FROM thread
      ) WHERE head != coalesce(newest, 0)
      """
    ).map {
      "thread \($0.columns[0].label): its head is \($0.columns[1].label), its newest checkpoint \($0.columns[2].label)"
    }
  }
}

extension Column {
  /// For messages: short, and without line ends.
  fileprivate var label: String { String(description.prefix(40).map { $0.isNewline ? " " : $0 }) }
}

extension StoreError {
  fileprivate static func describe(_ error: any Error, _ place: String) -> String {
    if case .damaged(let what)? = error as? StoreError { return what }
    return "\(place): \(error)"
  }
}
