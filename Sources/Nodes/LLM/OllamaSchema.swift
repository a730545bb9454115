import Graph
import GraphRuntime

/// A tool's schema as Ollama keeps it.
///
/// The server reads `type`, `properties`, `required`, `items`, `enum`, `anyOf` and `description` and drops all else
/// before the model sees it. So references are put in place, alternatives become `anyOf`, and what else a value must be
/// is said in its description.
struct OllamaSchema {
  /// Levels that are followed; what is deeper may be anything.
  private static let deepest = 12
  private static let mostSchemas = 2000

  private let document: JSON
  private let tool: String
  private var count = 0

  /// The references that what is being reduced stands in.
  private var trail: [String] = []

  /// - Throws: ``NodeFailure`` of kind `limit` for a schema of too many parts.
  static func reduced(_ schema: JSON, tool: String) throws(NodeFailure) -> JSON {
    var reducer = OllamaSchema(document: schema, tool: tool)
    var reduced = try reducer.reduce(schema, depth: 0)
    if reduced["type"] == nil { reduced["type"] = "object" }
    if reduced["properties"] == nil { reduced["properties"] = [:] }
    return .object(reduced)
  }

  private init(document: JSON, tool: String) {
    self.document = document
    self.tool = tool
  }

  private mutating func reduce(_ schema: JSON, depth: Int) throws(NodeFailure) -> JSONObject {
    count += 1
    guard count <= Self.mostSchemas else {
      throw NodeFailure(
        .limit, "the parameters of the tool \(tool) have more than \(Self.mostSchemas) parts", precedesEffect: true)
    }
    guard let keywords = schema.objectValue, depth < Self.deepest else { return [:] }
    let outer = trail
    defer { trail = outer }
    let source = merged(keywords)
    var result = JSONObject()
    for key in ["type", "enum", "required"] { result[key] = source[key] }
    if let value = source["const"] { result["enum"] = [value] }
    if let properties = source["properties"]?.objectValue {
      var reduced = JSONObject()
      for (name, property) in properties where property != false {
        reduced[name] = .object(try reduce(property, depth: depth + 1))
      }
      result["properties"] = .object(reduced)
    }
    if let items = source["items"] ?? source["prefixItems"]?.arrayValue?.first {
      result["items"] = .object(try reduce(items, depth: depth + 1))
    }
    var alternatives: [JSON] = []
    for part in (source["anyOf"] ?? source["oneOf"])?.arrayValue ?? [] {
      alternatives.append(.object(try reduce(part, depth: depth + 1)))
    }
    if !alternatives.isEmpty { result["anyOf"] = .array(alternatives) }
    result["description"] = Self.description(source)
    return result
  }

  /// The keywords with what `$ref` and `allOf` add to them; their own win. What contains itself ends there.
  private mutating func merged(_ keywords: JSONObject) -> JSONObject {
    var result = JSONObject()
    var parts: [JSON] = [.object(keywords)]
    while let part = parts.first, trail.count < Self.deepest * 4 {
      parts.removeFirst()
      guard var object = part.objectValue else { continue }
      parts = (object.removeValue(forKey: "allOf")?.arrayValue ?? []) + parts
      if let reference = object.removeValue(forKey: "$ref")?.stringValue, !trail.contains(reference) {
        trail.append(reference)
        if let target = document.pointed(reference) { parts.insert(target, at: 0) }
      }
      for (key, value) in object { result[key] = Self.combined(key, result[key], value) }
    }
    return result
  }

  private static func combined(_ key: String, _ own: JSON?, _ other: JSON) -> JSON {
    switch (key, own, other) {
    case (_, nil, _): other
    case ("properties", .object(let own)?, .object(let other)):
      .object(JSONObject(other.map { ($0.key, $0.value) } + own.map { ($0.key, $0.value) }))
    case ("required", .array(let own)?, .array(let other)): .array(own + other.filter { !own.contains($0) })
    default: own ?? other
    }
  }

  /// Keywords that the server drops and a model can heed.
  private static let said = [
    "default", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "examples",
  ]

  private static func description(_ keywords: JSONObject) -> JSON? {
    let constraints = said.compactMap { key in keywords[key].map { "\(key): \($0.argumentText)" } }
    let parts = [keywords["description"]?.stringValue ?? keywords["title"]?.stringValue].compactMap(\.self)
    let all = parts + (constraints.isEmpty ? [] : ["(\(constraints.joined(separator: ", ")))"])
    return all.isEmpty ? nil : .string(all.joined(separator: " "))
  }
}

extension JSON {
  /// What a reference within the document (`#/$defs/name`) means; `nil` for any other, which is never fetched.
  fileprivate func pointed(_ reference: String) -> JSON? {
    guard reference.hasPrefix("#/") else { return nil }
    var value = self
    for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
      let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
      let index = Int(name).flatMap { value.arrayValue?.indices.contains($0) == true ? value.arrayValue?[$0] : nil }
      guard let next = value[name] ?? index else { return nil }
      value = next
    }
    return value
  }
}

extension ContinuousClock.Instant {
  /// Seconds from then to now.
  var secondsUntilNow: Double { (ContinuousClock.now - self) / .seconds(1) }
}

extension ChatRequest {
  /// The messages as models want them back: thinking only in the turn that is still going on.
  var turnMessages: [ChatMessage] {
    let turn = messages.lastIndex { $0.role == .user } ?? messages.startIndex
    return messages.enumerated().map { index, message in
      var message = message
      if index < turn { message.thinking = nil }
      return message
    }
  }
}
