import OrderedCollections

extension StateGraph {
  /// The graph as text for a terminal: every node once, with its kind, what it waits for and where it leads.
  public var text: String { text(nil) }

  /// The same, with how far a thread is: a mark before each node that something led to.
  public func text(_ progress: GraphProgress?) -> String {
    let drawing = Drawing(self)
    var lines = [Drawing.plain(description.map { "\(name): \(Drawing.oneLine($0, limit: 100))" } ?? name)]
    lines += Self.block("start", "", drawing.edges.filter { $0.from == .start })
    for node in nodes.values {
      lines += Self.block(
        Self.title(node, progress?.nodes[node.name]), Self.plainLine(node.description),
        drawing.edges.filter { $0.from == .node(node.name) })
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func title(_ node: Node, _ progress: GraphProgress.Node?) -> String {
    let mark = progress.map { "\($0.state.mark) " } ?? ""
    var title = "\(mark)\(node.name) (\(node.drawnKind))"
    if !node.after.isEmpty { title += " after \(node.after.map(\.rawValue).joined(separator: " + "))" }
    if let when = node.when { title += " when \(Drawing.oneLine(when.source))" }
    if node.isDeferred { title += " deferred" }
    if let note = progress?.note, !note.isEmpty { title += ": \(note)" }
    return Drawing.plain(title)
  }

  private static func plainLine(_ text: String?) -> String {
    text.map { Drawing.plain(Drawing.oneLine($0, limit: 100)) } ?? ""
  }

  private static func block(_ title: String, _ description: String, _ edges: [Drawing.Edge]) -> [String] {
    let rows = edges.enumerated().map { index, edge in
      let branch = index == edges.count - 1 ? "└" : "├"
      let line = edge.kind == .onError ? "╌" : "─"
      let label = edge.kind == .after ? "  joins" : edge.label.isEmpty ? "" : "  \(Drawing.plain(edge.label))"
      return "  \(branch)\(line)\(line)> \(edge.to.textName)\(label)"
    }
    return ["", title] + (description.isEmpty ? [] : ["  \(description)"]) + rows
  }
}

extension Drawing.Place {
  fileprivate var textName: String {
    switch self {
    case .start: "start"
    case .end: "end"
    case .node(let name): name.rawValue
    }
  }
}
