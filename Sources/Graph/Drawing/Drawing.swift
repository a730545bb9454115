import OrderedCollections

/// What a picture of a graph shows, the same for every notation.
struct Drawing {
  enum Place: Hashable {
    case start, end
    case node(NodeName)
  }

  struct Edge: Hashable {
    enum Kind {
      case next, after, onError
    }

    var from: Place
    var to: Place
    var kind: Kind
    var label: String
  }

  let graph: StateGraph
  let edges: [Edge]

  init(_ graph: StateGraph) {
    self.graph = graph
    edges = Self.edges(graph.start, from: .start) + graph.nodes.values.flatMap(Self.edges)
  }

  private static func edges(of node: Node) -> [Edge] {
    let from = Place.node(node.name)
    let barriers = node.after.map { Edge(from: .node($0), to: from, kind: .after, label: "") }
    let handler = node.onError.map { [Edge(from: from, to: .node($0), kind: .onError, label: "on error")] } ?? []
    return barriers + (node.next.map { edges($0, from: from) } ?? []) + handler
  }

  private static func edges(_ routes: Routes, from: Place) -> [Edge] {
    let isChoice = routes.routes.contains { $0.when != nil }
    return routes.routes.flatMap { route -> [Edge] in
      let label = label(of: route, isChoice: isChoice)
      return targets(of: route).map { Edge(from: from, to: $0, kind: .next, label: label) }
    }
  }

  private static func targets(of route: Route) -> [Place] {
    switch route.target {
    case .nodes(let names): names.isEmpty ? [.end] : names.map { .node($0) }
    case .computed(_, let may): may.isEmpty ? [.end] : may.map { .node($0) }
    }
  }

  private static func label(of route: Route, isChoice: Bool) -> String {
    var words: [String] = []
    if let when = route.when { words.append(oneLine(when.source)) } else if isChoice { words.append("else") }
    if let each = route.each { words.append("each \(oneLine(each.source))") }
    if let parallel = route.parallel { words.append("(\(parallel) at once)") }
    if case .computed(let expression, _) = route.target { words.append("as \(oneLine(expression.source)) says") }
    return words.joined(separator: " ")
  }

  /// `text` on one line, runs of white space as one space, cut at `limit` characters.
  static func oneLine(_ text: String, limit: Int = 60) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > limit ? line.prefix(limit - 1) + "…" : line
  }

  /// Whether some edge goes to the end, or a node has no way on.
  var hasEnd: Bool { edges.contains { $0.to == .end } }

  /// `text` without characters that a terminal or a renderer could obey.
  static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}

extension Node {
  /// What the node is, in a picture: for another graph, which.
  var drawnKind: String {
    guard kind == NodeFormat.graphKind, let file = fields["file"]?.string else { return kind }
    return "\(kind) \(Drawing.oneLine(file))"
  }
}
