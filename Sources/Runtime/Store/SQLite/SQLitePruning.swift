import GRDB
import Graph

/// Takes checkpoints away, from the newest down, so that what is left is whole after every piece: a row's parent is
/// never gone before it, unless the row was made a base.
struct SQLitePruning {
  let db: Database
  let thread: ThreadID
  let namespace: String

  private var line: [Column] { [.text(thread.rawValue), .text(namespace)] }
  private var reading: SQLiteReading { SQLiteReading(db: db, thread: thread) }

  /// Checkpoints that stay while their parent goes, ascending.
  func orphans(of doomed: Set<Int>) throws -> [Int] {
    guard let first = doomed.min(), let last = doomed.max() else { return [] }
    return try db.rows(SQL.children, line + [.int(first), .int(last)]).compactMap { row in
      var row = row
      let (number, parent) = (try row.int(), try row.int())
      return doomed.contains(parent) && !doomed.contains(number) ? number : nil
    }
  }

  /// Reading `number` no longer needs what is before it.
  func makeBase(_ number: Int) throws {
    guard var row = try reading.row(number, namespace), !row.isBase,
      let values = try reading.checkpoint(number, namespace: namespace)?.values
    else { return }
    row.keepSnapshot(of: values)
    try db.change(
      SQL.becomeBase,
      [.int(row.base), .int(row.baseBytes), Column(row.snapshot), .text(row.sealedBase())] + line + [.int(number)])
  }

  /// Removes about `limit` rows of `numbers`, which come last first.
  ///
  /// - Returns: the numbers that are still to be removed.
  func remove(_ numbers: ArraySlice<Int>, limit: Int) throws -> ArraySlice<Int> {
    var rest = numbers
    var room = limit
    var gone: [Int] = []
    while let number = rest.first, room > 0 {
      let isEnded = try stepChild(of: number) != nil
      for sql in isEnded ? [] : [SQL.removeOutput, SQL.removeTasks] where room > 0 {
        try db.change(sql, line + [.int(number), .int(room)])
        room -= db.changesCount
      }
      guard room > 0 else { break }
      try db.change(SQL.removeCheckpoint, line + [.int(number)])
      room -= db.changesCount
      gone.append(number)
      rest.removeFirst()
    }
    try note(gone)
    return rest
  }

  /// The end of the super-step that `number` began: while it stays, so do the tasks that led to it.
  private func stepChild(of number: Int) throws -> Int? { try db.int(SQL.stepChild, line + [.int(number)]) }

  private func note(_ gone: [Int]) throws {
    guard !gone.isEmpty else { return }
    let gaps = try reading.gaps(namespace).adding(gone, namespace, .pruned)
    try db.change(SQL.endGaps, line)
    for gap in gaps { try db.change(SQL.putGap, RowBytes.sealed("gap", gap.columns(of: thread))) }
  }
}
