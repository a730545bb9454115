/// Checks that a document is a schema of the subset, and readies its patterns.
struct SchemaReader {
  /// Bounds a hostile schema; people's have dozens.
  static let maxSchemas = 10_000

  private(set) var patterns: [String: Pattern] = [:]
  private let document: JSON
  private var count = 0

  init(_ document: JSON) {
    self.document = document
  }

  mutating func read(_ schema: JSON, at place: String, depth: Int = 0) throws(JSONSchemaError) {
    count += 1
    guard count <= Self.maxSchemas else { throw error(place, "more than \(Self.maxSchemas) schemas in one") }
    guard depth <= JSONLimits.depth else { throw error(place, "nested too deep") }
    if case .bool = schema { return }
    guard case .object(let keywords) = schema else { throw error(place, "a schema must be an object or a boolean") }
    for (keyword, value) in keywords {
      try read(keyword, value, at: place.pointer(keyword), depth: depth)
    }
  }

  private mutating func read(
    _ keyword: String, _ value: JSON, at place: String, depth: Int
  ) throws(JSONSchemaError) {
    switch keyword {
    case "type": try readType(value, at: place)
    case "enum": try require(value.arrayValue?.isEmpty == false, place, "must be a list of values")
    case "const", "default", "examples", "example": break
    case "properties", "patternProperties", "$defs", "definitions":
      guard let schemas = value.objectValue else { throw error(place, "must be an object of schemas") }
      for (name, schema) in schemas {
        if keyword == "patternProperties" { try readPattern(name, at: place.pointer(name)) }
        try read(schema, at: place.pointer(name), depth: depth + 1)
      }
    case "required": try readNames(value, at: place)
    case "additionalProperties", "propertyNames", "items", "not", "if", "then", "else":
      try read(value, at: place, depth: depth + 1)
    case "prefixItems", "anyOf", "oneOf", "allOf":
      guard let schemas = value.arrayValue, !schemas.isEmpty else { throw error(place, "must be a list of schemas") }
      for (index, schema) in schemas.enumerated() { try read(schema, at: place.pointer(index), depth: depth + 1) }
    case "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength":
      try require(value.intValue.map { $0 >= 0 } == true, place, "must be a whole number, 0 or more")
    case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
      try require(value.doubleValue != nil, place, "must be a number")
    case "multipleOf": try require(value.doubleValue.map { $0 > 0 } == true, place, "must be a number above 0")
    case "uniqueItems": try require(value.boolValue != nil, place, "must be true or false")
    case "pattern":
      guard let pattern = value.stringValue else { throw error(place, "must be a string") }
      try readPattern(pattern, at: place)
    case "$ref": try readReference(value, at: place)
    case "title", "description", "$comment", "$schema", "$id", "format", "deprecated", "readOnly", "writeOnly",
      "contentEncoding", "contentMediaType":
      break
    default:
      try require(keyword.hasPrefix("x-"), place, "unknown keyword")
    }
  }

  private static let types: Set<String> = ["null", "boolean", "integer", "number", "string", "array", "object"]

  private func readType(_ value: JSON, at place: String) throws(JSONSchemaError) {
    for name in value.arrayValue ?? [value] {
      guard let name = name.stringValue, Self.types.contains(name) else {
        throw error(place, "no type is called \(name.text); there are \(Self.types.sorted().joined(separator: ", "))")
      }
    }
    try require(value.arrayValue?.isEmpty != true, place, "must name a type")
  }

  private func readNames(_ value: JSON, at place: String) throws(JSONSchemaError) {
    let isNames = value.arrayValue?.allSatisfy { $0.stringValue != nil } == true
    try require(isNames, place, "must be a list of strings")
  }

  private mutating func readPattern(_ text: String, at place: String) throws(JSONSchemaError) {
    guard patterns[text] == nil else { return }
    do {
      patterns[text] = try Pattern(text)
    } catch {
      throw self.error(place, "no regular expression: \(error.message)")
    }
  }

  /// A reference is looked up here and never fetched.
  private func readReference(_ value: JSON, at place: String) throws(JSONSchemaError) {
    guard let reference = value.stringValue, reference == "#" || reference.hasPrefix("#/") else {
      throw error(place, "must stay within the document (#/…), is \(value.text)")
    }
    try require(document.resolved(reference) != nil, place, "nothing is at \(reference)")
  }

  private func require(_ condition: Bool, _ place: String, _ message: String) throws(JSONSchemaError) {
    guard condition else { throw error(place, message) }
  }

  private func error(_ place: String, _ message: String) -> JSONSchemaError {
    JSONSchemaError(place: place, message: message)
  }
}
