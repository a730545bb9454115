import OrderedCollections

/// Holds YAML values to their shapes, collects every problem and every expression, and gives the fields they spell.
struct ShapeReader {
  var problems: [Problem] = []

  /// Every expression met, in the order of the file.
  var uses: [ExpressionUse] = []

  /// Every file named, for the rule that they stay below the graph's folder.
  var files: [(name: String, position: SourcePosition)] = []

  /// Every MCP server that a node names.
  var servers: [(name: String, position: SourcePosition)] = []

  /// Every script with an expression in it.
  var scripts: [Script] = []

  /// Every program position (`argv[0]`) that an expression gives.
  var computedPrograms: [SourcePosition] = []

  /// Every environment variable that is set somewhere.
  var variables: [Variable] = []

  /// What runs scripts where a node does not say.
  var defaultInterpreter: String?

  /// Whether `$secrets` may stand in what is being read.
  var allowsSecrets = false

  /// The node that is being read.
  var owner: NodeName?

  /// What runs the script that is being read; `nil` is the shell.
  var interpreter: String?

  struct Script {
    var template: Template
    var value: YAMLNode

    /// `nil` is the shell.
    var interpreter: String?

    /// Offsets of the template's expressions in the value's text.
    var offsets: [Int]
  }

  struct Variable {
    var name: String
    var position: SourcePosition
    var value: Field
  }

  mutating func note(_ position: SourcePosition, _ message: String, hint: @autoclosure () -> String? = nil) {
    problems.append(Problem(at: position, message, hint: problems.count < Problem.hinted ? hint() : nil))
  }

  /// The field that `node` spells, `nil` where it has not the shape (noted). Of maps the sound part is given, and in
  /// lists a broken item is `null`, so that places stay.
  mutating func read(_ node: YAMLNode, as shape: Shape) -> Field? {
    guard let type = node.type else { return nil }
    guard shape.types.contains(type) else { return mismatch(node, type, shape) }
    switch shape {
    case .text: return node.text.map { .literal(.string($0)) }
    case .template: return template(node)
    case .script: return script(node)
    case .expression: return expression(node)
    case .assignment: return type == .string ? expression(node) : json(node)
    case .value: return value(node)
    case .json: return json(node)
    case .bool: return json(node)
    case .integer(let range): return number(node, shape) { $0.intValue.map(range.contains) ?? false }
    case .number(let range): return number(node, shape) { $0.doubleValue.map(range.contains) ?? false }
    case .duration(let computed, let orZero): return duration(node, shape, computed: computed, orZero: orZero)
    case .choice(let names, let computed): return choice(node, names, computed: computed)
    case .schema: return schema(node)
    case .fileName: return fileName(node)
    case .nodeName: return name(node, shape, rule: NodeName.rule, isValid: NodeName.isValid)
    case .target: return name(node, shape, rule: NodeName.rule) { NodeName.isValid($0) || $0 == "end" }
    case .channelName: return name(node, shape, rule: ChannelName.rule, isValid: ChannelName.isValid)
    case .environmentName:
      let keys = Shape.KeyRule.environment
      return name(node, shape, rule: keys.summary, isValid: keys.allows)
    case .serverName: return serverName(node, shape)
    case .list(let item, let isEmptyAllowed): return list(node, of: item, isEmptyAllowed: isEmptyAllowed)
    case .map(let keys, let values, let isEmptyAllowed):
      return map(node, keys, isEmptyAllowed: isEmptyAllowed) { _ in values }
    case .object(let object): return self.object(node, object)
    case .shorthand(let field, let object): return shorthand(node, type, field, object)
    case .any(let shapes): return alternative(node, type, shapes)
    case .named(let name): return read(node, as: name.shape)
    }
  }

  private mutating func mismatch(_ node: YAMLNode, _ type: YAMLType, _ shape: Shape) -> Field? {
    note(node.position, "expected \(shape.summary), found \(type.description)", hint: Self.hint(node, type, shape))
    return nil
  }

  private static func hint(_ node: YAMLNode, _ type: YAMLType, _ shape: Shape) -> String? {
    switch (shape, type) {
    case (.duration, .number): "a duration has a unit: \(node.text ?? "1")s"
    case (.list(let item, _), _) where item.types.contains(type): "write it as a list: [\(node.text ?? "…")]"
    case (.nodeName, _), (.target, _), (.channelName, _), (.choice, _), (.named(.routes), _):
      type.isScalar && type != .null ? "quote it if it is meant as a name" : nil
    case (.template, .map), (.text, .map): "quote the text if it has braces in it"
    case (.bool, .string): "write true or false"
    case (.shorthand(let field, let object), _):
      object.field(field).flatMap { hint(node, type, $0.shape) }
    case (.any(let shapes), _): shapes.lazy.compactMap { hint(node, type, $0) }.first
    case (.object(let object), _): object.example.map { "write it as \($0)" }
    case (.named(.retry), .number): "write it as { attempts: \(node.text ?? "3") }"
    default: nil
    }
  }
}
