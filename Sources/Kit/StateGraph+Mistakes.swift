import Graph
import OrderedCollections

/// The rules of graph files, for graphs made in code (docs/authoring.md).
extension StateGraph {
  func mistakes() -> [String] {
    names() + defaults() + writes() + edges() + reachability() + expressions()
  }

  private func names() -> [String] {
    channels.keys.filter { !ChannelName.isValid($0.rawValue) }.map { "channel \($0): a name is \(ChannelName.rule)" }
      + nodes.keys.filter { !NodeName.isValid($0.rawValue) }.map { "node \($0): a name is \(NodeName.rule)" }
  }

  private func defaults() -> [String] {
    channels.values.compactMap { channel in
      channel.initial.flatMap(channel.objection).map { "channel \(channel.name): its default does not fit: \($0)" }
    }
  }

  private func writes() -> [String] {
    nodes.values.flatMap { node in
      node.saved.filter { channels[$0] == nil }.map { "node \(node.name): it saves into \($0), which is no channel" }
        + (node.retry?.kinds?.contains("timeout") == true && node.effects == .once
          ? ["node \(node.name): after a timeout of a node with effects once nobody knows whether it did its work"]
          : [])
    }
  }

  private func edges() -> [String] {
    let places = [("start", start)] + nodes.values.compactMap { node in node.next.map { ("node \(node.name)", $0) } }
    return (start.routes.isEmpty ? ["start: a graph needs one: Start(\"…\")"] : [])
      + places.flatMap { mistakes(of: $0.1, at: $0.0) }
      + nodes.values.flatMap { node in
        unknown(node.after + [node.onError].compactMap(\.self), at: "node \(node.name)")
      }
  }

  private func mistakes(of routes: Routes, at place: String) -> [String] {
    var mistakes = unknown(routes.targets, at: place)
    if routes.routes.dropLast().contains(where: { $0.when == nil }) {
      mistakes.append("\(place): a route without a condition is always taken; those after it never are")
    }
    if let last = routes.routes.last, last.when != nil {
      mistakes.append("\(place): no route is left when none of the conditions holds; add .otherwise(to: .end)")
    }
    for case .nodes(let names) in routes.routes.filter({ $0.each != nil }).map(\.target) {
      mistakes += names.filter { nodes[$0]?.isDeferred == true }.map {
        "\(place): \($0) is deferred, so it runs once and not once per item"
      }
    }
    return mistakes
  }

  private func unknown(_ names: [NodeName], at place: String) -> [String] {
    names.filter { nodes[$0] == nil }.map {
      "\(place): no node is named \"\($0)\"; there are \(nodes.keys.map(\.rawValue).joined(separator: ", "))"
    }
  }

  private func reachability() -> [String] {
    var reached: Set<NodeName> = []
    var queue = start.targets
    while let name = queue.popLast() {
      guard let node = nodes[name], reached.insert(name).inserted else { continue }
      queue += (node.next?.targets ?? []) + [node.onError].compactMap(\.self)
      queue += nodes.values.filter { !$0.after.isEmpty && reached.isSuperset(of: $0.after) }.map(\.name)
    }
    return nodes.keys.filter { !reached.contains($0) }.map { "node \($0): no way from the start leads to it" }
  }

  /// jq takes every expression that is text.
  private func expressions() -> [String] {
    let texts = nodes.values.flatMap { node in
      (node.fields.values.flatMap(\.expressions) + node.savedFields.flatMap(\.expressions)).map { (node.name, $0) }
    }
    guard !texts.isEmpty else { return [] }
    do {
      return try zip(texts, JQ.check(texts.map(\.1))).compactMap { text, error in
        error.map { "node \(text.0): \(text.1.source): \($0.message)" }
      }
    } catch {
      return ["the expressions could not be checked: \(error)"]
    }
  }
}

extension Node {
  /// The channels that `save` and `set` write.
  fileprivate var saved: [ChannelName] {
    let set = kind == "set" ? fields.keys.map { ChannelName(rawValue: $0) } : []
    return switch save {
    case nil: set
    case .whole(let channel): set + [channel]
    case .parts(let parts): set + Array(parts.keys)
    }
  }

  fileprivate var savedFields: [Field] {
    guard case .parts(let parts) = save else { return [] }
    return Array(parts.values)
  }
}
