import GRDB
import Graph

extension SQLiteReading {
  /// The whole thread, each row checked: what comes later refers only to what came before.
  func parts(_ take: (ThreadPart) throws -> Void) throws {
    guard let header = try header() else { return }
    try take(.thread(header))
    if let row = try db.row("\(SQL.graph) WHERE hash = ?", [.text(header.graphHash)]) {
      try take(.graph(try naming("graph \(header.graphHash)") { () throws(Malformed) in try GraphRecord(row) }))
    }
    for namespace in try allNamespaces() {
      for gap in try gaps(namespace) { try take(.gap(gap)) }
      for number in try numbers(namespace) { try line(number, namespace, take) }
    }
    for note in try notes() { try take(.note(note)) }
    try db.forEachRow("\(SQL.output) WHERE thread = ? ORDER BY serial", key) { row in
      try take(.output(try checked("output") { () throws(Malformed) in try OutputRecord(row) }))
    }
  }

  /// A checkpoint and the tasks that see it.
  private func line(_ number: Int, _ namespace: String, _ take: (ThreadPart) throws -> Void) throws {
    if let row = try row(number, namespace) {
      try check(row, namespace)
      let record = try checked(number, namespace) { () throws(Malformed) in try row.record(namespace) }
      let grows = try row.parent.map { try isStored($0, namespace) } ?? (row.snapshot == nil)
      try take(.checkpoint(record, values: grows ? nil : try checkpoint(number, namespace: namespace)?.values))
    }
    for task in try tasks(namespace: namespace, checkpoint: number) { try take(.task(task)) }
  }

  /// Whether there is such a checkpoint, readable or not.
  func isStored(_ number: Int, _ namespace: String) throws -> Bool {
    try db.int(SQL.isStored, key + [.text(namespace), .int(number)]) != nil
  }

  /// Also those that have only tasks.
  func allNamespaces() throws -> [String] {
    try db.rows(SQL.allNamespaces, key).map { row in
      var row = row
      return try row.text()
    }
  }

  /// Of checkpoints, and of tasks whose checkpoint is gone or not there yet.
  func numbers(_ namespace: String) throws -> [Int] {
    try db.rows(SQL.numbers, key + [.text(namespace)]).map { row in
      var row = row
      return try row.int()
    }
  }

  func gaps(_ namespace: String) throws -> [CheckpointGap] {
    try db.rows("\(SQL.gap) WHERE thread = ? AND namespace = ? ORDER BY first", key + [.text(namespace)]).map { row in
      try checked("gaps") { () throws(Malformed) in try CheckpointGap(row) }
    }
  }

  private func notes() throws -> [NoteRecord] {
    try db.rows("\(SQL.note) WHERE thread = ? ORDER BY serial", key).map { row in
      try checked("notes") { () throws(Malformed) in try NoteRecord(row) }
    }
  }
}
