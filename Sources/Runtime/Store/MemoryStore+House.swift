public import Graph
import OrderedCollections

extension MemoryStore {
  public func gaps(of thread: ThreadID, namespace: String) async throws -> [CheckpointGap] {
    try open { contents throws(StoreError) in contents.threads[thread]?.lines[namespace]?.gaps ?? [] }
  }

  public func parts(of thread: ThreadID, _ take: @escaping @Sendable (ThreadPart) throws -> Void) async throws {
    let parts = try open { contents throws(StoreError) in contents.parts(of: thread) }
    for part in parts { try take(part) }
  }

  public func assemble(_ fence: Fence, _ give: @escaping @Sendable (PartTaker) throws -> Void) async throws {
    var parts: [ThreadPart] = []
    try give { parts.append($0) }
    try open { [parts] contents throws(StoreError) in
      try contents.check(fence)
      guard contents.threads[fence.thread]?.header == nil else {
        throw .refused("thread \(fence.thread) exists already")
      }
      var changed = contents
      for part in parts { try changed.put(part, fence.thread) }
      try changed.checkHead(fence.thread)
      contents = changed
    }
  }

  public func prune(_ pruning: Pruning, fence: Fence) async throws {
    try open { contents throws(StoreError) in
      try contents.check(fence)
      for (namespace, doomed) in pruning.numbers {
        try contents.threads[fence.thread]?.prune(doomed, namespace)
      }
      for namespace in pruning.namespaces {
        contents.threads[fence.thread]?.output.removeAll { $0.namespace == namespace }
        contents.threads[fence.thread]?.lines[namespace] = nil
      }
    }
  }

  public func delete(_ fence: Fence) async throws {
    try open { contents throws(StoreError) in
      try contents.check(fence)
      contents.threads[fence.thread] = nil
      contents.order.removeAll { $0 == fence.thread }
      contents.cache = contents.cache.filter { $0.value.thread != fence.thread }
      let used = Set(contents.threads.values.compactMap(\.header?.graphHash))
      contents.graphs = contents.graphs.filter { used.contains($0.key) }
    }
  }

  public func clearCache(of node: NodeName?) async throws -> Int {
    try open { contents throws(StoreError) in
      let kept = contents.cache.filter { node != nil && $0.value.node != node }
      defer { contents.cache = kept }
      return contents.cache.count - kept.count
    }
  }

  public func compact() async throws -> Int { try open { _ throws(StoreError) in 0 } }
}

extension MemoryThread {
  fileprivate mutating func prune(_ doomed: Set<Int>, _ namespace: String) throws(StoreError) {
    guard var line = lines[namespace] else { return }
    let gone = try line.remove(doomed)
    let kept = Set(line.ends.filter { line.checkpoints[$0.value] != nil }.keys)
    for number in doomed where !kept.contains(number) { line.tasks[number] = nil }
    line.gaps = line.gaps.adding(gone, namespace, .pruned)
    lines[namespace] = line
    output.removeAll {
      $0.namespace == namespace && doomed.contains($0.checkpoint) && !kept.contains($0.checkpoint)
    }
  }
}

extension MemoryStore.Contents {
  fileprivate func parts(of thread: ThreadID) -> [ThreadPart] {
    guard let stored = threads[thread], let header = stored.header else { return [] }
    var parts: [ThreadPart] = [.thread(header)]
    if let graph = graphs[header.graphHash] { parts.append(.graph(graph)) }
    for (_, line) in stored.lines.sorted(by: { $0.key < $1.key }) { parts += line.parts }
    return parts + stored.notes.map(ThreadPart.note) + stored.output.map(ThreadPart.output)
  }

  fileprivate mutating func put(_ part: ThreadPart, _ thread: ThreadID) throws(StoreError) {
    if let change = part.change { try [change].checkLimits() }
    switch part {
    case .gap(let gap):
      threads[thread]?.lines[gap.namespace, default: MemoryThread.Line()].gaps.append(gap)
    case .checkpoint(let record, let values):
      try threads[thread]?.lines[record.namespace, default: MemoryThread.Line()].put(record, values)
    default:
      guard let change = part.change else { return }
      try threads[thread]?.check([change], of: thread)
      make([change], thread)
    }
  }

  fileprivate func checkHead(_ thread: ThreadID) throws(StoreError) {
    guard let stored = threads[thread], let header = stored.header else {
      throw .refused("thread \(thread) has no header")
    }
    let newest = stored.lines[""]?.numbers.last ?? 0
    guard header.head == newest else {
      throw .refused("thread \(thread): head \(header.head), newest checkpoint \(newest)")
    }
  }
}

extension MemoryThread.Line {
  fileprivate var parts: [ThreadPart] {
    var parts = gaps.map(ThreadPart.gap)
    for number in Set(checkpoints.keys).union(tasks.keys).sorted() {
      if let stored = try? self[number] {
        let grows =
          stored.record.parent.map { checkpoints[$0] != nil }
          ?? ((try? stored.record.state(from: [:])) == stored.values)
        parts.append(.checkpoint(stored.record, values: grows ? nil : stored.values))
      }
      parts += tasks(of: number).map(ThreadPart.task)
    }
    return parts
  }

  fileprivate mutating func put(_ record: CheckpointRecord, _ values: JSONObject?) throws(StoreError) {
    if let newest = numbers.last, newest >= record.number {
      throw .refused("checkpoint \(record.number) after \(newest)")
    }
    let isChild = record.parent.map { checkpoints[$0] != nil } ?? false
    guard isChild || record.parent == nil || values != nil else {
      throw .refused("checkpoint \(record.number) of a parent \(record.parent ?? 0) that is not stored")
    }
    if let values { return append(record, values) }
    let before = isChild ? try self.values(at: record.parent ?? 0) : [:]
    append(record, try record.state(from: before))
  }
}
