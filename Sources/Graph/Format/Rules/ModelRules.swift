import OrderedCollections

/// A node that asks a model names it, itself or by `defaults`, and says only what its provider understands.
struct ModelRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.graph.nodes.values.filter { node in
      guard case .fields(let object, _)? = draft.format(of: node)?.body else { return false }
      return object.field("model") != nil && object.field("provider") != nil
    }.flatMap { missing($0, draft) + foreign($0, draft) }
  }

  private func missing(_ node: Node, _ draft: Draft) -> [Problem] {
    // One with a mistake in it is there.
    let isThere = { (place: YAMLNode?) in place?[node.kind]?["model"] != nil }
    let isInherited = draft.format(of: node)?.base.flatMap { draft.root["defaults"]?[$0]?["model"] } != nil
    guard node.fields["model"] == nil, !isInherited, !isThere(draft.yaml(of: node.name)),
      !isThere(draft.root["defaults"])
    else { return [] }
    return [
      Problem(
        at: draft.position(of: node.name), "\(node.name) names no model",
        hint: "add \"model\", or name one for all under defaults: { llm: { model: llama3.1 } }")
    ]
  }

  private func foreign(_ node: Node, _ draft: Draft) -> [Problem] {
    // One that is computed may turn out to be either.
    guard let provider = node.fields["provider"].map(\.string) ?? "ollama" else { return [] }
    let members = draft.yaml(of: node.name)?[node.kind]?.members ?? []
    return members.compactMap { member in
      guard let owner = NodeFormat.ownModelFields[member.key], owner != provider else { return nil }
      return Problem(
        at: member.keyPosition, "\(member.key) is for provider \(owner); this is \(provider)",
        hint: "remove it, or say provider: \(owner)")
    }
  }
}
