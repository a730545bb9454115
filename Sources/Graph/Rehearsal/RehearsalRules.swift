import OrderedCollections

/// What scenarios must keep to that a value's shape cannot say: the graph they are for.
struct RehearsalRules {
  let graph: StateGraph
  let root: YAMLNode
  let uses: [ExpressionUse]

  var problems: [Problem] {
    let scenarios = root.items ?? []
    return names(scenarios) + scenarios.flatMap { inputs($0) + environment($0) + nodes($0) + path($0) } + expressions
  }

  private func names(_ scenarios: [YAMLNode]) -> [Problem] {
    var met: Set<String> = []
    return scenarios.compactMap { $0["name"] }.compactMap { name in
      guard let text = name.text, !met.insert(text).inserted else { return nil }
      return Problem(at: name.position, "another scenario is called \(shown(text)) already")
    }
  }

  // MARK: What it is given

  private func inputs(_ scenario: YAMLNode) -> [Problem] {
    let given = scenario["inputs"]?.members ?? []
    let known = graph.inputs.map(\.name.rawValue)
    let missing = graph.inputs.filter { input in
      input.initial == nil && input.reducer.start == nil && !given.contains { $0.key == input.name.rawValue }
    }
    let wrong = given.compactMap { member -> Problem? in
      guard let input = graph.channels[ChannelName(rawValue: member.key)], input.isInput else {
        return Problem(
          at: member.keyPosition, "the graph has no input \(shown(member.key))",
          hint: Suggestion.hint(for: member.key, in: known))
      }
      return misfit(member.value, input)
    }
    guard !missing.isEmpty, wrong.isEmpty else { return wrong }
    let names = missing.map { "\"\($0.name)\"" }.joined(separator: ", ")
    return [Problem(at: scenario["inputs"]?.position ?? scenario.position, "the graph needs the input \(names)")]
  }

  private func misfit(_ value: YAMLNode, _ input: ChannelDefinition) -> Problem? {
    guard input.reducer == .replace, let json = value.json, let why = input.schema?.violations(of: json).first else {
      return nil
    }
    return Problem(at: value.position, "the input does not fit its type: \(why)")
  }

  private func environment(_ scenario: YAMLNode) -> [Problem] {
    (scenario["env"]?.members ?? []).filter { !graph.environment.contains($0.key) }.map { member in
      let isSecret = graph.secrets.contains(member.key)
      return Problem(
        at: member.keyPosition,
        isSecret
          ? "\(member.key) is a secret; in a rehearsal every secret has a stand-in"
          : "the graph does not read $env.\(member.key)",
        hint: isSecret ? "leave it out" : Suggestion.hint(for: member.key, in: graph.environment))
    }
  }

  // MARK: What happens

  private var nodeNames: [String] { graph.nodes.keys.map(\.rawValue) }

  private func unknown(_ name: String, at position: SourcePosition) -> Problem? {
    let outer = String(name.prefix { $0 != "/" })
    if graph.nodes[NodeName(rawValue: name)] != nil { return nil }
    if outer != name, graph.nodes[NodeName(rawValue: outer)]?.kind == "graph" { return nil }
    return Problem(
      at: position, "no node is named \(shown(name))", hint: Suggestion.hint(for: name, in: nodeNames))
  }

  private func nodes(_ scenario: YAMLNode) -> [Problem] {
    (scenario["nodes"]?.members ?? []).flatMap { member -> [Problem] in
      if let problem = unknown(member.key, at: member.keyPosition) { return [problem] }
      guard let node = graph.nodes[NodeName(rawValue: member.key)] else { return [] }
      let items = member.value["items"]
      let turns = (items?.items ?? [member.value]).flatMap { $0.items ?? [$0] }
      var problems = turns.flatMap { self.turn($0, of: node) }
      if let items, !isFannedOut(node.name) {
        problems.append(
          Problem(
            at: items.position, "no each leads to \(node.name), so it has no items",
            hint: "give it a list, one per attempt"))
      }
      return problems
    }
  }

  private func isFannedOut(_ name: NodeName) -> Bool {
    ([graph.start] + graph.nodes.values.compactMap(\.next)).contains { routes in
      routes.routes.contains { $0.each != nil && Routes([$0]).targets.contains(name) }
    }
  }

  private func turn(_ turn: YAMLNode, of node: Node) -> [Problem] {
    var problems: [Problem] = []
    if let result = turn["result"], turn["fail"] == nil {
      if let why = Self.noResult(node) {
        problems.append(Problem(at: result.position, why.message, hint: why.hint))
      } else {
        problems += Self.misfits(result, of: node)
      }
    }
    if let checked = turn["checked"], node.fields["check"] == nil {
      problems.append(Problem(at: checked.position, "\(node.name) has no check"))
    }
    return problems
  }

  /// Why a result of `node` cannot be scripted; `nil` when it can.
  private static func noResult(_ node: Node) -> (message: String, hint: String)? {
    let probes = ["shell", "http", "mcp"]
    switch node.kind {
    case "set": return ("\(node.name) sets channels, which a rehearsal does for real", "leave it out, or let it fail")
    case "ask": return ("\(node.name) asks; its result is the answer", "write answer: instead of result:")
    case "verify" where !probes.contains { node.fields[$0] != nil }:
      return ("\(node.name) looks at the state alone, which a rehearsal does for real", "leave it out, or let it fail")
    default: return nil
    }
  }

  /// What in a result is not as nodes of this kind give it.
  private static func misfits(_ result: YAMLNode, of node: Node) -> [Problem] {
    let probe = node.kind == "verify" ? ["shell", "http", "mcp"].first { node.fields[$0] != nil } : nil
    guard var known = RehearsalFormat.results(of: probe ?? node.kind) else { return [] }
    if probe != nil { known["error"] = [.map] }
    guard let members = result.members else {
      guard let type = result.type, type != .null, result.text?.contains("${{") != true else { return [] }
      let hint = "for instance {\(known.keys.first ?? ""): …}"
      return [Problem(at: result.position, "\(node.name) gives a map, not \(type.description)", hint: hint)]
    }
    return members.compactMap { misfit($0, known) }
  }

  private static func misfit(
    _ member: YAMLNode.Member, _ known: OrderedDictionary<String, Set<YAMLType>>
  ) -> Problem? {
    guard let types = known[member.key] else {
      return Problem(
        at: member.keyPosition, "no such result has a part \(shown(member.key))",
        hint: Suggestion.hint(for: member.key, in: Array(known.keys)))
    }
    guard let type = member.value.type, !types.contains(type), member.value.text?.contains("${{") != true else {
      return nil
    }
    let expected = types.map(\.description).sorted().joined(separator: " or ")
    return Problem(at: member.value.position, "\(member.key) is \(expected), not \(type.description)")
  }

  private func path(_ scenario: YAMLNode) -> [Problem] {
    (scenario["expect"]?["path"]?.items ?? []).compactMap { item in
      item.text.flatMap { unknown($0, at: item.position) }
    }
  }

  // MARK: Expressions

  private var expressions: [Problem] {
    SyntaxRule.problems(in: uses, at: root.position)
      + PathRule.problems(in: uses, channels: graph.channels.keys.map(\.rawValue)) + secrets
  }

  private var secrets: [Problem] {
    uses.flatMap { use in
      ExpressionScan(use.expression.source).variables.filter { $0.name == "secrets" }.map {
        Problem(at: use.position(at: $0.offset), "$secrets may not stand in a rehearsal")
      }
    }
  }
}
