import OrderedCollections

/// A JSON object: keys keep the order they came in, which never matters for equality. Two keys are one only where their
/// bytes are, as in JSON (RFC 8259, section 8.3): Swift would take differently composed letters for the same.
public struct JSONObject: Sendable {
  private var members: OrderedDictionary<Name, JSON>

  fileprivate struct Name: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Name, right: Name) -> Bool { left.text.hasSameBytes(as: right.text) }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
  }

  public init() {
    members = [:]
  }

  /// A later pair with the same key wins, in the earlier one's place.
  public init(_ pairs: [(String, JSON)]) {
    members = OrderedDictionary(minimumCapacity: pairs.count)
    for (key, value) in pairs { members[Name(key)] = value }
  }

  public var count: Int { members.count }
  public var isEmpty: Bool { members.isEmpty }
  public var keys: [String] { members.keys.map(\.text) }
  public var values: [JSON] { Array(members.values) }

  public subscript(key: String) -> JSON? {
    get { members[Name(key)] }
    set { members[Name(key)] = newValue }
  }

  /// Adds `value` in one look-up; false, and replaced, where `key` was there already.
  mutating func insert(_ value: JSON, forKey key: String) -> Bool {
    members.updateValue(value, forKey: Name(key)) == nil
  }

  @discardableResult
  public mutating func removeValue(forKey key: String) -> JSON? {
    members.removeValue(forKey: Name(key))
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
    fileprivate var members: OrderedDictionary<Name, JSON>.Iterator

    public mutating func next() -> (key: String, value: JSON)? {
      members.next().map { (key: $0.key.text, value: $0.value) }
    }
  }

  public func makeIterator() -> Iterator {
    Iterator(members: members.makeIterator())
  }

  public var underestimatedCount: Int { members.count }
}
