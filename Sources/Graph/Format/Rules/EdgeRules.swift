import OrderedCollections

/// Every name an edge gives is a node.
struct TargetRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    let known = draft.nodeNames
    guard !known.isEmpty else { return [] }
    return draft.references.filter { !known.contains($0.target.rawValue) }.map { reference in
      let names = draft.root["nodes"]?.members?.map(\.key) ?? []
      return Problem(
        at: reference.position, "no node is named \(shown(reference.target.rawValue))",
        hint: Suggestion.hint(for: reference.target.rawValue, in: names))
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
    let (first, rest) = (
      unreached.filter { !$0.after.isEmpty || !followed.contains($0.name) },
      unreached.filter { $0.after.isEmpty && followed.contains($0.name) }
    )
    var covered = edges.reached(from: first.map(\.name))
    return first
      + rest.filter { node in
        guard !covered.contains(node.name) else { return false }
        covered.formUnion(edges.reached(from: [node.name]))
        return true
      }
  }

  /// Who leads to whom, unknown names replaced by what was surely meant.
  private struct Edges {
    var starts: [NodeName] = []
    var next: [NodeName: [NodeName]] = [:]
    let barriers: [NodeName: [NodeName]]

    /// `nil` where a name leads to nobody knows where.
    init?(_ draft: Draft) {
      let known = draft.nodeNames
      barriers = draft.graph.nodes.values.filter { !$0.after.isEmpty }.reduce(into: [:]) { $0[$1.name] = $1.after }
      for reference in draft.references {
        var target = reference.target
        if !known.contains(target.rawValue) {
          guard reference.role != .after, let meant = Suggestion.nearest(to: target.rawValue, in: known) else {
            return nil
          }
          target = NodeName(rawValue: meant)
        }
        guard reference.role != .after else { continue }
        if let source = reference.source { next[source, default: []].append(target) } else { starts.append(target) }
      }
    }

    /// What plain edges lead to from `nodes`, those included.
    func reached(from nodes: [NodeName]) -> Set<NodeName> {
      var reached: Set<NodeName> = []
      var queue = nodes
      while let node = queue.popLast() {
        if reached.insert(node).inserted { queue += next[node] ?? [] }
      }
      return reached
    }

    /// Everything that can ever run.
    func reached() -> Set<NodeName> {
      var reached: Set<NodeName> = []
      var waiting = barriers
      var queue = starts
      repeat {
        reached.formUnion(self.reached(from: queue))
        queue = waiting.filter { reached.isSuperset(of: $0.value) }.map(\.key)
        for node in queue { waiting[node] = nil }
      } while !queue.isEmpty
      return reached
    }
  }
}

extension Draft {
  /// The names of all nodes, those with mistakes included.
  var nodeNames: Set<String> { Set(root["nodes"]?.members?.map(\.key) ?? []) }
}
