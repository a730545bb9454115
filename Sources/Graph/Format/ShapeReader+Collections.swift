import OrderedCollections

extension ShapeReader {
  mutating func list(_ node: YAMLNode, of item: Shape, isEmptyAllowed: Bool) -> Field? {
    guard let items = node.items else { return nil }
    guard isEmptyAllowed || !items.isEmpty else {
      note(node.position, "the list is empty")
      return nil
    }
    return .list(items.map { read($0, as: item) ?? .literal(.null) })
  }

  mutating func map(
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

  mutating func object(_ node: YAMLNode, _ object: ObjectShape) -> Field? {
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

  mutating func notice(program argv: Field, _ value: YAMLNode) {
    guard case .list(let words) = argv, let program = words.first, !program.expressions.isEmpty else { return }
    computedPrograms.append(value.items?.first?.position ?? value.position)
  }

  /// What other formats call our keys.
  private static let elsewhere = [
    "if": "when", "needs": "after", "depends_on": "after", "depends-on": "after", "then": "next", "goto": "next",
    "output": "save", "command": "run", "script": "run", "environment": "env", "working-directory": "dir", "cwd": "dir",
    "retries": "retry", "variables": "state", "steps": "nodes", "tasks": "nodes", "name": "graph",
    "max_steps": "max-steps",
  ]

  mutating func unknownKey(_ member: YAMLNode.Member, in object: ObjectShape) {
    let elsewhere = Self.elsewhere[member.key].flatMap { object.field($0) == nil ? nil : "did you mean \"\($0)\"?" }
    note(
      member.keyPosition, "unknown key \(shown(member.key)) in \(object.name)",
      hint: elsewhere ?? Suggestion.hint(for: member.key, in: object.fields.map(\.name))
        ?? object.exactlyOne.first.map { "known kinds: \($0.joined(separator: ", "))" })
  }

  mutating func checkPresence(_ node: YAMLNode, _ keys: [String], _ object: ObjectShape) {
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

  mutating func tooMany(_ there: [String], _ node: YAMLNode, _ object: ObjectShape) {
    let second = node.members?.filter { there.contains($0.key) }.dropFirst().first
    let names = there.map { "\"\($0)\"" }.joined(separator: " and ")
    note(second?.keyPosition ?? node.position, "\(object.name) has \(names); only one of them may be there")
  }

  static func either(_ names: [String]) -> String {
    let quoted = names.map { "\"\($0)\"" }
    guard quoted.count > 1 else { return "the key \(quoted.first ?? "")" }
    return "one of \(quoted.joined(separator: ", "))"
  }

  mutating func shorthand(
    _ node: YAMLNode, _ type: YAMLType, _ field: String, _ object: ObjectShape
  ) -> Field? {
    if type == .map { return self.object(node, object) }
    guard let shape = object.field(field)?.shape else { preconditionFailure("the shorthand \(field) is no field") }
    return read(node, as: shape).map { .map([field: $0]) }
  }

  /// Reads as the one shape that takes this kind of value; of several, as the first that fits without a problem.
  mutating func alternative(_ node: YAMLNode, _ type: YAMLType, _ shapes: [Shape]) -> Field? {
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
