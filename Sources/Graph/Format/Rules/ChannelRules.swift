import OrderedCollections

/// Channels have one place, a sound schema, and a default that fits them.
struct ChannelRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    clashes(draft) + channels(draft)
  }

  private func clashes(_ draft: Draft) -> [Problem] {
    let inputs = Set(draft.root["inputs"]?.members?.map(\.key) ?? [])
    return (draft.root["state"]?.members ?? []).filter { inputs.contains($0.key) }.map {
      Problem(
        at: $0.keyPosition, "\(shown($0.key)) is an input already",
        hint: "an input is a channel too: keep one of the two, with \"reduce\" if it needs it")
    }
  }

  private func channels(_ draft: Draft) -> [Problem] {
    ["inputs", "state"].flatMap { draft.root[$0]?.members ?? [] }.flatMap { member -> [Problem] in
      guard let name = ChannelName(checking: member.key), let channel = draft.graph.channels[name] else { return [] }
      return schema(member.value) + initial(channel, member.value)
    }
  }

  private func schema(_ definition: YAMLNode) -> [Problem] {
    var schema = definition
    schema.content = .map(definition.members?.filter { !["reduce", "default", "description"].contains($0.key) } ?? [])
    var shape = ShapeReader()
    _ = shape.read(schema, as: .named(.schema))
    guard shape.problems.isEmpty, let document = schema.json else { return [] }
    return [schema.problem(ofSchema: document)].compactMap(\.self)
  }

  private func initial(_ channel: ChannelDefinition, _ definition: YAMLNode) -> [Problem] {
    guard let initial = channel.initial, let position = definition["default"]?.position else { return [] }
    let expected = channel.reducer.expected
    if let expected, !expected.types.contains(initial.typeName) {
      return [
        Problem(
          at: position, "the default does not fit \"reduce: \(channel.reducer.rawValue)\", which takes \(expected.name)"
        )
      ]
    }
    return (channel.schema?.violations(of: initial) ?? []).prefix(1).map {
      Problem(at: position, "the default does not fit the channel's type: \($0)")
    }
  }
}

extension Reducer {
  /// What kinds of value the reducer keeps; `nil` is any.
  fileprivate var expected: (types: Set<String>, name: String)? {
    switch self {
    case .append, .union, .messages: (["array"], "a list")
    case .sum: (["number"], "a number")
    case .min, .max: (["number", "string"], "a number or text")
    case .merge: (["object"], "a map")
    case .replace, .last, .ephemeral, .untracked, .custom: nil
    }
  }
}

extension YAMLNode {
  /// What keeps `document`, spelled here, from being a JSON Schema although its shape is right.
  func problem(ofSchema document: JSON) -> Problem? {
    do {
      _ = try JSONSchema(document)
      return nil
    } catch {
      return Problem(at: position(of: error.place), "not a JSON Schema: \(error.message)")
    }
  }

  /// Where the part at a JSON Pointer stands, or the closest one around it.
  func position(of pointer: String) -> SourcePosition {
    var here = self
    for step in pointer.split(separator: "/", omittingEmptySubsequences: true) {
      let key = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
      if let member = here[key] {
        here = member
      } else if let items = here.items, let index = Int(key), items.indices.contains(index) {
        here = items[index]
      } else {
        break
      }
    }
    return here.position
  }
}

/// `save` and `set` write channels that exist, and `set` needs no `save`.
struct WriteRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    let names = draft.channelNames
    let known = Set(names)
    func undeclared(_ name: String, _ position: SourcePosition) -> Problem? {
      guard ChannelName.isValid(name), !known.contains(name) else { return nil }
      return Problem(
        at: position, "no channel is named \(shown(name))",
        hint: Suggestion.hint(for: name, in: names) ?? "declare it under state")
    }
    return (draft.root["nodes"]?.members ?? []).flatMap { node -> [Problem] in
      let written = (node.value["set"]?.members ?? []) + (node.value["save"]?.members ?? [])
      var problems = written.compactMap { undeclared($0.key, $0.keyPosition) }
      guard let save = node.value["save"] else { return problems }
      if let text = save.text { problems += [undeclared(text, save.position)].compactMap(\.self) }
      if node.value["set"] != nil {
        problems.append(
          Problem(at: save.position, "set writes its channels itself and has nothing to save", hint: "remove \"save\""))
      }
      return problems
    }
  }
}
