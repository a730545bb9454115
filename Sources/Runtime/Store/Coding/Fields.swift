import Graph

/// Something stored that is not what was stored: said from the inside out, so that the place reads first.
struct Malformed: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// The same problem, one level further out.
  func at(_ place: String) -> Malformed { Malformed("\(place): \(description)") }
}

/// The members of a stored JSON object, taken out with their types checked.
struct Fields {
  private let object: JSONObject

  init(_ json: JSON) throws(Malformed) {
    guard case .object(let object) = json else { throw Malformed("an object is needed, not \(json.typeName)") }
    self.object = object
  }

  func optional(_ key: String) -> JSON? { object[key] }

  func value(_ key: String) throws(Malformed) -> JSON {
    guard let value = object[key] else { throw Malformed("\(key) is missing") }
    return value
  }

  func string(_ key: String) throws(Malformed) -> String {
    guard let text = try value(key).stringValue else { throw Malformed("\(key) is no string") }
    return text
  }

  func optionalString(_ key: String) throws(Malformed) -> String? {
    object[key] == nil ? nil : try string(key)
  }

  func int(_ key: String) throws(Malformed) -> Int {
    guard let number = try value(key).intValue else { throw Malformed("\(key) is no integer") }
    return number
  }

  func optionalInt(_ key: String) throws(Malformed) -> Int? {
    object[key] == nil ? nil : try int(key)
  }

  func array(_ key: String) throws(Malformed) -> [JSON] {
    guard let items = try value(key).arrayValue else { throw Malformed("\(key) is no list") }
    return items
  }

  /// Decodes each item of a list; an absent one is empty.
  func list<Value>(_ key: String, _ decode: (JSON) throws(Malformed) -> Value) throws(Malformed) -> [Value] {
    guard object[key] != nil else { return [] }
    return try Self.list(try array(key), at: key, decode)
  }

  static func list<Value>(
    _ items: [JSON], at place: String, _ decode: (JSON) throws(Malformed) -> Value
  ) throws(Malformed) -> [Value] {
    var values: [Value] = []
    for (index, item) in items.enumerated() {
      do { values.append(try decode(item)) } catch { throw error.at("\(place)[\(index)]") }
    }
    return values
  }

  /// Decodes each member of an object; an absent one is empty.
  func members<Value>(
    _ key: String, _ decode: (JSON) throws(Malformed) -> Value
  ) throws(Malformed) -> [String: Value] {
    guard let json = object[key] else { return [:] }
    guard case .object(let members) = json else { throw Malformed("\(key) is no object") }
    var values: [String: Value] = [:]
    for (name, item) in members {
      do { values[name] = try decode(item) } catch { throw error.at("\(key).\(name)") }
    }
    return values
  }

  /// Decodes a member that may be absent.
  func optional<Value>(
    _ key: String, _ decode: (JSON) throws(Malformed) -> Value
  ) throws(Malformed) -> Value? {
    guard let json = object[key] else { return nil }
    do { return try decode(json) } catch { throw error.at(key) }
  }
}

extension JSONObject {
  /// Adds a member where there is something to add, so that what is absent costs nothing.
  mutating func add(_ key: String, _ value: JSON?) {
    if let value { self[key] = value }
  }

  mutating func add(_ key: String, list: [JSON]) {
    if !list.isEmpty { self[key] = .array(list) }
  }

  mutating func add(_ key: String, object: JSONObject) {
    if !object.isEmpty { self[key] = .object(object) }
  }
}

extension RawRepresentable where RawValue == String {
  /// The case `text` spells.
  init(stored text: String, _ what: String) throws(Malformed) {
    guard let value = Self(rawValue: text) else { throw Malformed("\(what) \(text.debugDescription) is unknown") }
    self = value
  }
}
