import OrderedCollections

extension StateGraph {
  /// The graph as a Mermaid flowchart.
  public var mermaid: String { mermaid(nil) }

  /// The graph as a Mermaid flowchart, with how far a thread is.
  public func mermaid(_ progress: GraphProgress?) -> String {
    let drawing = Drawing(self)
    var lines = ["flowchart TD", "  START([start])"]
    lines += nodes.values.map { "  \(Self.mermaid($0, progress?.nodes[$0.name]))" }
    if drawing.hasEnd { lines.append("  END([end])") }
    lines += drawing.edges.map { "  \(Self.mermaid($0))" }
    if let progress { lines += Self.classes(nodes.keys.elements, progress) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func classes(_ names: [NodeName], _ progress: GraphProgress) -> [String] {
    GraphProgress.State.allCases.flatMap { state -> [String] in
      let ids = names.filter { progress.nodes[$0]?.state == state }.map { id(.node($0)) }
      guard !ids.isEmpty else { return [] }
      let (fill, line) = state.colors
      return [
        "  classDef s_\(state.rawValue) fill:\(fill),stroke:\(line),color:#1b1f27",
        "  class \(ids.joined(separator: ",")) s_\(state.rawValue)",
      ]
    }
  }

  private static func mermaid(_ node: Node, _ progress: GraphProgress.Node?) -> String {
    let (open, close) = node.mermaidShape
    var label = "<b>\(escaped(node.name.rawValue))</b><br/>\(escaped(node.drawnKind))"
    if let description = node.description { label += "<br/><i>\(escaped(Drawing.oneLine(description)))</i>" }
    if let progress { label += "<br/>\(escaped(progress.shown))" }
    return "\(id(.node(node.name)))\(open)\"\(label)\"\(close)"
  }

  private static func mermaid(_ edge: Drawing.Edge) -> String {
    let line = edge.kind == .onError ? "-.->" : edge.kind == .after ? "==>" : "-->"
    let label = edge.label.isEmpty ? "" : "|\"\(escaped(edge.label))\"|"
    return "\(id(edge.from)) \(line)\(label) \(id(edge.to))"
  }

  /// Names get a prefix: `end`, `class` and other words mean something to Mermaid.
  private static func id(_ place: Drawing.Place) -> String {
    switch place {
    case .start: "START"
    case .end: "END"
    case .node(let name): "n_\(name.rawValue.replacing("_", with: "__").replacing("-", with: "_d"))"
    }
  }

  /// Letters, digits, spaces and harmless signs stay; every other character becomes a Mermaid entity code.
  private static func escaped(_ text: String) -> String {
    Drawing.plain(text).unicodeScalars.map { scalar in
      let isPlain =
        scalar.isLetter || scalar.isDigit || scalar.value > 0x7F || " .,:_-/+=()'".unicodeScalars.contains(scalar)
      return isPlain ? String(scalar) : "#\(scalar.value);"
    }.joined()
  }
}

extension Node {
  fileprivate var mermaidShape: (String, String) {
    switch kind {
    case "ask": ("[/", "/]")
    case "verify": ("{{", "}}")
    case "set": ("(", ")")
    case "wait": ("([", "])")
    case "http", "mcp": ("[(", ")]")
    case "graph", "agent": ("[[", "]]")
    default: ("[", "]")
    }
  }
}
