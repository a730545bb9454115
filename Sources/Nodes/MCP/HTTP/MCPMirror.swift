import Foundation
import Graph

/// The arguments of a tool that HTTP also carries in header fields, for those on the way to read: `x-mcp-header` at
/// properties of its inputSchema.
struct MCPMirror: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    /// The property's place among the arguments.
    var path: [String]

    /// `Mcp-Param-` and what the schema says.
    var header: String
  }

  private(set) var entries: [Entry] = []

  static let keyword = "x-mcp-header"

  /// What is wrong with a schema; such a tool must not be used over HTTP.
  struct Mistake: Error, Sendable, Hashable {
    var reason: String
  }

  init(_ schema: JSON) throws(Mistake) {
    try search(schema, at: [], isReachable: true)
  }

  /// The header fields for `arguments`; what is absent or null has none.
  func fields(for arguments: JSON?) -> [(name: String, value: String)] {
    entries.compactMap { entry in
      let value = entry.path.reduce(arguments) { $0?[$1] }
      guard let value, value != .null else { return nil }
      return (entry.header, MCPHeaderValue.encoded(Self.text(of: value)))
    }
  }

  /// A whole number without the fraction that JSON may give it.
  private static func text(of value: JSON) -> String {
    if case .double(let number) = value, let whole = Int(exactly: number) { return String(whole) }
    return value.argumentText
  }

  /// Keywords besides `properties` that hold a schema, some, or some by name; the values of all others are data.
  private static let holders: Set<String> = [
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not",
    "if",
    "then", "else", "contentSchema", "allOf", "anyOf", "oneOf", "prefixItems",
  ]
  private static let namedHolders: Set<String> = ["patternProperties", "dependentSchemas", "$defs", "definitions"]

  /// - Parameter isReachable: only `properties` led here, so that the argument's place is known.
  private mutating func search(_ schema: JSON, at path: [String], isReachable: Bool) throws(Mistake) {
    guard let keywords = schema.objectValue else { return }
    if let name = keywords[Self.keyword] { try add(name, of: keywords, at: isReachable ? path : []) }
    for (keyword, value) in keywords {
      if keyword == "properties" {
        for (name, property) in value.objectValue ?? [:] {
          try search(property, at: path + [name], isReachable: isReachable)
        }
      } else {
        for inner in Self.schemas(under: keyword, value) { try search(inner, at: path, isReachable: false) }
      }
    }
  }

  private static func schemas(under keyword: String, _ value: JSON) -> [JSON] {
    if namedHolders.contains(keyword) { return value.objectValue.map { Array($0.values) } ?? [] }
    return holders.contains(keyword) ? value.arrayValue ?? [value] : []
  }

  private mutating func add(_ name: JSON, of schema: JSONObject, at path: [String]) throws(Mistake) {
    guard let name = name.stringValue, MCPHeaderValue.isToken(name) else {
      throw Mistake(reason: "\(Self.keyword) is no name of a header field: \(name.summary)")
    }
    guard !path.isEmpty else {
      throw Mistake(
        reason: "\(Self.keyword) \"\(name)\" stands where no argument can be told: only properties lead to one")
    }
    guard let type = schema["type"]?.stringValue, ["string", "integer", "boolean"].contains(type) else {
      throw Mistake(reason: "\(Self.keyword) \"\(name)\" is at a property that is no string, integer or boolean")
    }
    let header = "Mcp-Param-\(name)"
    guard !entries.contains(where: { $0.header.lowercased() == header.lowercased() }) else {
      throw Mistake(reason: "\(Self.keyword) \"\(name)\" is used twice")
    }
    entries.append(Entry(path: path, header: header))
  }
}

/// Texts as values of the protocol's header fields.
enum MCPHeaderValue {
  /// `text` itself, or where it is more than printable ASCII, or could be taken for more: `=?base64?…?=`.
  static func encoded(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    let hasEdge = text.first == " " || text.last == " "
    let looksEncoded = text.lowercased().hasPrefix("=?base64?") && text.hasSuffix("?=")
    guard !isPlain || hasEdge || looksEncoded else { return text }
    return "=?base64?\(Data(text.utf8).base64EncodedString())?="
  }

  /// What may name a header field.
  static func isToken(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.unicodeScalars.allSatisfy(HTTPRequestPlan.isToken)
  }
}
