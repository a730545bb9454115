public import Graph
public import GraphRuntime

extension Memory {
  /// The value under `key`; `nil` where there is none.
  ///
  /// - Throws: ``NodeFailure`` of kind `type` where it is no `Value`.
  public func get<Value: Decodable>(_ key: String, as type: Value.Type) async throws -> Value? {
    guard let item = try await get(key) else { return nil }
    do {
      return try Coding.value(type, from: item.value)
    } catch {
      throw NodeFailure(.type, "memory: \(key) is no \(type): \(error)")
    }
  }

  public func put(_ key: String, _ value: some Encodable, ttl: Duration? = nil) throws {
    try put(key, try Coding.json(value), ttl: ttl)
  }
}

extension Runner {
  /// The items under `labels`, and below, that the threads of the store share.
  public func memory(
    _ labels: [String], filter: JSONObject = [:], limit: Int = 100, offset: Int = 0
  ) async throws -> [MemoryItem] {
    guard let namespace = MemoryNamespace(labels) else {
      throw NodeFailure(.type, "memory: a namespace is \(MemoryNamespace.rule)")
    }
    return try await engine.store.items(
      MemoryQuery(namespace, filter: filter, limit: limit, offset: offset), now: engine.clock.now())
  }
}
