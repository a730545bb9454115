public import Graph

/// Where items that threads share are kept: labels from the general to the particular, for instance `users`, `bea`.
public struct MemoryNamespace: Sendable, Hashable {
  public let labels: [String]

  public static let mostLabels = 8
  public static let labelBytes = 128

  /// `nil` where `labels` break ``rule``.
  public init?(_ labels: [String]) {
    guard (1...Self.mostLabels).contains(labels.count), labels.allSatisfy(Self.isLabel) else { return nil }
    self.labels = labels
  }

  public static let rule =
    "one to \(mostLabels) labels, each of at most \(labelBytes) bytes, without / and control characters, and not empty"

  private static func isLabel(_ text: String) -> Bool {
    (1...labelBytes).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy { $0 != "/" && $0.properties.generalCategory != .control }
  }

  /// The labels with `/` between.
  var path: String { labels.joined(separator: "/") }

  init?(path: String) { self.init(path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)) }

  /// Whether `other` is this or below it.
  func contains(_ other: MemoryNamespace) -> Bool { other.labels.starts(with: labels) }
}

/// A value that threads share.
public struct MemoryItem: Sendable, Hashable {
  public var namespace: MemoryNamespace
  public var key: String
  public var value: JSON
  public var updated: Timestamp

  /// When it is gone; `nil` never.
  public var expires: Timestamp?

  public static let keyBytes = 256
  public static let valueBytes = 1 << 20

  public init(
    namespace: MemoryNamespace, key: String, value: JSON, updated: Timestamp, expires: Timestamp? = nil
  ) {
    self.namespace = namespace
    self.key = key
    self.value = value
    self.updated = updated
    self.expires = expires
  }

  /// `{namespace, key, value, updated, expires?}`.
  public var json: JSON {
    var object: JSONObject = [
      "namespace": .array(namespace.labels.map(JSON.string)), "key": .string(key), "value": value,
      "updated": .string(updated.iso8601),
    ]
    object["expires"] = expires.map { .string($0.iso8601) }
    return .object(object)
  }

  /// Why it cannot be kept; `nil` when it can.
  var objection: String? {
    if key.isEmpty || key.utf8.count > Self.keyBytes { return "a key has 1 to \(Self.keyBytes) bytes" }
    if key.unicodeScalars.contains("\0") { return "a key has no NUL" }
    let bytes = value.text.utf8.count
    return bytes > Self.valueBytes ? "its value has \(bytes) bytes, and \(Self.valueBytes) is the most" : nil
  }

  /// Namespaces as they sort in bytes, then keys.
  static func < (left: MemoryItem, right: MemoryItem) -> Bool {
    let (one, other) = (left.namespace.path.utf8, right.namespace.path.utf8)
    return one.elementsEqual(other)
      ? left.key.utf8.lexicographicallyPrecedes(right.key.utf8) : one.lexicographicallyPrecedes(other)
  }
}

/// Which items are wanted: those at or below a namespace, by namespace and key.
public struct MemoryQuery: Sendable, Hashable {
  public var namespace: MemoryNamespace

  /// Only this key of exactly this namespace; `nil` searches.
  public var key: String?

  /// Members that the value must have, with equal values.
  public var filter: JSONObject
  public var limit: Int
  public var offset: Int

  public static let mostItems = 1000

  public init(
    _ namespace: MemoryNamespace, key: String? = nil, filter: JSONObject = [:], limit: Int = 100, offset: Int = 0
  ) {
    self.namespace = namespace
    self.key = key
    self.filter = filter
    self.limit = limit
    self.offset = offset
  }

  func matches(_ item: MemoryItem, at now: Timestamp) -> Bool {
    if let expires = item.expires, expires.milliseconds <= now.milliseconds { return false }
    guard let key else { return namespace.contains(item.namespace) && fits(item.value) }
    return item.namespace == namespace && item.key == key
  }

  private func fits(_ value: JSON) -> Bool { filter.allSatisfy { value[$0.key] == $0.value } }

  /// What is found where `changes` were made on top of what `stored` finds.
  func items(
    over changes: [MemoryChange], at now: Timestamp, in stored: @Sendable (MemoryQuery) async throws -> [MemoryItem]
  ) async throws -> [MemoryItem] {
    guard !changes.isEmpty else { return try await stored(self) }
    var wide = self
    (wide.offset, wide.limit) = (0, offset + limit + changes.count)
    var items = try await stored(wide)
    for change in changes {
      items.removeAll { $0.namespace == change.namespace && $0.key == change.key }
      if case .put(let item) = change, matches(item, at: now) { items.append(item) }
    }
    return Array(items.sorted(by: <).dropFirst(offset).prefix(limit))
  }
}

/// A change of one item.
public enum MemoryChange: Sendable, Hashable {
  case put(MemoryItem)
  case delete(MemoryNamespace, key: String)

  var namespace: MemoryNamespace {
    switch self {
    case .put(let item): item.namespace
    case .delete(let namespace, _): namespace
    }
  }

  var key: String {
    switch self {
    case .put(let item): item.key
    case .delete(_, let key): key
    }
  }
}
