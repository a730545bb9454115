/// What a value in a graph file may look like, and what it means.
///
/// One description serves the checking reader, the JSON Schema and the documentation.
public indirect enum Shape: Sendable {
  /// Constant text; numbers and booleans stay as they were written.
  case text

  /// Text with `${{ }}` in it.
  case template

  /// A script with `${{ }}` in it, each of them quoted for the shell.
  case script

  /// A bare jq expression.
  case expression

  /// A string is an expression, any other value is itself (`set`, `save`).
  case assignment

  /// Any value; strings in it are templates.
  case value

  /// Any value, taken as it is.
  case json

  case bool
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)

  /// A duration, above zero unless `orZero`; with `computed`, a template may give it.
  case duration(computed: Bool = false, orZero: Bool = false)

  /// One of the names; with `computed`, a template may give it.
  case choice([String], computed: Bool = false)

  /// A JSON Schema of the subset that ``JSONSchema`` knows.
  case schema

  /// A file below the graph's folder.
  case fileName
  case nodeName

  /// A node, or `end`.
  case target
  case channelName

  /// The name of an environment variable.
  case environmentName

  /// An MCP server: one of the graph, or of the server file beside it.
  case serverName
  case list(Shape, isEmptyAllowed: Bool = false)
  case map(keys: KeyRule, values: Shape, isEmptyAllowed: Bool = true)
  case object(ObjectShape)

  /// A map of `fields`, or the value of one of them alone: `shell: ls` is `shell: {run: ls}`.
  case shorthand(for: String, ObjectShape)

  /// One of several, told apart by the kind of value that stands there.
  case any([Shape])

  /// A shape of the format itself by name, for those that contain themselves or appear often.
  case named(NamedShape)

  /// What the keys of a map are.
  public enum KeyRule: Sendable, Hashable {
    case any, channel, node, output, server

    /// Environment variables: secrets may stand in the values.
    case environment

    /// HTTP header names: secrets may stand in the values.
    case header
  }
}

/// A map with known keys.
public struct ObjectShape: Sendable {
  /// What it is called in messages, for instance "a route".
  public var name: String
  public var fields: [FieldFormat]

  /// Of each group exactly one must be there.
  public var exactlyOne: [[String]]

  /// Of each group at most one may be there.
  public var atMostOne: [[String]]

  /// How one may look, for who wrote something else.
  var example: String?

  public init(
    _ name: String, _ fields: [FieldFormat], exactlyOne: [[String]] = [], atMostOne: [[String]] = []
  ) {
    self.name = name
    self.fields = fields
    self.exactlyOne = exactlyOne
    self.atMostOne = atMostOne
  }

  func field(_ name: String) -> FieldFormat? { fields.first { $0.name == name } }
}

/// One key of a map with known keys.
public struct FieldFormat: Sendable {
  public var name: String
  public var shape: Shape

  /// One or two sentences for editors and the documentation.
  public var description: String
  public var isRequired: Bool

  public init(_ name: String, _ shape: Shape, _ description: String, isRequired: Bool = false) {
    self.name = name
    self.shape = shape
    self.description = description
    self.isRequired = isRequired
  }
}

/// Shapes that the format gives a name: they become `$defs` of the JSON Schema.
public enum NamedShape: String, Sendable, CaseIterable {
  case schema, routes, retry

  var shape: Shape {
    switch self {
    case .schema: SchemaFormat.shape
    case .routes: RouteFormat.shape
    case .retry: .object(GraphFormat.retry)
    }
  }
}

extension Shape {
  /// The kinds of value that can have this shape.
  var types: Set<YAMLType> {
    switch self {
    case .text, .template, .script, .expression: [.string, .number, .bool]
    case .duration, .choice, .fileName, .nodeName, .target, .channelName, .environmentName, .serverName: [.string]
    case .assignment, .value, .json: [.null, .bool, .number, .string, .list, .map]
    case .bool: [.bool]
    case .integer, .number: [.number]
    case .schema: NamedShape.schema.shape.types
    case .list: [.list]
    case .map, .object: [.map]
    case .shorthand(let field, let object): (object.field(field)?.shape.types ?? []).union([.map])
    case .any(let shapes): shapes.reduce(into: []) { $0.formUnion($1.types) }
    case .named(let name): name.shape.types
    }
  }

  /// What is expected, for messages.
  var summary: String {
    switch self {
    case .text, .template: "text"
    case .script: "a script"
    case .expression: "an expression"
    case .assignment, .value, .json: "a value"
    case .bool: "true or false"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range):
      "a number from \(JSON.number(range.lowerBound).plain) to \(JSON.number(range.upperBound).plain)"
    case .duration(_, let orZero): "a duration\(orZero ? "" : " above zero") such as 500ms, 2s, 10m or 1h"
    case .choice(let names, _): names.count == 1 ? names[0] : "one of \(names.joined(separator: ", "))"
    case .schema: "a JSON Schema"
    case .fileName: "a file name"
    case .nodeName: "the name of a node"
    case .target: "the name of a node, or end"
    case .channelName: "the name of a channel"
    case .environmentName: "the name of an environment variable"
    case .serverName: "the name of an MCP server"
    case .list(let item, _): "a list (each item \(item.summary))"
    case .map: "a map"
    case .object(let object): object.name
    case .shorthand(let field, let object):
      "\(object.field(field)?.shape.summary ?? "a value"), or a map (\(object.name))"
    case .any(let shapes): shapes.map(\.summary).joined(separator: ", or ")
    case .named(.routes): "the name of a node, end, or a list of nodes or routes"
    case .named(let name): name.shape.summary
    }
  }
}

extension JSON {
  /// A number as a person writes it.
  fileprivate var plain: String {
    switch self {
    case .int(let value): String(value)
    case .double(let value): String(value)
    default: ""
    }
  }
}

extension Shape.KeyRule {
  func allows(_ key: String) -> Bool {
    switch self {
    case .any: true
    case .channel, .output: ChannelName.isValid(key)
    case .node: NodeName.isValid(key)
    case .server: key.count <= 128 && Self.matches(key, first: "_", rest: "_-.")
    case .environment: key.count <= 256 && Self.matches(key, first: "_", rest: "_", firstDigit: false)
    case .header:
      !key.isEmpty && key.count <= 256 && Self.matches(key, first: "!#$%&'*+-.^_`|~", rest: "!#$%&'*+-.^_`|~")
    }
  }

  private static func matches(_ text: String, first: String, rest: String, firstDigit: Bool = true) -> Bool {
    let scalars = text.unicodeScalars
    return !scalars.isEmpty
      && scalars.enumerated().allSatisfy { index, scalar in
        scalar.isLetter || (scalar.isDigit && (index > 0 || firstDigit))
          || (index == 0 ? first : rest).unicodeScalars.contains(scalar)
      }
  }

  /// What a key names and what it may look like, for messages.
  var summary: String {
    switch self {
    case .any: "a key: any text"
    case .channel: "a channel name: \(ChannelName.rule)"
    case .output: "an output name: \(ChannelName.rule)"
    case .node: "a node name: \(NodeName.rule)"
    case .server: "a server name: letters, digits, _, - and ."
    case .environment: "the name of an environment variable: a letter or _ first, then letters, digits and _"
    case .header: "the name of a header"
    }
  }

  var allowsSecrets: Bool { self == .environment || self == .header }

  /// The rule as a JSON Schema for the key.
  var schema: JSON? {
    switch self {
    case .any: nil
    case .channel, .output: Self.pattern("^[A-Za-z_][A-Za-z0-9_]*$", longest: 128)
    case .node: Shape.nodeName.schema
    case .server: Self.pattern("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", longest: 128)
    case .environment: Self.pattern("^[A-Za-z_][A-Za-z0-9_]*$", longest: 256)
    case .header: Self.pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", longest: 256)
    }
  }

  private static func pattern(_ pattern: String, longest: Int) -> JSON {
    ["type": "string", "pattern": .string(pattern), "maxLength": .int(longest)]
  }
}
