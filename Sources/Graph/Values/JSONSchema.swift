/// A JSON Schema (2020-12) subset: what channels, answers and structured outputs are held to.
///
/// Keywords: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `patternProperties`,
/// `propertyNames`, `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, `minProperties`, `maxProperties`,
/// `minLength`, `maxLength`, `pattern`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`,
/// `anyOf`, `oneOf`, `allOf`, `not`, `if`/`then`/`else`, `$ref` within the document, `$defs`, and annotations
/// (`format` is one, as is what starts with `x-`). Patterns are matched in linear time, without look-around and
/// back references.
public struct JSONSchema: Sendable {
  public let document: JSON

  /// Every regular expression of the document by its text.
  let patterns: [String: Pattern]

  /// - Throws: ``JSONSchemaError`` naming the place of a keyword that is unknown or malformed.
  public init(_ document: JSON) throws(JSONSchemaError) {
    var reader = SchemaReader(document)
    try reader.read(document, at: "")
    self.document = document
    patterns = reader.patterns
  }

  /// Where and why `value` does not fit, `[]` when it does. Places are JSON Pointers, "" for the value itself.
  ///
  /// Stops after twenty.
  public func violations(of value: JSON) -> [JSONSchemaError] {
    var check = SchemaCheck(schema: self, for: value)
    check.hold(value, to: document, at: "")
    return check.violations
  }

  /// The same for a list that fits and grows from `count` by `items`; `nil` where only the whole list can tell.
  public func violations(ofAdding items: [JSON], to count: Int) -> [JSONSchemaError]? {
    guard let keywords = document.objectValue, keywords.keys.allSatisfy(Self.tellItemByItem.contains) else {
      return nil
    }
    var check = SchemaCheck(schema: self, for: .array(items))
    check.hold(items, after: count, to: keywords)
    return check.violations
  }

  /// Keywords that a list keeps to where its length and each of its items do.
  private static let tellItemByItem: Set = [
    "type", "items", "minItems", "maxItems", "title", "description", "default", "examples", "$comment", "$defs",
  ]
}

extension JSONSchema: Hashable {
  public static func == (left: JSONSchema, right: JSONSchema) -> Bool { left.document == right.document }
  public func hash(into hasher: inout Hasher) { hasher.combine(document) }
}

/// A place (JSON Pointer) and what is wrong there.
public struct JSONSchemaError: Error, Sendable, Hashable, CustomStringConvertible {
  public var place: String
  public var message: String

  public init(place: String, message: String) {
    self.place = place
    self.message = message
  }

  public var description: String { place.isEmpty ? message : "\(place): \(message)" }
}

extension JSON {
  /// What a JSON Pointer fragment (`#/$defs/name`) refers to.
  func resolved(_ reference: String) -> JSON? {
    var value = self
    for part in reference.dropFirst().split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
      switch value {
      case .object(let object):
        guard let child = object[name] else { return nil }
        value = child
      case .array(let items):
        guard let index = Int(name), items.indices.contains(index) else { return nil }
        value = items[index]
      default: return nil
      }
    }
    return value
  }
}

extension String {
  /// A JSON Pointer one step on.
  func pointer(_ name: some CustomStringConvertible) -> String {
    self + "/" + name.description.replacing("~", with: "~0").replacing("/", with: "~1")
  }
}
