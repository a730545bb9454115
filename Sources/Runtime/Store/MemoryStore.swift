import Foundation
public import Graph
import Synchronization

/// A store that forgets: for tests, rehearsals and runs that need no durability.
public final class MemoryStore: Checkpointer {
  public let identity = UUID().uuidString.lowercased()
  private let contents = Mutex(Contents())

  public init() {}

  private struct Contents {
    var threads: [ThreadID: MemoryThread] = [:]

    /// Threads that have a header, in the order they got it.
    var order: [ThreadID] = []
    var graphs: [String: GraphRecord] = [:]
    var cache: [String: CacheRecord] = [:]
    var isClosed = false
  }
}

extension MemoryStore {
  public func acquire(_ thread: ThreadID, owner: OwnerRecord) async throws -> Fence {
    try open { contents throws(StoreError) in
      var stored = contents.threads[thread] ?? MemoryThread()
      if let owner = stored.owner { throw .busy(owner) }
      stored.fence += 1
      stored.owner = owner
      contents.threads[thread] = stored
      return Fence(thread: thread, number: stored.fence)
    }
  }

  public func release(_ fence: Fence) async throws {
    try open { contents throws(StoreError) in
      if contents.threads[fence.thread]?.fence == fence.number { contents.threads[fence.thread]?.owner = nil }
    }
  }

  public func commit(_ changes: [StoreChange], fence: Fence) async throws {
    try open { contents throws(StoreError) in
      guard let stored = contents.threads[fence.thread], stored.owner != nil, stored.fence == fence.number else {
        throw .fenced
      }
      try changes.checkLimits()
      try stored.check(changes, of: fence.thread)
      Self.make(changes, fence.thread, in: &contents)
    }
  }

  public func owner(of thread: ThreadID) async throws -> OwnerRecord? {
    try open { contents throws(StoreError) in contents.threads[thread]?.owner }
  }

  public func thread(_ id: ThreadID) async throws -> ThreadRecord? {
    try open { contents throws(StoreError) in contents.threads[id]?.header }
  }

  public func threads() async throws -> [ThreadRecord] {
    try open { contents throws(StoreError) in contents.order.reversed().compactMap { contents.threads[$0]?.header } }
  }

  public func graph(_ hash: String) async throws -> GraphRecord? {
    try open { contents throws(StoreError) in contents.graphs[hash] }
  }

  public func checkpoint(
    _ number: Int?, of thread: ThreadID, namespace: String
  ) async throws -> StoredCheckpoint? {
    try open { contents throws(StoreError) in
      guard let line = contents.threads[thread]?.lines[namespace], let number = number ?? line.numbers.last,
        let record = line.checkpoints[number]
      else { return nil }
      return StoredCheckpoint(record: record, values: try line.values(at: number))
    }
  }

  public func history(
    of thread: ThreadID, namespace: String, before: Int?, limit: Int?
  ) async throws -> [HistoryEntry] {
    try open { contents throws(StoreError) in
      guard let line = contents.threads[thread]?.lines[namespace] else { return [] }
      let numbers = line.numbers.reversed().filter { $0 < before ?? .max }.prefix(max(0, limit ?? .max))
      return numbers.compactMap { line.checkpoints[$0] }.map { record in
        var shown = record
        shown.deltas = []
        return HistoryEntry(record: shown, ran: record.source == .step ? line.tasks(of: record.parent) : [])
      }
    }
  }

  public func tasks(of thread: ThreadID, namespace: String, checkpoint: Int) async throws -> [TaskRecord] {
    try open { contents throws(StoreError) in
      contents.threads[thread]?.lines[namespace]?.tasks(of: checkpoint) ?? []
    }
  }

  public func output(of thread: ThreadID) async throws -> [OutputRecord] {
    try open { contents throws(StoreError) in contents.threads[thread]?.output ?? [] }
  }

  public func services(of thread: ThreadID) async throws -> [ServiceRecord] {
    try open { contents throws(StoreError) in contents.threads[thread]?.services ?? [] }
  }

  public func notes(of thread: ThreadID, key: String) async throws -> [NoteRecord] {
    try open { contents throws(StoreError) in contents.threads[thread]?.notes.filter { $0.key == key } ?? [] }
  }

  public func cached(_ key: String, now: Timestamp) async throws -> JSON? {
    try open { contents throws(StoreError) in
      guard let record = contents.cache[key] else { return nil }
      if let expires = record.expires, expires.milliseconds <= now.milliseconds { return nil }
      return record.result
    }
  }

  /// Memory is whole as long as the process is.
  public func verify() async throws -> [String] { try open { _ throws(StoreError) in [] } }

  public func close() async throws {
    contents.withLock { contents in
      contents.isClosed = true
      for thread in contents.threads.keys { contents.threads[thread]?.owner = nil }
    }
  }

  private func open<Value: Sendable>(_ body: (inout Contents) throws(StoreError) -> Value) throws(StoreError) -> Value {
    try contents.withLock { contents throws(StoreError) in
      guard !contents.isClosed else { throw .unusable("the store in memory is closed") }
      return try body(&contents)
    }
  }
}

extension MemoryStore {
  private static func make(_ changes: [StoreChange], _ thread: ThreadID, in contents: inout Contents) {
    for change in changes { make(change, thread, in: &contents) }
    for case .checkpoint(let record, let values) in changes {
      contents.threads[thread]?.lines[record.namespace, default: MemoryThread.Line()].append(record, values)
    }
  }

  private static func make(_ change: StoreChange, _ thread: ThreadID, in contents: inout Contents) {
    switch change {
    case .checkpoint: return
    case .graph(let record): contents.graphs[record.hash] = contents.graphs[record.hash] ?? record
    case .cache(let record): contents.cache[record.key] = record
    case .thread(let record):
      if contents.threads[thread]?.header == nil { contents.order.append(thread) }
      contents.threads[thread]?.header = record
    case .note(let record):
      contents.threads[thread]?.notes.put(record) { ($0.key, $0.name) == (record.key, record.name) }
    case .output(let records): contents.threads[thread]?.output += records
    case .serviceEnded(let key): contents.threads[thread]?.services.removeAll { $0.key == key }
    case .service(let record): contents.threads[thread]?.services.put(record) { $0.key == record.key }
    case .task(let record):
      contents.threads[thread]?.lines[record.id.namespace, default: MemoryThread.Line()].tasks[
        record.checkpoint, default: []
      ]
      .put(record) { $0.id == record.id }
      if record.isFinished, let notes = contents.threads[thread]?.notes, !notes.isEmpty {
        let key = TaskKey.key(thread, record.id)
        contents.threads[thread]?.notes.removeAll { $0.key == key }
      }
    }
  }
}

extension Array {
  /// Replaces the first element that is the same one, or adds it.
  fileprivate mutating func put(_ element: Element, isSame: (Element) -> Bool) {
    if let index = firstIndex(where: isSame) {
      self[index] = element
    } else {
      append(element)
    }
  }
}
