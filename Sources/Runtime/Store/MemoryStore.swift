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
    var threads: [ThreadID: StoredThread] = [:]

    /// Threads that have a header, in the order they got it.
    var order: [ThreadID] = []
    var graphs: [String: GraphRecord] = [:]
    var cache: [String: CacheRecord] = [:]
    var memory: [MemoryNamespace: [String: MemoryItem]] = [:]
    var isClosed = false
  }

  struct StoredThread {
    var fence = 0
    var owner: OwnerRecord?
    var header: ThreadRecord?
    var lines: OrderedDictionary<String, Line> = [:]
    var output: [OutputRecord] = []
    var services: [ServiceRecord] = []
    var notes: [NoteRecord] = []

    var isEmpty: Bool { lines.isEmpty && output.isEmpty && services.isEmpty && notes.isEmpty }
  }

  /// One namespace of a thread.
  struct Line {
    var gaps: [CheckpointGap] = []
    var numbers: [Int] = []
    var checkpoints: [Int: StoredCheckpoint] = [:]
    var tasks: [Int: [TaskRecord]] = [:]

    /// The `step` child of each checkpoint that has one.
    var ends: [Int: Int] = [:]

    func tasks(of checkpoint: Int?) -> [TaskRecord] {
      guard let checkpoint else { return [] }
      return (tasks[checkpoint] ?? []).sorted {
        ($0.ordinal, $0.id.node, $0.id.index) < ($1.ordinal, $1.id.node, $1.id.index)
      }
    }
  }
}

extension MemoryStore {
  public func acquire(_ thread: ThreadID, owner: OwnerRecord) async throws -> Fence {
    try open { contents throws(StoreError) in
      var stored = contents.threads[thread] ?? StoredThread()
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
      var changed = contents
      try Self.make(changes, fence.thread, in: &changed)
      contents = changed
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
      let line = contents.threads[thread]?.lines[namespace]
      return (number ?? line?.numbers.last).flatMap { line?.checkpoints[$0] }
    }
  }

  public func history(
    of thread: ThreadID, namespace: String, before: Int?, limit: Int?
  ) async throws -> [HistoryEntry] {
    try open { contents throws(StoreError) in
      guard let line = contents.threads[thread]?.lines[namespace] else { return [] }
      let numbers = line.numbers.reversed().filter { $0 < before ?? .max }.prefix(max(0, limit ?? .max))
      return numbers.compactMap { line.checkpoints[$0]?.record }.map { record in
        var shown = record
        shown.deltas = []
        return HistoryEntry(record: shown, ran: record.source == .step ? line.tasks(of: record.parent) : [])
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

extension MemoryStore {
  static func make(
    _ changes: [StoreChange], _ thread: ThreadID, in contents: inout Contents
  ) throws(StoreError) {
    try changes.checkLimits()
    for change in changes { try make(change, thread, in: &contents) }
    for case .checkpoint(let record, let values) in changes {
      try append(
        record, values, to: &contents.threads[thread, default: StoredThread()].lines[record.namespace, default: Line()])
    }
    let stored = contents.threads[thread]
    if let stored, stored.header == nil, !stored.isEmpty {
      throw .refused("thread \(thread) has no header")
    }
  }

  private static func make(
    _ change: StoreChange, _ thread: ThreadID, in contents: inout Contents
  ) throws(StoreError) {
    switch change {
    case .checkpoint: return
    case .graph(let record): contents.graphs[record.hash] = contents.graphs[record.hash] ?? record
    case .cache(let record): contents.cache[record.key] = record
    case .thread(let record):
      guard record.id == thread else { throw .refused("thread \(record.id)'s header with \(thread)'s fence") }
      if contents.threads[thread]?.header == nil { contents.order.append(thread) }
      contents.threads[thread]?.header = record
    case .note(let record):
      contents.threads[thread]?.notes.put(record) { ($0.key, $0.name) == (record.key, record.name) }
    case .memory(.put(let item)): contents.memory[item.namespace, default: [:]][item.key] = item
    case .memory(.delete(let namespace, let key)): contents.memory[namespace]?[key] = nil
    case .output(let records): contents.threads[thread]?.output += records
    case .serviceEnded(let key): contents.threads[thread]?.services.removeAll { $0.key == key }
    case .service(let record):
      guard record.thread == thread else { throw .refused("\(record.thread)'s service with \(thread)'s fence") }
      contents.threads[thread]?.services.put(record) { $0.key == record.key }
    case .task(let record):
      try put(
        record, in: &contents.threads[thread, default: StoredThread()].lines[record.id.namespace, default: Line()])
      if record.isFinished {
        let key = TaskKey.key(thread, record.id)
        contents.threads[thread]?.notes.removeAll { $0.key == key }
      }
    }
  }

  private static func put(_ record: TaskRecord, in line: inout Line) throws(StoreError) {
    if let child = line.ends[record.checkpoint] {
      throw .refused("task \(record.label) of checkpoint \(record.checkpoint), which checkpoint \(child) ended")
    }
    line.tasks[record.checkpoint, default: []].put(record) { $0.id == record.id }
  }

  private static func append(
    _ record: CheckpointRecord, _ values: JSONObject, to line: inout Line
  ) throws(StoreError) {
    if let newest = line.numbers.last, newest >= record.number {
      throw .refused("checkpoint \(record.number) after \(newest)")
    }
    if let parent = record.parent, line.checkpoints[parent] == nil {
      throw .refused("checkpoint \(record.number) of a parent \(parent) that is not stored")
    }
    line.add(record, values)
  }
}

extension MemoryStore.Contents {
  func check(_ fence: Fence) throws(StoreError) {
    guard let stored = threads[fence.thread], stored.owner != nil, stored.fence == fence.number else { throw .fenced }
  }
}

extension MemoryStore.Line {
  mutating func add(_ record: CheckpointRecord, _ values: JSONObject) {
    numbers.append(record.number)
    if let parent = record.parent, record.source == .step { ends[parent] = record.number }
    checkpoints[record.number] = StoredCheckpoint(record: record, values: values)
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
