import OrderedCollections

extension StateGraph {
  /// The graph in Graphviz' language.
  public var dot: String { dot(nil) }

  /// The graph in Graphviz' language, with how far a thread is.
  public func dot(_ progress: GraphProgress?) -> String {
    let drawing = Drawing(self)
    var lines = [
      "digraph \(Self.quoted(name)) {",
      "  graph [rankdir=TB, nodesep=0.35, ranksep=0.45, fontname=\"Helvetica\", bgcolor=white]",
      "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f6f8\", color=\"#5b6770\", "
        + "fontname=\"Helvetica\", fontsize=11, margin=\"0.16,0.08\"]",
      "  edge [color=\"#5b6770\", fontname=\"Helvetica\", fontsize=9, fontcolor=\"#3c4650\", arrowsize=0.7]",
      "  \"start\" [shape=circle, width=0.22, label=\"\", style=filled, fillcolor=\"#2b3137\", color=\"#2b3137\"]",
    ]
    lines += nodes.values.map { "  \(Self.dot($0, progress?.nodes[$0.name]))" }
    if drawing.hasEnd {
      lines.append(
        "  \"end\" [shape=doublecircle, width=0.16, label=\"\", style=filled, fillcolor=\"#2b3137\", color=\"#2b3137\"]"
      )
    }
    lines += drawing.edges.map { "  \(Self.dot($0))" }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  private static func dot(_ node: Node, _ progress: GraphProgress.Node?) -> String {
    var label =
      "<b>\(markup(node.name.rawValue))</b> <font color=\"#7a858e\" point-size=\"9\">\(markup(node.drawnKind))</font>"
    if let description = node.description {
      label +=
        "<br/><font point-size=\"9\">\(Drawing.wrapped(description).map(markup).joined(separator: "<br/>"))</font>"
    }
    guard let progress else { return "\"\(node.name)\" [label=<\(label)>\(node.dotStyle)]" }
    let (fill, line) = progress.state.colors
    label += "<br/><font point-size=\"9\" color=\"\(line)\">\(markup(progress.shown))</font>"
    // The last of two attributes counts.
    let colors = ", fillcolor=\"\(fill)\", color=\"\(line)\", penwidth=1.6"
    return "\"\(node.name)\" [label=<\(label)>\(node.dotStyle)\(colors)]"
  }

  private static func dot(_ edge: Drawing.Edge) -> String {
    var attributes: [String] = []
    if !edge.label.isEmpty {
      attributes.append("label=\(quoted(" \(Drawing.wrapped(edge.label, width: 28).joined(separator: "\n ")) "))")
    }
    switch edge.kind {
    case .next: break
    case .after: attributes.append("penwidth=1.6, arrowhead=teenormal")
    case .onError: attributes.append("style=dashed, color=\"#b3402e\", fontcolor=\"#b3402e\"")
    }
    let list = attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
    return "\(quoted(edge.from.dotName)) -> \(quoted(edge.to.dotName))\(list)"
  }

  /// A double-quoted string; `\` and `"` lose what they mean there.
  private static func quoted(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      Drawing.plain(String(line)).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
    return "\"\(lines.joined(separator: "\\l"))\(lines.count > 1 ? "\\l" : "")\""
  }

  /// Text inside an HTML-like label.
  private static func markup(_ text: String) -> String {
    Drawing.plain(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}

extension Drawing {
  /// `text` in lines of about `width` characters, four at most.
  static func wrapped(_ text: String, width: Int = 34) -> [String] {
    var lines: [String] = []
    for word in oneLine(text, limit: width * 4).split(separator: " ") {
      if let last = lines.last, last.count + word.count < width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension Drawing.Place {
  fileprivate var dotName: String {
    switch self {
    case .start: "start"
    case .end: "end"
    case .node(let name): name.rawValue
    }
  }
}

extension Node {
  fileprivate var dotStyle: String {
    switch kind {
    case "ask": ", shape=note, style=filled, fillcolor=\"#fff4d6\""
    case "verify": ", shape=hexagon, style=filled, fillcolor=\"#e3f2e6\", margin=\"0.02,0.04\""
    case "set": ", fillcolor=\"#ffffff\""
    case "wait": ", shape=oval, style=filled"
    case "http", "mcp": ", fillcolor=\"#e4eefb\""
    case "llm", "agent": ", fillcolor=\"#efe6fa\""
    case "graph": ", peripheries=2"
    default: ""
    }
  }
}
