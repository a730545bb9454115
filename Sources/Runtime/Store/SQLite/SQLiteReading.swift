import GRDB
import Graph

/// Reads of one thread's rows, each row checked; what is damaged is named with its thread and checkpoint.
struct SQLiteReading {
  let db: Database
  let thread: ThreadID

  func header() throws -> ThreadRecord? {
    try db.row("\(SQL.thread) WHERE id = ?", key).map { row in
      try checked("header") { () throws(Malformed) in try ThreadRecord(row) }
    }
  }

  /// The checkpoint and its state: the nearest snapshot, then what changed from there.
  func checkpoint(_ number: Int?, namespace: String) throws -> StoredCheckpoint? {
    guard let number = try number ?? newest(namespace), let row = try row(number, namespace) else { return nil }
    var line = [row]
    while let last = line.last, !last.isBase {
      guard let parent = last.parent, let next = try self.row(parent, namespace) else {
        throw StoreError.damaged("\(place(last.number, namespace)): its parent is missing")
      }
      guard last.parentChecksum == next.checksum else {
        throw StoreError.damaged("\(place(last.number, namespace)): its parent \(parent) is another than it grew from")
      }
      line.append(next)
    }
    for row in line { try check(row, namespace) }
    return StoredCheckpoint(
      record: try checked(number, namespace) { () throws(Malformed) in try row.record(namespace) },
      values: try values(of: line.reversed(), namespace))
  }

  func history(namespace: String, before: Int?, limit: Int?) throws -> [HistoryEntry] {
    let range: [Column] = [.text(namespace), .int(before ?? .max), .int(limit ?? -1)]
    return try db.rows(SQL.history, key + range).map { stored in
      let row = try checked("history") { () throws(Malformed) in try CheckpointRow(stored) }
      let record = try checked(row.number, namespace) { () throws(Malformed) in
        try row.record(namespace, withDeltas: false)
      }
      let ran = record.source == .step ? try record.parent.map { try tasks(namespace: namespace, checkpoint: $0) } : nil
      let deltas = try checked(row.number, namespace) { () throws(Malformed) in try row.readDeltas() }
      return HistoryEntry(record: record, ran: ran ?? [], deltas: deltas.map(\.channel))
    }
  }

  func namespaces() throws -> [String] {
    try db.rows(SQL.namespaces, key).map { row in
      var row = row
      return try row.text()
    }
  }

  func tasks(namespace: String, checkpoint: Int) throws -> [TaskRecord] {
    try db.rows(SQL.tasks, key + [.text(namespace), .int(checkpoint)]).map { row in
      try checked("tasks of \(place(checkpoint, namespace))") { () throws(Malformed) in try TaskRecord(row) }
    }
  }

  func output(after count: Int) throws -> [OutputRecord] {
    var records: [OutputRecord] = []
    try db.forEachRow("\(SQL.output) WHERE thread = ? ORDER BY serial LIMIT -1 OFFSET ?", key + [.int(count)]) { row in
      records.append(try checked("output") { () throws(Malformed) in try OutputRecord(row) })
    }
    return records
  }

  func services() throws -> [ServiceRecord] {
    try db.rows("\(SQL.service) WHERE thread = ? ORDER BY serial", key).map { row in
      try checked("services") { () throws(Malformed) in try ServiceRecord(row) }
    }
  }

  func notes(key: String) throws -> [NoteRecord] {
    try db.rows("\(SQL.note) WHERE thread = ? AND key = ? ORDER BY serial", self.key + [.text(key)]).map { row in
      try checked("notes") { () throws(Malformed) in try NoteRecord(row) }
    }
  }

  func owner() throws -> OwnerRecord? {
    try db.row(SQL.owner, key).map { row in try checked("owner") { () throws(Malformed) in try OwnerRecord(row) } }
  }
}

extension SQLiteReading {
  var key: [Column] { [.text(thread.rawValue)] }

  /// A header that is ahead of every checkpoint tells that the newest was lost.
  private func newest(_ namespace: String) throws -> Int? {
    let newest = try db.int(SQL.newest, key + [.text(namespace)])
    if namespace.isEmpty, let head = try header()?.head, head > newest ?? 0 {
      throw StoreError.damaged("\(place(head, namespace)): the thread's newest checkpoint is missing")
    }
    return newest
  }

  func row(_ number: Int, _ namespace: String) throws -> CheckpointRow? {
    try db.row(SQL.checkpoint, key + [.text(namespace), .int(number)]).map { row in
      try checked(number, namespace) { () throws(Malformed) in try CheckpointRow(row) }
    }
  }

  /// Compares the row and the tasks that led to it with the checksum.
  func check(_ row: CheckpointRow, _ namespace: String) throws {
    let tasks = try row.source == "step" ? db.taskChecksums(thread, namespace, row.parent) : []
    guard row.sealed(thread, namespace, tasks: tasks) == row.checksum, row.sealedBase() == row.baseChecksum else {
      throw StoreError.damaged(
        "\(place(row.number, namespace)): it or a task before it is not what was stored (checksum)")
    }
  }

  private func values(of line: [CheckpointRow], _ namespace: String) throws -> JSONObject {
    var state: JSONObject = [:]
    for (index, row) in line.enumerated() {
      try checked(row.number, namespace) { () throws(Malformed) in
        if index == 0, let snapshot = try row.readSnapshot() {
          state = snapshot
          return
        }
        if index == 0, row.parent != nil { throw Malformed("its snapshot is missing") }
        for delta in try row.readDeltas() {
          do { try delta.apply(to: &state) } catch { throw Malformed("\(error)") }
        }
      }
    }
    return state
  }

  private func place(_ number: Int, _ namespace: String) -> String {
    "thread \(thread), \(namespace.isEmpty ? "" : "\(namespace), ")checkpoint \(number)"
  }

  func checked<Value>(
    _ number: Int, _ namespace: String, _ read: () throws(Malformed) -> Value
  ) throws(StoreError) -> Value {
    do { return try read() } catch { throw .damaged("\(place(number, namespace)): \(error)") }
  }

  func checked<Value>(_ what: String, _ read: () throws(Malformed) -> Value) throws(StoreError) -> Value {
    do { return try read() } catch { throw .damaged("thread \(thread), \(what): \(error)") }
  }
}
