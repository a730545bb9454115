import OrderedCollections

/// Every name an edge gives is a node.
struct TargetRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    let names = draft.nodeNames
    guard !names.isEmpty else { return [] }
    let unknown = draft.references.filter { draft.members[$0.target.rawValue] == nil }
    return unknown.enumerated().map { index, reference in
      let hint = index < Problem.hinted ? Suggestion.hint(for: reference.target.rawValue, in: names) : nil
      return Problem(
        at: reference.position, "no node is named \(shown(reference.target.rawValue))", hint: hint)
    }
  }
}

/// Of several routes one is always taken: the last, and only the last, has no condition.
struct RouteRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.routings.flatMap { routing -> [Problem] in
      guard let last = routing.routes.last else { return [] }
      var problems: [Problem] = []
      for route in routing.routes.dropLast() where route.route.when == nil {
        problems.append(
          Problem(
            at: route.position, "a route without \"when\" is always taken; those after it never are",
            hint: "move it to the end, or give it a \"when\""))
      }
      if last.route.when != nil, problems.isEmpty {
        problems.append(
          Problem(
            at: routing.position, "no route is left when none of the conditions holds",
            hint: "add a last one without \"when\", for instance {to: end}"))
      }
      return problems
    }
  }
}

/// A fan-out does not lead to a node that waits for everything else.
struct FanOutRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.references.filter { $0.role == .each && draft.graph.nodes[$0.target]?.isDeferred == true }.map { reference in
      Problem(
        at: reference.position, "\(reference.target) has \"defer\", so it runs once and not once per item",
        hint: "let the each lead to a node without \"defer\"")
    }
  }
}

/// Every node can be reached, and every barrier can fire.
struct ReachabilityRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    guard draft.edgesAreWhole, let edges = Edges(draft) else { return [] }
    let reached = edges.reached()
    let unreached = draft.graph.nodes.values.filter { !reached.contains($0.name) }
    return roots(among: unreached, edges).map { node in
      let missing = node.after.filter { !reached.contains($0) }.map(\.rawValue).joined(separator: ", ")
      let position = draft.position(of: node.name)
      guard !missing.isEmpty else {
        return Problem(
          at: position, "\(node.name) is unreachable: no way from the start leads here",
          hint: "name it in a \"next\", or remove it")
      }
      if node.after.contains(node.name) {
        return Problem(
          at: position, "\(node.name) waits for itself and can never run", hint: "take it out of its \"after\"")
      }
      return Problem(
        at: position, "\(node.name) can never run: it waits for \(missing), which cannot finish before it",
        hint: "lead an edge to \(missing), or take it out of \"after\"")
    }
  }

  /// Those that the others would be reached from: barriers, nodes that nobody leads to, and one of each circle.
  private func roots(among unreached: [Node], _ edges: Edges) -> [Node] {
    let followed = Set(unreached.flatMap { edges.next[$0.name] ?? [] })
    func isRoot(_ node: Node) -> Bool { !node.after.isEmpty || !followed.contains(node.name) }
    var covered: Set<NodeName> = []
    for root in unreached where isRoot(root) { edges.follow(root.name, into: &covered) }
    return unreached.filter { node in
      if isRoot(node) { return true }
      guard !covered.contains(node.name) else { return false }
      edges.follow(node.name, into: &covered)
      return true
    }
  }

  /// Who leads to whom, unknown names replaced by what was surely meant.
  private struct Edges {
    var starts: [NodeName] = []
    var next: [NodeName: [NodeName]] = [:]

    /// The barriers that wait for a node, and how many nodes each waits for.
    var waiting: [NodeName: [NodeName]] = [:]
    var missing: [NodeName: Int] = [:]

    /// `nil` where a name leads to nobody knows where.
    init?(_ draft: Draft) {
      var unknown = 0
      for reference in draft.references {
        var target = reference.target
        if draft.members[target.rawValue] == nil {
          unknown += 1
          guard reference.role != .after, unknown <= Problem.hinted,
            let meant = Suggestion.nearest(to: target.rawValue, in: draft.nodeNames)
          else { return nil }
          target = NodeName(rawValue: meant)
        }
        guard reference.role != .after else { continue }
        if let source = reference.source { next[source, default: []].append(target) } else { starts.append(target) }
      }
      for node in draft.graph.nodes.values where !node.after.isEmpty {
        let members = Set(node.after)
        missing[node.name] = members.count
        for member in members { waiting[member, default: []].append(node.name) }
      }
    }

    /// Adds what plain edges lead to from `node`, itself included.
    func follow(_ node: NodeName, into reached: inout Set<NodeName>) {
      var queue = [node]
      while let node = queue.popLast() {
        if reached.insert(node).inserted { queue += next[node] ?? [] }
      }
    }

    /// Everything that can ever run.
    func reached() -> Set<NodeName> {
      var reached: Set<NodeName> = []
      var missing = missing
      var queue = starts
      while let node = queue.popLast() {
        guard reached.insert(node).inserted else { continue }
        queue += next[node] ?? []
        for barrier in waiting[node] ?? [] {
          missing[barrier, default: 0] -= 1
          if missing[barrier] == 0 { queue.append(barrier) }
        }
      }
      return reached
    }
  }
}
