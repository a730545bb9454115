/// jq takes every expression.
struct SyntaxRule: Rule {
  func problems(in draft: Draft) -> [Problem] { Self.problems(in: draft.uses, at: draft.root.position) }

  /// The mistakes in `uses`; `position` is where it is said that they could not be looked for.
  static func problems(in uses: [ExpressionUse], at position: SourcePosition) -> [Problem] {
    var distinct: [Expression] = []
    var met: Set<Expression> = []
    for use in uses where met.insert(use.expression).inserted { distinct.append(use.expression) }
    guard !distinct.isEmpty else { return [] }
    do {
      let errors = try zip(distinct, JQ.check(distinct)).reduce(into: [:]) { $0[$1.0] = $1.1 }
      return uses.compactMap { use in
        errors[use.expression].map { error in
          Problem(
            at: use.position(at: error.offset ?? 0), error.message, hint: hint(for: error.message, in: use.expression))
        }
      }
    } catch {
      return [Problem(.warning, at: position, "the expressions could not be checked: \(error)")]
    }
  }

  private static func hint(for message: String, in expression: Expression) -> String? {
    if expression.source.contains("${{") { return "a bare expression has no ${{ }}; in a string write \\( )" }
    guard let word = message.wholeMatch(of: #/([A-Za-z_]+)/0 is not defined/#)?.1 else { return nil }
    return "a channel has a dot, .\(word); a text is quoted twice, '\"\(word)\"'"
  }
}

/// `$secrets` stands only in env and headers; what `$secrets` and `$env` are asked for is declared; `$item` has one.
struct VariableRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    let fannedOut = Set(draft.references.filter { $0.role == .each }.map(\.target))
    return shared(draft)
      + draft.uses.flatMap { use in
        ExpressionScan(use.expression.source).variables.compactMap { mention in
          problem(mention, use, draft, hasItem: use.owner.map(fannedOut.contains) ?? false)
        }
      }
  }

  /// What is secret may not be had as `$env` too.
  private func shared(_ draft: Draft) -> [Problem] {
    let secrets = Set(draft.graph.secrets)
    return (draft.root["env"]?.items ?? []).filter { $0.text.map(secrets.contains) ?? false }.map {
      Problem(
        at: $0.position, "\($0.text ?? "") is a secret; as $env it could stand anywhere",
        hint: "list it only under \"secrets\"")
    }
  }

  private func problem(
    _ mention: ExpressionScan.Mention, _ use: ExpressionUse, _ draft: Draft, hasItem: Bool
  ) -> Problem? {
    let position = use.position(at: mention.offset)
    switch mention.name {
    case "secrets" where !use.allowsSecrets:
      return Problem(
        at: position, "$secrets may stand only in env and headers",
        hint: "pass it in \"env\", and let the script read the variable")
    case "secrets": return undeclared(mention, "secrets", draft.graph.secrets, position)
    case "env": return undeclared(mention, "env", draft.graph.environment, position)
    case "item" where !hasItem && !use.binds("item"), "index" where !hasItem && !use.binds("index"):
      return Problem(
        .warning, at: position, "$\(mention.name) is null here: no each leads to this node",
        hint: "only the node that an each leads to has it")
    default: return nil
    }
  }

  private func undeclared(
    _ mention: ExpressionScan.Mention, _ list: String, _ names: [String], _ position: SourcePosition
  ) -> Problem? {
    guard let member = mention.member, !names.contains(member) else { return nil }
    return Problem(
      at: position, "$\(list).\(member) is not declared",
      hint: Suggestion.nearest(to: member, in: names).map { "did you mean \"\($0)\"?" }
        ?? "add \(member) to the top-level \"\(list)\"")
  }
}

extension ExpressionUse {
  /// Whether the expression gives the variable a value itself.
  fileprivate func binds(_ variable: String) -> Bool {
    expression.source.contains(" as $\(variable)")
  }
}

/// A path that surely begins at the state begins with a channel.
struct PathRule: Rule {
  func problems(in draft: Draft) -> [Problem] { Self.problems(in: draft.uses, channels: draft.channelNames) }

  static func problems(in uses: [ExpressionUse], channels names: [String]) -> [Problem] {
    let known = Set(names)
    return uses.flatMap { use in
      ExpressionScan(use.expression.source).channels.filter { !known.contains($0.name) }.map { mention in
        Problem(
          at: use.position(at: mention.offset), "no channel is named \(shown(mention.name))",
          hint: Suggestion.nearest(to: mention.name, in: names).map { "did you mean \".\($0)\"?" }
            ?? "declare it under state")
      }
    }
  }
}
