/// Copies a schema from outside into the subset, following its references.
struct ForeignSchemaReader {
  /// Schemas in the copy: references multiply.
  private static let maxSchemas = 5000
  private static let maxDepth = 48

  private let document: JSON
  private var count = 0
  private var depth = 0

  /// References being followed.
  private var trail: [String] = []

  init(_ document: JSON) {
    self.document = document
  }

  mutating func read(_ schema: JSON, at place: String) throws(JSONSchemaError) -> JSON {
    count += 1
    guard count <= Self.maxSchemas else {
      throw JSONSchemaError(place: place, message: "more than \(Self.maxSchemas) schemas in one")
    }
    // What is no schema says nothing.
    guard case .object(let keywords) = schema else { return schema.boolValue.map(JSON.bool) ?? true }
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maxDepth else { throw JSONSchemaError(place: place, message: "nested too deep") }
    var copy = JSONObject()
    for (keyword, value) in keywords {
      try read(keyword, value, of: keywords, at: place.pointer(keyword), into: &copy)
    }
    if keywords["nullable"] == true { Self.allowNull(&copy) }
    guard let reference = keywords["$ref"]?.stringValue else { return .object(copy) }
    return Self.join(try follow(reference, at: place.pointer("$ref")), copy)
  }

  private mutating func read(
    _ keyword: String, _ value: JSON, of keywords: JSONObject, at place: String, into copy: inout JSONObject
  ) throws(JSONSchemaError) {
    switch keyword {
    case "type": copy[keyword] = Self.type(value)
    case "enum": if value.arrayValue?.isEmpty == false { copy[keyword] = value }
    case "const", "default", "examples": copy[keyword] = value
    case "title", "description", "format": if value.stringValue != nil { copy[keyword] = value }
    case "properties":
      if let schemas = value.objectValue { copy[keyword] = .object(try read(members: schemas, at: place)) }
    case "patternProperties": try readPatterns(value, at: place, into: &copy)
    case "required":
      if value.arrayValue?.allSatisfy({ $0.stringValue != nil }) == true { copy[keyword] = value }
    case "items": try readItems(value, of: keywords, at: place, into: &copy)
    case "additionalProperties":
      // Where a pattern was dropped, what it allowed cannot be told from what is not allowed.
      if Self.hasOnlyPatterns(keywords) { copy[keyword] = try read(value, at: place) }
    case "propertyNames", "not", "if", "then", "else": copy[keyword] = try read(value, at: place)
    case "prefixItems", "anyOf", "oneOf", "allOf":
      if let schemas = value.arrayValue, !schemas.isEmpty { copy[keyword] = .array(try read(list: schemas, at: place)) }
    default: if Self.isBound(keyword, value) { copy[keyword] = value }
    }
  }

  private mutating func read(members: JSONObject, at place: String) throws(JSONSchemaError) -> JSONObject {
    var copy = JSONObject()
    for (name, schema) in members { copy[name] = try read(schema, at: place.pointer(name)) }
    return copy
  }

  private mutating func read(list: [JSON], at place: String) throws(JSONSchemaError) -> [JSON] {
    var copy: [JSON] = []
    for (index, schema) in list.enumerated() { copy.append(try read(schema, at: place.pointer(index))) }
    return copy
  }

  private mutating func readPatterns(
    _ value: JSON, at place: String, into copy: inout JSONObject
  ) throws(JSONSchemaError) {
    guard let schemas = value.objectValue else { return }
    let usable = JSONObject(schemas.filter { Self.isPattern($0.key) }.map { ($0.key, $0.value) })
    copy["patternProperties"] = .object(try read(members: usable, at: place))
  }

  /// Before 2020-12 a list under `items` was what `prefixItems` is now.
  private mutating func readItems(
    _ value: JSON, of keywords: JSONObject, at place: String, into copy: inout JSONObject
  ) throws(JSONSchemaError) {
    guard let schemas = value.arrayValue else { return copy["items"] = try read(value, at: place) }
    if !schemas.isEmpty { copy["prefixItems"] = .array(try read(list: schemas, at: place)) }
    if let rest = keywords["additionalItems"] { copy["items"] = try read(rest, at: place) }
  }

  // MARK: References

  private mutating func follow(_ reference: String, at place: String) throws(JSONSchemaError) -> JSON {
    guard reference.hasPrefix("#") else {
      throw JSONSchemaError(
        place: place, message: "refers to \(reference.prefix(200)), outside of the schema; nothing is fetched")
    }
    guard let target = reference == "#" ? document : document.resolved(reference) else { return true }
    guard !trail.contains(reference) else { return target["type"].flatMap(Self.type).map { ["type": $0] } ?? true }
    trail.append(reference)
    defer { trail.removeLast() }
    return try read(target, at: place)
  }

  private static let annotations: Set<String> = ["title", "description", "default", "examples"]

  /// What stands beside a reference counts too; words about it take the place of the target's.
  private static func join(_ target: JSON, _ beside: JSONObject) -> JSON {
    guard !beside.isEmpty else { return target }
    guard beside.allSatisfy({ annotations.contains($0.key) }), var joined = target == true ? [:] : target.objectValue
    else {
      var joined = beside
      joined["allOf"] = .array((beside["allOf"]?.arrayValue ?? []) + [target])
      return .object(joined)
    }
    for (key, value) in beside { joined[key] = value }
    return .object(joined)
  }

  // MARK: Keywords

  private static let types: Set<String> = ["null", "boolean", "integer", "number", "string", "array", "object"]

  private static func type(_ value: JSON) -> JSON? {
    let names = (value.arrayValue ?? [value]).map(\.stringValue)
    guard !names.isEmpty, names.allSatisfy({ $0.map(types.contains) == true }) else { return nil }
    return value
  }

  /// `nullable` of OpenAPI.
  private static func allowNull(_ copy: inout JSONObject) {
    guard let type = copy["type"] else { return }
    copy["type"] = .array((type.arrayValue ?? [type]) + ["null"])
    if let choices = copy["enum"]?.arrayValue { copy["enum"] = .array(choices + [.null]) }
  }

  private static func isPattern(_ text: String) -> Bool { (try? Pattern(text)) != nil }

  private static func hasOnlyPatterns(_ keywords: JSONObject) -> Bool {
    (keywords["patternProperties"]?.objectValue ?? [:]).allSatisfy { isPattern($0.key) }
  }

  private static func isBound(_ keyword: String, _ value: JSON) -> Bool {
    switch keyword {
    case "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength":
      value.intValue.map { $0 >= 0 } == true
    case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum": value.doubleValue != nil
    case "multipleOf": value.doubleValue.map { $0 > 0 } == true
    case "uniqueItems": value.boolValue != nil
    case "pattern": value.stringValue.map(isPattern) == true
    default: false
    }
  }
}
