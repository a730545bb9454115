import OrderedCollections

/// A JSON object: keys keep the order they came in, which never matters for equality.
public struct JSONObject: Sendable {
  private var members: OrderedDictionary<String, JSON>

  public init() {
    members = [:]
  }

  /// A later pair with the same key wins, in the earlier one's place.
  public init(_ pairs: some Sequence<(String, JSON)>) {
    members = OrderedDictionary(pairs, uniquingKeysWith: { _, new in new })
  }

  public var count: Int { members.count }
  public var isEmpty: Bool { members.isEmpty }
  public var keys: [String] { Array(members.keys) }
  public var values: [JSON] { Array(members.values) }

  public subscript(key: String) -> JSON? {
    get { members[key] }
    set { members[key] = newValue }
  }

  /// Adds `value` in one look-up; false, and replaced, where `key` was there already.
  mutating func insert(_ value: JSON, forKey key: String) -> Bool {
    members.updateValue(value, forKey: key) == nil
  }

  @discardableResult
  public mutating func removeValue(forKey key: String) -> JSON? {
    members.removeValue(forKey: key)
  }
}

extension JSONObject: Hashable {
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right.members[$0.key] == $0.value }
  }

  public func hash(into hasher: inout Hasher) {
    var total = 0
    for (key, value) in members {
      var member = Hasher()
      member.combine(key)
      member.combine(value)
      total ^= member.finalize()
    }
    hasher.combine(total)
  }
}

extension JSONObject: Sequence, ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(elements)
  }

  public struct Iterator: IteratorProtocol {
    fileprivate var members: OrderedDictionary<String, JSON>.Iterator

    public mutating func next() -> (key: String, value: JSON)? {
      members.next().map { (key: $0.key, value: $0.value) }
    }
  }

  public func makeIterator() -> Iterator {
    Iterator(members: members.makeIterator())
  }

  public var underestimatedCount: Int { members.count }
}
