package import Graph

/// A tool as people are shown it.
package struct ServerTool: Sendable {
  package let server: String
  private let tool: MCPTool

  init(_ tool: MCPTool, server: String) {
    self.tool = tool
    self.server = server
  }

  package var name: String { tool.name }
  package var title: String? { tool.title }
  package var description: String? { tool.description }

  /// Its server says that it changes nothing. A hint.
  package var isReadOnly: Bool { tool.annotations.isReadOnly }

  /// What its server says of its effects, in words.
  package var hints: [String] {
    let hints = tool.annotations
    if hints.isReadOnly { return ["reads only"] }
    return (hints.isDestructive ? ["may destroy"] : []) + (hints.isIdempotent ? ["repeatable"] : [])
  }

  /// `{server, name, title?, description?, inputSchema, outputSchema?, annotations}`.
  package var json: JSON {
    var object: JSONObject = ["server": .string(server), "name": .string(name)]
    if let title { object["title"] = .string(title) }
    if let description { object["description"] = .string(description) }
    object["inputSchema"] = tool.inputSchema
    object["outputSchema"] = tool.outputSchema
    let hints = tool.annotations
    object["annotations"] = [
      "readOnlyHint": .bool(hints.isReadOnly), "destructiveHint": .bool(hints.isDestructive && !hints.isReadOnly),
      "idempotentHint": .bool(hints.isIdempotent), "openWorldHint": .bool(hints.isOpenWorld),
    ]
    return .object(object)
  }
}

// MARK: Arguments

extension ServerTool {
  package struct Parameter: Sendable, Hashable {
    package var name: String

    /// "string", "list of integer", "\"red\" or \"green\"" …
    package var type: String
    package var isRequired: Bool
    package var standard: JSON?
    package var description: String?
  }

  /// Its arguments, the required ones first.
  package var parameters: [Parameter] {
    let schema = tool.parameters.inlined
    let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    let all = (schema["properties"]?.objectValue ?? [:]).map { name, schema in
      Parameter(
        name: name, type: SchemaWords.type(schema), isRequired: required.contains(name), standard: schema["default"],
        description: schema["description"]?.stringValue)
    }
    return all.filter(\.isRequired) + all.filter { !$0.isRequired }
  }

  /// Whether `value` may be the argument `name`, as far as the schema of that argument alone tells.
  package func takes(_ value: JSON, as name: String) -> Bool {
    guard let property = tool.parameters.inlined["properties"]?[name], let schema = try? JSONSchema(property) else {
      return true
    }
    return schema.violations(of: value).isEmpty
  }

  /// Why it cannot be called with `arguments`; `[]` when it can.
  package func objections(to arguments: JSONObject) -> [String] {
    strangers(in: arguments) + tool.parameters.violations(of: .object(arguments)).map(\.description)
  }

  /// Arguments that the tool does not know: most servers say nothing and go on without them.
  private func strangers(in arguments: JSONObject) -> [String] {
    let schema = tool.parameters.inlined
    guard schema["additionalProperties"] == nil, schema["patternProperties"] == nil else { return [] }
    let known = Array((schema["properties"]?.objectValue ?? [:]).keys)
    return arguments.filter { !known.contains($0.key) }.map { name, _ in
      let hint = Suggestion.hint(for: name, in: known).map { " (\($0))" } ?? (known.isEmpty ? " (it takes none)" : "")
      return "\(self.name) has no argument \"\(name)\"\(hint)"
    }
  }
}

/// A schema in a few words.
enum SchemaWords {
  static func type(_ schema: JSON, depth: Int = 0) -> String {
    guard let schema = schema.objectValue, depth < 8 else { return "anything" }
    if let value = schema["const"] { return value.text }
    if let values = schema["enum"]?.arrayValue {
      let shown = values.prefix(8).map(\.text).joined(separator: " or ")
      return values.count > 8 ? "\(shown) or …" : shown
    }
    if let options = (schema["anyOf"] ?? schema["oneOf"])?.arrayValue {
      let types = options.filter { $0["type"] != "null" }.map { type($0, depth: depth + 1) }
      var seen: Set<String> = []
      return types.filter { seen.insert($0).inserted }.joined(separator: " or ")
    }
    let names =
      schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? [schema["type"]?.stringValue].compactMap(\.self)
    let types = names.filter { $0 != "null" }.map { named($0, schema, depth) }
    return types.isEmpty ? "anything" : types.joined(separator: " or ")
  }

  private static func named(_ name: String, _ schema: JSONObject, _ depth: Int) -> String {
    switch name {
    case "array": return schema["items"].map { "list of \(type($0, depth: depth + 1))" } ?? "list"
    case "object":
      let members = schema["properties"]?.objectValue ?? [:]
      guard !members.isEmpty, depth < 2 else { return "object" }
      let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      let shown = members.prefix(6).map { key, schema in
        "\(key)\(required.contains(key) ? "" : "?"): \(type(schema, depth: depth + 1))"
      }
      return "{\(shown.joined(separator: ", "))\(members.count > 6 ? ", …" : "")}"
    default: return name
    }
  }
}
