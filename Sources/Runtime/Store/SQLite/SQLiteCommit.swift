import GRDB
import Graph

/// One commit under way: what it changes, held to the rules of ``Checkpointer/commit(_:fence:)``.
struct SQLiteCommit {
  let db: Database
  let thread: ThreadID

  /// What is known of the thread, kept up to date.
  var tail = ThreadTail()

  /// The checkpoint whose tasks were stored last, and has no `step` child yet.
  private var open: (namespace: String, checkpoint: Int)?

  init(db: Database, thread: ThreadID, tail: ThreadTail = ThreadTail()) {
    self.db = db
    self.thread = thread
    self.tail = tail
  }

  mutating func make(_ changes: EncodedCommit) throws {
    for part in changes.parts {
      switch part {
      case .row(let row): try put(row)
      case .note(let row):
        tail.hasNotes = true
        try put(row)
      case .task(let task): try put(task)
      case .serviceEnded(let key): try db.change(SQL.endService, [.text(thread.rawValue), .text(key)])
      case .memory(let change): try SQLiteMemory(db: db).make(change)
      }
    }
    for checkpoint in changes.checkpoints { try append(checkpoint) }
  }

  private func put(_ row: EncodedRow) throws { try db.change(row.sql, row.bytes) }

  mutating func put(_ task: EncodedTask) throws {
    if let child = try child(of: task.checkpoint, task.id.namespace) {
      throw StoreError.refused("task \(task.label) of checkpoint \(task.checkpoint), which checkpoint \(child) ended")
    }
    try db.change(SQL.putTask, task.row)
    tail.note(task)
    if task.isFinished, try hasNotes() {
      try db.change(SQL.endNotes, [.text(thread.rawValue), .text(TaskKey.key(thread, task.id))])
    }
  }

  private mutating func hasNotes() throws -> Bool {
    if let known = tail.hasNotes { return known }
    let isThere = try db.int(SQL.hasNotes, [.text(thread.rawValue)]) != nil
    tail.hasNotes = isThere
    return isThere
  }

  /// The `step` child of a checkpoint; the newest has none.
  private mutating func child(of checkpoint: Int, _ namespace: String) throws -> Int? {
    if let open, open == (namespace, checkpoint) { return nil }
    if tail[namespace]?.number == checkpoint { return nil }
    let child = try db.int(SQL.stepChild, [.text(thread.rawValue), .text(namespace), .int(checkpoint)])
    if child == nil { open = (namespace, checkpoint) }
    return child
  }

  private mutating func append(_ checkpoint: EncodedCheckpoint) throws {
    try append(checkpoint) { row, parent in
      if let parent {
        row.follow(parent) { checkpoint.values }
      } else if row.parent == nil, !(try checkpoint.record.deltas.make(checkpoint.values)) {
        row.keepSnapshot(of: checkpoint.values)
      }
    }
  }

  /// - Parameter place: puts the row below its parent, or makes it the beginning of a line.
  mutating func append(
    _ checkpoint: EncodedCheckpoint, _ place: (inout CheckpointRow, CheckpointLine?) throws -> Void
  ) throws {
    let record = checkpoint.record
    let line = [Column.text(thread.rawValue), .text(record.namespace)]
    if let newest = try tail[record.namespace]?.number ?? db.int(SQL.newest, line), newest >= record.number {
      throw StoreError.refused("checkpoint \(record.number) after \(newest)")
    }
    var row = checkpoint.row
    let parent = try record.parent.flatMap { try self.line(of: $0, record.namespace) }
    try place(&row, parent)
    guard parent != nil || row.parent == nil || row.snapshot != nil else {
      throw StoreError.refused("checkpoint \(record.number) of a parent \(record.parent ?? 0) that is not stored")
    }
    open = nil
    let bytes = row.seal(thread, record.namespace, tasks: record.source == .step ? try taskChecksums(record) : [])
    try db.change(SQL.putCheckpoint, bytes)
    let hasTasks = try tail[record.namespace].map(\.hasLaterTasks) != false && self.hasTasks(from: record)
    tail[record.namespace] = ThreadTail.Newest(number: record.number, line: CheckpointLine(row), hasTasks: hasTasks)
  }

  /// Whether any task is stored that sees the checkpoint or a later one.
  private func hasTasks(from record: CheckpointRecord) throws -> Bool {
    try db.int(SQL.taskFrom, [.text(thread.rawValue), .text(record.namespace), .int(record.number)]) != nil
  }

  private func line(of number: Int, _ namespace: String) throws -> CheckpointLine? {
    if let newest = tail[namespace], newest.number == number { return newest.line }
    return try db.row(SQL.line, [.text(thread.rawValue), .text(namespace), .int(number)]).map(CheckpointLine.init(_:))
  }

  private func taskChecksums(_ record: CheckpointRecord) throws -> [String] {
    if let newest = tail[record.namespace], newest.number == record.parent, let known = newest.taskChecksums {
      return known
    }
    return try db.taskChecksums(thread, record.namespace, record.parent)
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
