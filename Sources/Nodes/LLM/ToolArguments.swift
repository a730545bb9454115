import Graph

extension ToolCall.Arguments {
  /// With values that models write as text (`"5"`, `"true"`, `"{…}"`) as what the schema says they are.
  ///
  /// What does not fit stays as it is, for whoever checks it.
  func fitted(to schema: JSON?) -> ToolCall.Arguments {
    guard case .object(let object) = self, let schema else { return self }
    return .object(Self.fitted(object, schema, depth: 0))
  }

  private static func fitted(_ object: JSONObject, _ schema: JSON, depth: Int) -> JSONObject {
    guard let properties = schema["properties"]?.objectValue, depth < Self.depth else { return object }
    return JSONObject(
      object.map { key, value in (key, properties[key].map { fitted(value, $0, depth: depth + 1) } ?? value) })
  }

  private static func fitted(_ value: JSON, _ schema: JSON, depth: Int) -> JSON {
    switch value {
    case .object(let object): return .object(fitted(object, schema, depth: depth))
    case .array(let items):
      guard let item = schema["items"], depth < Self.depth else { return value }
      return .array(items.map { fitted($0, item, depth: depth + 1) })
    case .string(let text):
      let types = schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? [schema["type"]?.stringValue ?? "string"]
      guard !types.contains("string"), let read = try? JSON(parsing: text, depth: Self.depth - depth),
        types.contains(where: { isOf($0, read) })
      else { return value }
      return fitted(read, schema, depth: depth)
    default: return value
    }
  }

  private static func isOf(_ type: String, _ value: JSON) -> Bool {
    switch type {
    case "integer": value.intValue != nil
    case "string": false
    default: value.typeName == type
    }
  }
}
