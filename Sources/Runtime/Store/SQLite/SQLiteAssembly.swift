import GRDB
import Graph

/// Puts a thread together from parts: rows are sealed anew, under the thread's own name.
struct SQLiteAssembly {
  let db: Database
  let fence: Fence

  private var thread: ThreadID { fence.thread }
  private var commit: SQLiteCommit { SQLiteCommit(db: db, thread: thread) }
  private var reading: SQLiteReading { SQLiteReading(db: db, thread: thread) }

  func assemble(_ give: (PartTaker) throws -> Void) throws {
    guard try reading.header() == nil else { throw StoreError.refused("thread \(thread) exists already") }
    try give(put)
    guard let header = try reading.header() else { throw StoreError.refused("thread \(thread) has no header") }
    let newest = try db.int(SQL.newest, [.text(thread.rawValue), .text("")]) ?? 0
    guard header.head == newest else {
      throw StoreError.refused("thread \(thread): head \(header.head), newest checkpoint \(newest)")
    }
  }

  private func put(_ part: ThreadPart) throws {
    switch part {
    case .checkpoint(let record, let values):
      try part.change.map { try [$0].checkLimits() }
      try append(record, values)
    case .gap(let gap): try db.change(SQL.putGap, RowBytes.sealed("gap", gap.columns(of: thread)))
    default: try part.change.map { try make(EncodedCommit([$0], of: thread)) }
    }
  }

  private func make(_ changes: EncodedCommit) throws {
    if let header = changes.header {
      guard try reading.header() == nil else { throw StoreError.refused("thread \(thread) has two headers") }
      try db.change(SQL.putFirstThread, header, and: [.int(fence.number)])
    }
    var commit = commit
    try commit.make(changes)
  }

  private func append(_ record: CheckpointRecord, _ values: JSONObject?) throws {
    var commit = commit
    try commit.append(EncodedCheckpoint(record)) { row, parent in
      if let parent {
        try row.follow(parent) { try state(after: record) }
      } else if let values {
        row.keepSnapshot(of: values)
      }
    }
  }

  /// The parent's state with what `record` changed.
  private func state(after record: CheckpointRecord) throws -> JSONObject {
    try record.state(from: reading.checkpoint(record.parent, namespace: record.namespace)?.values ?? [:])
  }
}

extension ThreadPart {
  /// The part as the change of a commit that stores it.
  var change: StoreChange? {
    switch self {
    case .thread(let record): .thread(record)
    case .graph(let record): .graph(record)
    case .gap: nil
    case .checkpoint(let record, let values): .checkpoint(record, values: values ?? [:])
    case .task(let record): .task(record)
    case .note(let record): .note(record)
    case .output(let record): .output([record])
    }
  }
}
