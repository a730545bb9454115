public import Graph

/// The items of one namespace that threads share, as a task sees and changes them.
///
/// A change is stored together with the task's end: a crash neither loses nor doubles it, and of an attempt that fails
/// nothing is kept. The task itself sees its changes at once.
public struct Memory: Sendable {
  public let namespace: MemoryNamespace
  let services: any TaskServices

  public func get(_ key: String) async throws -> MemoryItem? {
    try await services.items(MemoryQuery(namespace, key: key, limit: 1)).first
  }

  /// - Parameter ttl: how long it is kept; `nil` for ever.
  public func put(_ key: String, _ value: JSON, ttl: Duration? = nil) throws {
    let now = services.now
    let expires = ttl.map { Timestamp(milliseconds: now.milliseconds + Int($0.seconds * 1000)) }
    let item = MemoryItem(
      namespace: namespace, key: key, value: services.mask(value), updated: now, expires: expires)
    if let objection = item.objection { throw NodeFailure(.limit, "memory \(namespace.path): \(objection)") }
    try services.change(.put(item))
  }

  public func delete(_ key: String) throws { try services.change(.delete(namespace, key: key)) }

  /// The items here and below, by namespace and key.
  ///
  /// - Parameter filter: members that a value must have, with equal values.
  public func search(filter: JSONObject = [:], limit: Int = 100, offset: Int = 0) async throws -> [MemoryItem] {
    guard (0...MemoryQuery.mostItems).contains(limit), offset >= 0 else {
      throw NodeFailure(.limit, "memory: limit is 0 to \(MemoryQuery.mostItems), offset not below 0")
    }
    return try await services.items(MemoryQuery(namespace, filter: filter, limit: limit, offset: offset))
  }
}

extension TaskContext {
  /// The items under `labels` that threads share.
  ///
  /// - Throws: ``NodeFailure`` of kind `type` where these are no namespace.
  public func memory(_ labels: [String]) throws -> Memory {
    guard let namespace = MemoryNamespace(labels) else {
      throw NodeFailure(.type, "memory: a namespace is \(MemoryNamespace.rule)")
    }
    return Memory(namespace: namespace, services: services)
  }

  public func memory(_ labels: String...) throws -> Memory { try memory(labels) }
}
