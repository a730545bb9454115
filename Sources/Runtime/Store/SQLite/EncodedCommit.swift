import Graph

/// The changes of a commit as they are written, worked out on the caller's thread before its turn comes: the one that writes
/// is what all threads wait for.
struct EncodedCommit: Sendable {
  enum Part: Sendable {
    case row(EncodedRow)
    case note(EncodedRow)
    case task(EncodedTask)
    case serviceEnded(key: String)
    case memory(MemoryChange)
  }

  /// The thread's, where it changes.
  private(set) var header: RowBytes?
  private(set) var parts: [Part] = []

  /// They come last: their checksums are over the tasks of the same commit.
  private(set) var checkpoints: [EncodedCheckpoint] = []

  /// - Throws: ``StoreError/refused(_:)`` for what could not be read again, or belongs to another thread.
  init(_ changes: [StoreChange], of thread: ThreadID) throws(StoreError) {
    try changes.checkLimits()
    parts.reserveCapacity(changes.count)
    for change in changes { try add(change, thread) }
  }

  private mutating func add(_ change: StoreChange, _ thread: ThreadID) throws(StoreError) {
    switch change {
    case .checkpoint(let record, let values): checkpoints.append(EncodedCheckpoint(record, values: values))
    case .thread(let record):
      guard record.id == thread else { throw .refused("thread \(record.id)'s header with \(thread)'s fence") }
      header = RowBytes.sealed("thread", record.columns)
    case .graph(let record): parts.append(.row(EncodedRow(SQL.putGraph, "graph", record.columns)))
    case .task(let record): parts.append(.task(EncodedTask(record, of: thread)))
    case .output(let records):
      for record in records { parts.append(.row(EncodedRow(SQL.putOutput, "output", record.columns(of: thread)))) }
    case .service(let record):
      guard record.thread == thread else { throw .refused("\(record.thread)'s service with \(thread)'s fence") }
      parts.append(.row(EncodedRow(SQL.putService, "service", record.columns)))
    case .serviceEnded(let key): parts.append(.serviceEnded(key: key))
    case .cache(let record): parts.append(.row(EncodedRow(SQL.putCache, "cache", record.columns)))
    case .note(let record): parts.append(.note(EncodedRow(SQL.putNote, "note", record.columns(of: thread))))
    case .memory(let change): parts.append(.memory(change))
    }
  }
}

/// A row with its checksum, and the statement that writes it.
struct EncodedRow: Sendable {
  let sql: String
  let bytes: RowBytes

  init(_ sql: String, _ table: String, _ columns: [Column]) {
    self.sql = sql
    bytes = RowBytes.sealed(table, columns)
  }
}

struct EncodedTask: Sendable {
  let id: TaskID
  let checkpoint: Int
  let label: String
  let isFinished: Bool
  let ordinal: Int
  let checksum: String
  let row: RowBytes

  init(_ record: TaskRecord, of thread: ThreadID) {
    id = record.id
    checkpoint = record.checkpoint
    label = record.label
    isFinished = record.isFinished
    ordinal = record.ordinal
    var row = RowBytes("task", record.columns(of: thread))
    checksum = row.checksum()
    row.append(checksum)
    self.row = row
  }

  /// What a checkpoint that the task's end leads to takes from it.
  var stored: ThreadTail.StoredTask { ThreadTail.StoredTask(id: id, ordinal: ordinal, checksum: checksum) }
}

/// A checkpoint whose place below its parent is still to be found.
struct EncodedCheckpoint: Sendable {
  let record: CheckpointRecord
  let values: JSONObject
  let row: CheckpointRow

  init(_ record: CheckpointRecord, values: JSONObject = [:]) {
    self.record = record
    self.values = values
    row = CheckpointRow(record, deltas: JSON.array(record.deltas.map(\.json)).text)
  }
}
