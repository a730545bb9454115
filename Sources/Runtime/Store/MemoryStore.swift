import Foundation
public import Graph
import OrderedCollections
import Synchronization

/// A store that forgets: for tests, rehearsals and runs that need no durability.
public final class MemoryStore: Checkpointer {
  public let identity = UUID().uuidString.lowercased()
  private let contents = Mutex(Contents())

  public init() {}

  struct Contents {
    var threads: [ThreadID: MemoryThread] = [:]

    /// Threads that have a header, in the order they got it.
    var order: [ThreadID] = []
    var graphs: [String: GraphRecord] = [:]
    var cache: [String: CacheRecord] = [:]
    var memory: [MemoryNamespace: [String: MemoryItem]] = [:]
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
      try contents.check(fence)
      try changes.checkLimits()
      try contents.threads[fence.thread]?.check(changes, of: fence.thread)
      contents.make(changes, fence.thread)
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
      guard let line = contents.threads[thread]?.lines[namespace], let number = number ?? line.numbers.last else {
        return nil
      }
      return try line[number]
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
        let ran = record.source == .step ? line.tasks(of: record.parent) : []
        let isAllKnown = !ran.isEmpty && contents.threads[thread]?.header?.durability != .exit
        return HistoryEntry(record: shown, ran: ran, deltas: isAllKnown ? [] : record.deltas.map(\.channel))
      }
    }
  }

  public func namespaces(of thread: ThreadID) async throws -> [String] {
    try open { contents throws(StoreError) in
      contents.threads[thread]?.lines.filter { !$0.value.numbers.isEmpty }.map { $0.key } ?? []
    }
  }

  public func tasks(of thread: ThreadID, namespace: String, checkpoint: Int) async throws -> [TaskRecord] {
    try open { contents throws(StoreError) in
      contents.threads[thread]?.lines[namespace]?.tasks(of: checkpoint) ?? []
    }
  }

  public func output(of thread: ThreadID, after count: Int) async throws -> [OutputRecord] {
    try open { contents throws(StoreError) in Array((contents.threads[thread]?.output ?? []).dropFirst(count)) }
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

  public func items(_ query: MemoryQuery, now: Timestamp) async throws -> [MemoryItem] {
    try open { contents throws(StoreError) in
      let found = contents.memory.values.flatMap(\.values).filter { query.matches($0, at: now) }
      return Array(found.sorted(by: <).dropFirst(query.offset).prefix(query.limit))
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

  func open<Value: Sendable>(_ body: (inout Contents) throws(StoreError) -> Value) throws(StoreError) -> Value {
    try contents.withLock { contents throws(StoreError) in
      guard !contents.isClosed else { throw .unusable("the store in memory is closed") }
      return try body(&contents)
    }
  }
}

extension MemoryStore.Contents {
  /// Makes changes that ``MemoryThread/check(_:of:)`` has nothing against.
  mutating func make(_ changes: [StoreChange], _ thread: ThreadID) {
    for change in changes { make(change, thread) }
    for case .checkpoint(let record, let values) in changes {
      threads[thread]?.lines[record.namespace, default: MemoryThread.Line()].append(record, values)
    }
  }

  private mutating func make(_ change: StoreChange, _ thread: ThreadID) {
    switch change {
    case .checkpoint: return
    case .graph(let record): graphs[record.hash] = graphs[record.hash] ?? record
    case .cache(let record): cache[record.key] = record
    case .thread(let record):
      if threads[thread]?.header == nil { order.append(thread) }
      threads[thread]?.header = record
    case .note(let record):
      threads[thread]?.notes.put(record) { ($0.key, $0.name) == (record.key, record.name) }
    case .memory(.put(let item)): memory[item.namespace, default: [:]][item.key] = item
    case .memory(.delete(let namespace, let key)): memory[namespace]?[key] = nil
    case .output(let records): threads[thread]?.output += records
    case .serviceEnded(let key): threads[thread]?.services.removeAll { $0.key == key }
    case .service(let record): threads[thread]?.services.put(record) { $0.key == record.key }
    case .task(let record): threads[thread]?.put(record, of: thread)
    }
  }

  func check(_ fence: Fence) throws(StoreError) {
    guard let stored = threads[fence.thread], stored.owner != nil, stored.fence == fence.number else { throw .fenced }
  }
}

extension MemoryThread {
  fileprivate mutating func put(_ record: TaskRecord, of thread: ThreadID) {
    lines[record.id.namespace, default: Line()].put(record)
    guard record.isFinished, !notes.isEmpty else { return }
    let key = TaskKey.key(thread, record.id)
    notes.removeAll { $0.key == key }
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
