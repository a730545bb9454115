extension ShapeReader {
  mutating func json(_ node: YAMLNode) -> Field? {
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

  mutating func number(_ node: YAMLNode, _ shape: Shape, _ isRight: (JSON) -> Bool) -> Field? {
    guard let value = node.json, isRight(value) else {
      note(node.position, "expected \(shape.summary), found \(node.text ?? "")")
      return nil
    }
    return .literal(value)
  }

  mutating func duration(_ node: YAMLNode, _ shape: Shape, computed: Bool, orZero: Bool) -> Field? {
    let text = node.text ?? ""
    if computed, text.contains("${{") { return template(node) }
    guard let duration = Duration(parsing: text), orZero && duration == .zero || !text.hasPrefix("0") else {
      note(node.position, "expected \(shape.summary), found \(shown(text))")
      return nil
    }
    return .literal(.string(text))
  }

  mutating func choice(_ node: YAMLNode, _ names: [String], computed: Bool) -> Field? {
    let text = node.text ?? ""
    if computed, text.contains("${{") { return template(node) }
    guard names.contains(text) else {
      let known = names.joined(separator: ", ")
      note(
        node.position, "expected one of \(known), found \(shown(text))",
        hint: Suggestion.nearest(to: text, in: names).map { "did you mean \"\($0)\"?" })
      return nil
    }
    return .literal(.string(text))
  }

  mutating func name(
    _ node: YAMLNode, _ shape: Shape, rule: String, isValid: (String) -> Bool
  ) -> Field? {
    let text = node.text ?? ""
    guard isValid(text) else {
      note(node.position, "expected \(shape.summary), found \(shown(text))", hint: rule)
      return nil
    }
    return .literal(.string(text))
  }

  mutating func serverName(_ node: YAMLNode, _ shape: Shape) -> Field? {
    let keys = Shape.KeyRule.server
    guard let field = name(node, shape, rule: keys.summary, isValid: keys.allows) else { return nil }
    servers.append((node.text ?? "", node.position))
    return field
  }

  mutating func fileName(_ node: YAMLNode) -> Field? {
    guard let text = node.text else { return nil }
    guard !text.isEmpty else {
      note(node.position, "expected a file name, found nothing")
      return nil
    }
    files.append((text, node.position))
    return .literal(.string(text))
  }

  mutating func schema(_ node: YAMLNode) -> Field? {
    let before = problems.count
    guard read(node, as: .named(.schema)) != nil, problems.count == before else { return nil }
    let field = json(node)
    if case .literal(let document) = field, let problem = node.problem(ofSchema: document) { problems.append(problem) }
    return field
  }
}
