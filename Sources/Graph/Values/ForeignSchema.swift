/// A JSON Schema that somebody else wrote, of any draft: what a tool takes and gives.
///
/// Unlike ``JSONSchema`` it is read leniently: keywords that are unknown or malformed mean nothing, as do regular
/// expressions that cannot be matched in linear time. References within the document are resolved, those to other
/// documents refused and never fetched. Size and depth are bounded.
public struct ForeignSchema: Sendable, Hashable {
  /// The schema in the subset of ``JSONSchema``, without `$ref` and `$defs`: every reference is replaced by what it refers
  /// to. One that leads into itself is followed once and then only says its type.
  public let inlined: JSON

  private let schema: JSONSchema

  /// - Throws: ``JSONSchemaError`` naming the place of what cannot be used.
  public init(_ document: JSON) throws(JSONSchemaError) {
    var reader = ForeignSchemaReader(document)
    inlined = try reader.read(document, at: "")
    schema = try JSONSchema(inlined)
  }

  /// Where and why `value` does not fit, `[]` when it does; as ``JSONSchema/violations(of:)``.
  public func violations(of value: JSON) -> [JSONSchemaError] {
    schema.violations(of: value)
  }
}
