extension ShapeReader {
  mutating func expression(_ node: YAMLNode) -> Field? {
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

  mutating func template(_ node: YAMLNode) -> Field? {
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

  mutating func script(_ node: YAMLNode) -> Field? {
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

  mutating func use(_ expression: Expression, in node: YAMLNode, at offset: Int) {
    uses.append(
      ExpressionUse(expression: expression, value: node, offset: offset, allowsSecrets: allowsSecrets, owner: owner))
  }

  mutating func refused(_ error: ExpressionError, _ node: YAMLNode) -> Field? {
    note(node.position(ofByte: error.offset), error.message)
    return nil
  }

  mutating func value(_ node: YAMLNode) -> Field? {
    switch node.content {
    case .list(let items): return .list(items.map { value($0) ?? .literal(.null) })
    case .map: return map(node, .any) { _ in .value }
    case .scalar: return node.type == .string ? template(node) : json(node)
    case .broken: return nil
    }
  }
}
