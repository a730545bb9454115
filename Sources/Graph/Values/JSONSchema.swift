/// A JSON Schema (2020-12) subset: what channels, answers and structured outputs are held to.
///
/// Keywords: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `patternProperties`,
/// `propertyNames`, `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, `minProperties`, `maxProperties`,
/// `minLength`, `maxLength`, `pattern`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`,
/// `anyOf`, `oneOf`, `allOf`, `not`, `if`/`then`/`else`, `$ref` within the document, `$defs`, and annotations.
public struct JSONSchema: Sendable, Hashable {
  public let document: JSON

  /// - Throws: ``JSONSchemaError`` naming the place of a keyword that is unknown or malformed.
  public init(_ document: JSON) throws(JSONSchemaError) {
    self.document = document
  }

  /// Where and why `value` does not fit, `[]` when it does. Places are JSON Pointers, "" for the value itself.
  public func violations(of value: JSON) -> [JSONSchemaError] {
    fatalError()
  }
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
