import OrderedCollections

extension StateGraph {
  /// The graph as a Mermaid flowchart.
  public var mermaid: String {
    let drawing = Drawing(self)
    var lines = ["flowchart TD", "  START([start])"]
    lines += nodes.values.map { "  \(Self.mermaid($0))" }
    if drawing.hasEnd { lines.append("  END([end])") }
    lines += drawing.edges.map { "  \(Self.mermaid($0))" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func mermaid(_ node: Node) -> String {
    let (open, close) = node.mermaidShape
    var label = "<b>\(escaped(node.name.rawValue))</b><br/>\(escaped(node.drawnKind))"
    if let description = node.description { label += "<br/><i>\(escaped(Drawing.oneLine(description)))</i>" }
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
