import OrderedCollections

/// A `graph` node names a graph that can be included, and gives it the inputs that it takes.
struct SubgraphRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.graph.nodes.values.filter { $0.kind == NodeFormat.graphKind }.flatMap { node -> [Problem] in
      guard let file = node.fields["file"]?.string, let inclusion = draft.inclusions[file] else { return [] }
      let place = Place(node, draft)
      switch inclusion {
      case .graph(let graph): return inputs(node, of: graph, place)
      case .mistaken: return []
      case .refused(let why, let hint): return [Problem(at: place.file, why, hint: hint)]
      }
    }
  }

  private struct Place {
    let file: SourcePosition
    let body: SourcePosition
    let inputs: YAMLNode?

    init(_ node: Node, _ draft: Draft) {
      let value = draft.yaml(of: node.name)?[NodeFormat.graphKind]
      body = value?.position ?? draft.position(of: node.name)
      file = value?["file"]?.position ?? body
      inputs = value?["inputs"]
    }

    func key(_ name: String) -> SourcePosition {
      inputs?.members?.first { $0.key == name }?.keyPosition ?? body
    }

    func value(_ name: String) -> SourcePosition { inputs?[name]?.position ?? body }
  }

  private func inputs(_ node: Node, of graph: StateGraph, _ place: Place) -> [Problem] {
    let given = node.fields["inputs"]?.entries ?? [:]
    let known = graph.inputs
    var problems = given.keys.filter { name in !known.contains { $0.name.rawValue == name } }.map { name in
      Problem(
        at: place.key(name), "\(shown(graph.name)) has no input \(shown(name))",
        hint: Suggestion.hint(for: name, in: known.map(\.name.rawValue)) ?? "it takes none")
    }
    for input in known {
      guard let field = given[input.name.rawValue] else {
        if input.initial == nil {
          problems.append(
            Problem(
              at: place.body, "\(shown(graph.name)) needs the input \"\(input.name)\"",
              hint: "give it under \"inputs\""))
        }
        continue
      }
      guard let value = field.json, input.reducer == .replace, let schema = input.schema else { continue }
      problems += schema.violations(of: value).prefix(1).map {
        Problem(
          at: place.value(input.name.rawValue), "the input \"\(input.name)\" does not fit its type: \($0)")
      }
    }
    return problems
  }
}
