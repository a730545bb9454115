public import Graph
public import GraphRuntime

/// Keeps and finds values that all threads of a store share. Its changes are stored with the task's end, so that it may
/// simply run again.
public struct MemoryNode: NodeKind {
  public let name = "memory"

  public init() {}

  public func waits(_ node: Node) -> Bool { false }

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    let fields = NodeFields(task)
    let memory = try task.memory(try await fields.arguments("namespace") ?? [])
    if let put = fields.nested("put") { return try await self.put(put, memory) }
    if let search = fields.nested("search") { return try await self.search(search, memory) }
    if let key = try await fields.argument("get") {
      guard let item = try await memory.get(key) else { return .result(["found": false, "value": .null]) }
      return .result(["found": true, "value": item.value, "updated": item.json["updated"] ?? .null])
    }
    let key = try await fields.argument("delete") ?? ""
    let isThere = try await memory.get(key) != nil
    try memory.delete(key)
    return .result(["found": .bool(isThere)])
  }

  /// A rehearsal has a store of its own.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    if let finding { .result(finding) } else { try await run(task) }
  }

  private func put(_ fields: NodeFields, _ memory: Memory) async throws -> NodeResult {
    let key = try await fields.argument("key") ?? ""
    try memory.put(key, try await fields.value("value") ?? .null, ttl: try await fields.duration("ttl"))
    return .result(["key": .string(key)])
  }

  private func search(_ fields: NodeFields, _ memory: Memory) async throws -> NodeResult {
    let limit = try await fields.value("limit")?.intValue ?? 100
    let found = try await memory.search(
      filter: try await fields.object("filter"), limit: limit + 1,
      offset: try await fields.value("offset")?.intValue ?? 0)
    return .result(["items": .array(found.prefix(limit).map(\.json)), "more": .bool(found.count > limit)])
  }
}
