import GRDB
import Graph

/// One commit under way: what it changes, held to the rules of ``Checkpointer/commit(_:fence:)``.
final class SQLiteCommit {
  let db: Database
  let thread: ThreadID

  /// Whether anything was noted down for a task of the thread; not looked up yet.
  private var knownNotes: Bool?

  /// The checkpoint whose tasks were stored last, and has no `step` child yet.
  private var open: (namespace: String, checkpoint: Int)?

  init(db: Database, thread: ThreadID) {
    self.db = db
    self.thread = thread
  }

  /// Checkpoints come last: their checksums are over the tasks of the same commit.
  func make(_ changes: [StoreChange]) throws {
    try changes.checkLimits()
    for change in changes {
      switch change {
      case .checkpoint: continue
      case .thread(let record): try put(record)
      case .graph(let record): try put(SQL.putGraph, "graph", record.columns)
      case .task(let record): try put(record)
      case .output(let records):
        for record in records { try put(SQL.putOutput, "output", record.columns(of: thread)) }
      case .service(let record): try put(record)
      case .serviceEnded(let key): try db.change(SQL.endService, [.text(thread.rawValue), .text(key)])
      case .cache(let record): try put(SQL.putCache, "cache", record.columns)
      case .note(let record):
        knownNotes = true
        try put(SQL.putNote, "note", record.columns(of: thread))
      case .memory(let change): try SQLiteMemory(db: db).make(change)
      }
    }
    for case .checkpoint(let record, let values) in changes { try append(record, values) }
  }

  func put(_ sql: String, _ table: String, _ columns: [Column]) throws {
    try db.change(sql, columns + [.text(Checksum.of(table, columns))])
  }

  private func put(_ record: ThreadRecord) throws {
    guard record.id == thread else { throw StoreError.refused("thread \(record.id)'s header with \(thread)'s fence") }
    try put(SQL.putThread, "thread", record.columns)
  }

  private func put(_ record: ServiceRecord) throws {
    guard record.thread == thread else { throw StoreError.refused("\(record.thread)'s service with \(thread)'s fence") }
    try put(SQL.putService, "service", record.columns)
  }

  func put(_ record: TaskRecord) throws {
    if let child = try child(of: record.checkpoint, record.id.namespace) {
      throw StoreError.refused(
        "task \(record.label) of checkpoint \(record.checkpoint), which checkpoint \(child) ended")
    }
    var columns = record.columns(of: thread)
    let checksum = Checksum.of("task", columns)
    columns.remove(at: TaskRecord.fanOutColumn)
    try db.change(SQL.putTask(isFanOut: record.isFanOut), columns + [.text(checksum)])
    if record.isFinished, try hasNotes() {
      try db.change(SQL.endNotes, [.text(thread.rawValue), .text(TaskKey.key(thread, record.id))])
    }
  }

  private func hasNotes() throws -> Bool {
    if let knownNotes { return knownNotes }
    let isThere = try db.int(SQL.hasNotes, [.text(thread.rawValue)]) != nil
    knownNotes = isThere
    return isThere
  }

  /// The `step` child of a checkpoint.
  private func child(of checkpoint: Int, _ namespace: String) throws -> Int? {
    if let open, open == (namespace, checkpoint) { return nil }
    let child = try db.int(SQL.stepChild, [.text(thread.rawValue), .text(namespace), .int(checkpoint)])
    if child == nil { open = (namespace, checkpoint) }
    return child
  }

  private func append(_ record: CheckpointRecord, _ values: JSONObject) throws {
    let deltas = record.deltas
    try append(record) { row, parent in
      if let parent {
        row.follow(parent) { values }
      } else if row.parent == nil, !(try deltas.make(values)) {
        row.keepSnapshot(of: values)
      }
    }
  }

  /// - Parameter place: puts the row below its parent, or makes it the beginning of a line.
  func append(_ record: CheckpointRecord, _ place: (inout CheckpointRow, CheckpointLine?) throws -> Void) throws {
    let line = [Column.text(thread.rawValue), .text(record.namespace)]
    if let newest = try db.int(SQL.newest, line), newest >= record.number {
      throw StoreError.refused("checkpoint \(record.number) after \(newest)")
    }
    var row = CheckpointRow(record, deltas: JSON.array(record.deltas.map(\.json)).text)
    let parent = try record.parent.flatMap { try db.row(SQL.line, line + [.int($0)]) }.map(CheckpointLine.init(_:))
    try place(&row, parent)
    guard parent != nil || row.parent == nil || row.snapshot != nil else {
      throw StoreError.refused("checkpoint \(record.number) of a parent \(record.parent ?? 0) that is not stored")
    }
    open = nil
    row.seal(thread, record.namespace, tasks: record.source == .step ? try taskChecksums(record) : [])
    try db.change(SQL.putCheckpoint, row.values + line)
  }

  private func taskChecksums(_ record: CheckpointRecord) throws -> [String] {
    try db.taskChecksums(thread, record.namespace, record.parent)
  }
}

extension Database {
  /// The checksums of the tasks that see `checkpoint`.
  func taskChecksums(_ thread: ThreadID, _ namespace: String, _ checkpoint: Int?) throws -> [String] {
    guard let checkpoint else { return [] }
    return try rows(SQL.taskChecksums, [.text(thread.rawValue), .text(namespace), .int(checkpoint)]).map {
      var row = $0
      return try row.text()
    }
  }
}

extension [ChannelDelta] {
  /// Whether the changes alone give `values`, so that the first checkpoint of a line needs no snapshot besides.
  fileprivate func make(_ values: JSONObject) throws -> Bool {
    var state: JSONObject = [:]
    do {
      for delta in self { try delta.apply(to: &state) }
    } catch {
      throw StoreError.refused("\(error)")
    }
    return state == values
  }
}
