import OrderedCollections

/// Holds YAML values to their shapes, collects every problem and every expression, and gives the fields they spell.
struct ShapeReader {
  var problems: [Problem] = []

  /// Every expression met, in the order of the file.
  var uses: [ExpressionUse] = []

  /// Every file named, for the rule that they stay below the graph's folder.
  var files: [(name: String, position: SourcePosition)] = []

  /// Every script with an expression in it.
  var scripts: [Script] = []

  /// Every program position (`argv[0]`) that an expression gives.
  var computedPrograms: [SourcePosition] = []

  /// Every environment variable that is set somewhere.
  var variables: [Variable] = []

  /// What runs scripts where a node does not say.
  var defaultInterpreter: String?

  private var allowsSecrets = false
  private var owner: NodeName?
  private var interpreter: String?

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
    case .duration(let computed): return duration(node, shape, computed: computed)
    case .choice(let names): return choice(node, names)
    case .schema: return schema(node)
    case .fileName: return fileName(node)
    case .nodeName: return name(node, shape, rule: NodeName.rule, isValid: NodeName.isValid)
    case .target: return name(node, shape, rule: NodeName.rule) { NodeName.isValid($0) || $0 == "end" }
    case .channelName: return name(node, shape, rule: ChannelName.rule, isValid: ChannelName.isValid)
    case .environmentName:
      let keys = Shape.KeyRule.environment
      return name(node, shape, rule: keys.summary, isValid: keys.allows)
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
    default: nil
    }
  }
}

// MARK: scalars

extension ShapeReader {
  private mutating func json(_ node: YAMLNode) -> Field? {
    guard let value = node.json else {
      note(firstUnexact(node), "a number that JSON cannot hold exactly", hint: "quote it if it is text")
      return nil
    }
    return .literal(value)
  }

  /// Where the value is that has no JSON.
  private func firstUnexact(_ node: YAMLNode) -> SourcePosition {
    switch node.content {
    case .list(let items): items.first { $0.json == nil }.map(firstUnexact) ?? node.position
    case .map(let members): members.first { $0.value.json == nil }.map { firstUnexact($0.value) } ?? node.position
    default: node.position
    }
  }

  private mutating func number(_ node: YAMLNode, _ shape: Shape, _ isRight: (JSON) -> Bool) -> Field? {
    guard let value = node.json, isRight(value) else {
      note(node.position, "expected \(shape.summary), found \(node.text ?? "")")
      return nil
    }
    return .literal(value)
  }

  private mutating func duration(_ node: YAMLNode, _ shape: Shape, computed: Bool) -> Field? {
    let text = node.text ?? ""
    if computed, text.contains("${{") { return template(node) }
    guard let duration = Duration(parsing: text), duration > .zero, !text.hasPrefix("0") else {
      note(node.position, "expected \(shape.summary), found \(shown(text))")
      return nil
    }
    return .literal(.string(text))
  }

  private mutating func choice(_ node: YAMLNode, _ names: [String]) -> Field? {
    let text = node.text ?? ""
    guard names.contains(text) else {
      let known = names.joined(separator: ", ")
      note(
        node.position, "expected one of \(known), found \(shown(text))",
        hint: Suggestion.nearest(to: text, in: names).map { "did you mean \"\($0)\"?" })
      return nil
    }
    return .literal(.string(text))
  }

  private mutating func name(
    _ node: YAMLNode, _ shape: Shape, rule: String, isValid: (String) -> Bool
  ) -> Field? {
    let text = node.text ?? ""
    guard isValid(text) else {
      note(node.position, "expected \(shape.summary), found \(shown(text))", hint: rule)
      return nil
    }
    return .literal(.string(text))
  }

  private mutating func fileName(_ node: YAMLNode) -> Field? {
    guard let text = node.text else { return nil }
    guard !text.isEmpty else {
      note(node.position, "expected a file name, found nothing")
      return nil
    }
    files.append((text, node.position))
    return .literal(.string(text))
  }

  private mutating func schema(_ node: YAMLNode) -> Field? {
    let before = problems.count
    guard read(node, as: .named(.schema)) != nil, problems.count == before else { return nil }
    let field = json(node)
    if case .literal(let document) = field, let problem = node.problem(ofSchema: document) { problems.append(problem) }
    return field
  }
}

// MARK: expressions

extension ShapeReader {
  private mutating func expression(_ node: YAMLNode) -> Field? {
    guard let text = node.text else { return nil }
    guard !text.hasPrefix("${{") else {
      note(node.position, "expected a bare expression, found a template", hint: "leave out ${{ and }}")
      return nil
    }
    do {
      let expression = try Expression(text)
      use(expression, in: node, at: 0)
      return .expression(expression)
    } catch {
      return refused(error, node)
    }
  }

  private mutating func template(_ node: YAMLNode) -> Field? {
    guard let text = node.text else { return nil }
    guard text.contains("${{") else { return .literal(.string(text)) }
    do {
      let template = try Template(parsing: text)
      var rest = text[...]
      for expression in template.expressions {
        rest = Self.afterOpening(rest)
        let place = rest.firstRange(of: expression.source)
        use(expression, in: node, at: place.map { text.utf8.distance(from: text.startIndex, to: $0.lowerBound) } ?? 0)
        if let place { rest = rest[place.upperBound...] }
      }
      return .template(template)
    } catch {
      return refused(error, node)
    }
  }

  private mutating func script(_ node: YAMLNode) -> Field? {
    let before = uses.count
    let field = template(node)
    if case .template(let template) = field {
      let offsets = uses[before...].map(\.offset)
      scripts.append(Script(template: template, value: node, interpreter: interpreter, offsets: offsets))
    }
    return field
  }

  /// What follows the next `${{` that is not written `$${{`.
  private static func afterOpening(_ text: Substring) -> Substring {
    var rest = text
    while let opening = rest.firstRange(of: "${{") {
      let isEscaped = opening.lowerBound > rest.startIndex && rest[rest.index(before: opening.lowerBound)] == "$"
      rest = rest[opening.upperBound...]
      if !isEscaped { return rest }
    }
    return rest
  }

  private mutating func use(_ expression: Expression, in node: YAMLNode, at offset: Int) {
    uses.append(
      ExpressionUse(expression: expression, value: node, offset: offset, allowsSecrets: allowsSecrets, owner: owner))
  }

  private mutating func refused(_ error: ExpressionError, _ node: YAMLNode) -> Field? {
    note(node.position(ofByte: error.offset), error.message)
    return nil
  }

  private mutating func value(_ node: YAMLNode) -> Field? {
    switch node.content {
    case .list(let items): return .list(items.map { value($0) ?? .literal(.null) })
    case .map: return map(node, .any) { _ in .value }
    case .scalar: return node.type == .string ? template(node) : json(node)
    case .broken: return nil
    }
  }
}

// MARK: collections

extension ShapeReader {
  private mutating func list(_ node: YAMLNode, of item: Shape, isEmptyAllowed: Bool) -> Field? {
    guard let items = node.items else { return nil }
    guard isEmptyAllowed || !items.isEmpty else {
      note(node.position, "the list is empty")
      return nil
    }
    return .list(items.map { read($0, as: item) ?? .literal(.null) })
  }

  private mutating func map(
    _ node: YAMLNode, _ keys: Shape.KeyRule, isEmptyAllowed: Bool = true, values: (String) -> Shape
  ) -> Field? {
    guard let members = node.members else { return nil }
    if !isEmptyAllowed, members.isEmpty { note(node.position, "the map is empty") }
    let outer = allowsSecrets
    allowsSecrets = outer || keys.allowsSecrets
    defer { allowsSecrets = outer }
    var fields: OrderedDictionary<String, Field> = [:]
    for member in members {
      let isAllowed = keys.allows(member.key)
      if !isAllowed { note(member.keyPosition, "\(shown(member.key)) is not \(keys.summary)") }
      if keys == .node { owner = NodeName(rawValue: member.key) }
      let field = read(member.value, as: values(member.key))
      guard isAllowed, let field else { continue }
      fields[member.key] = field
      if keys == .environment {
        variables.append(Variable(name: member.key, position: member.value.position, value: field))
      }
    }
    if keys == .node { owner = nil }
    return .map(fields)
  }

  private mutating func object(_ node: YAMLNode, _ object: ObjectShape) -> Field? {
    guard let members = node.members else { return nil }
    var fields: OrderedDictionary<String, Field> = [:]
    for member in members {
      guard let format = object.field(member.key) else {
        unknownKey(member, in: object)
        continue
      }
      interpreter = member.key == "run" ? Self.interpreter(of: node) ?? defaultInterpreter : nil
      guard let field = read(member.value, as: format.shape) else { continue }
      fields[member.key] = field
      if member.key == "argv" { notice(program: field, member.value) }
    }
    checkPresence(node, members.map(\.key), object)
    return .map(fields)
  }

  static func interpreter(of body: YAMLNode) -> String? {
    let value = body["interpreter"]
    return value?.text ?? value?.items?.first?.text
  }

  private mutating func notice(program argv: Field, _ value: YAMLNode) {
    guard case .list(let words) = argv, let program = words.first, !program.expressions.isEmpty else { return }
    computedPrograms.append(value.items?.first?.position ?? value.position)
  }

  private mutating func unknownKey(_ member: YAMLNode.Member, in object: ObjectShape) {
    note(
      member.keyPosition, "unknown key \(shown(member.key)) in \(object.name)",
      hint: Suggestion.hint(for: member.key, in: object.fields.map(\.name))
        ?? object.exactlyOne.first.map { "known kinds: \($0.joined(separator: ", "))" })
  }

  private mutating func checkPresence(_ node: YAMLNode, _ keys: [String], _ object: ObjectShape) {
    let names = object.fields.map(\.name)
    let meant = keys.filter { !names.contains($0) }.prefix(20).compactMap { Suggestion.nearest(to: $0, in: names) }
    for field in object.fields where field.isRequired && !keys.contains(field.name) && !meant.contains(field.name) {
      note(node.position, "\(object.name) needs the key \"\(field.name)\"", hint: field.description)
    }
    let isMisspelt = keys.contains { object.field($0) == nil }
    for group in object.exactlyOne {
      let there = group.filter(keys.contains)
      if there.isEmpty {
        if !isMisspelt { note(node.position, "\(object.name) needs \(Self.either(group))") }
      } else if there.count > 1 {
        tooMany(there, node, object)
      }
    }
    for group in object.atMostOne {
      let there = group.filter(keys.contains)
      if there.count > 1 { tooMany(there, node, object) }
    }
  }

  private mutating func tooMany(_ there: [String], _ node: YAMLNode, _ object: ObjectShape) {
    let second = node.members?.filter { there.contains($0.key) }.dropFirst().first
    let names = there.map { "\"\($0)\"" }.joined(separator: " and ")
    note(second?.keyPosition ?? node.position, "\(object.name) has \(names); only one of them may be there")
  }

  static func either(_ names: [String]) -> String {
    let quoted = names.map { "\"\($0)\"" }
    guard quoted.count > 1 else { return "the key \(quoted.first ?? "")" }
    return "one of \(quoted.joined(separator: ", "))"
  }

  private mutating func shorthand(
    _ node: YAMLNode, _ type: YAMLType, _ field: String, _ object: ObjectShape
  ) -> Field? {
    if type == .map { return self.object(node, object) }
    guard let shape = object.field(field)?.shape else { preconditionFailure("the shorthand \(field) is no field") }
    return read(node, as: shape).map { .map([field: $0]) }
  }

  /// Reads as the one shape that takes this kind of value; of several, as the first that fits without a problem.
  private mutating func alternative(_ node: YAMLNode, _ type: YAMLType, _ shapes: [Shape]) -> Field? {
    let fitting = shapes.filter { $0.types.contains(type) && Self.takesItems(of: node, $0) }
    let candidates = fitting.isEmpty ? shapes.filter { $0.types.contains(type) } : fitting
    for shape in candidates.dropLast() {
      var attempt = self
      let field = attempt.read(node, as: shape)
      if attempt.problems.count == problems.count {
        self = attempt
        return field
      }
    }
    return candidates.last.flatMap { read(node, as: $0) }
  }

  /// Lists are told apart by their first item.
  private static func takesItems(of node: YAMLNode, _ shape: Shape) -> Bool {
    guard let first = node.items?.first?.type, case .list(let item, _) = shape else { return true }
    return item.types.contains(first)
  }
}
