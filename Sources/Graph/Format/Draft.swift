import OrderedCollections

/// A graph as far as a file spells one, with the places that rules speak of.
struct Draft {
  var graph: StateGraph
  var kinds: [NodeFormat]
  var root: YAMLNode
  var parts: ShapeReader

  /// Every mention of a node, in the order of the file.
  var references: [Reference] = []

  /// Every list of routes, for the rules about their order.
  var routings: [Routing] = []

  /// Whether all edges could be read, so that what is missing is really missing.
  var edgesAreWhole = true

  /// A mention of a node.
  struct Reference {
    enum Role {
      case start, next, each, may, onError, after
    }

    var role: Role
    var target: NodeName
    var position: SourcePosition

    /// The node that mentions it; `nil` is the start.
    var source: NodeName?
  }

  /// `next` or `start` as routes, with the place of each.
  struct Routing {
    var routes: [(route: Route, position: SourcePosition)]
    var position: SourcePosition
  }

  func yaml(of node: NodeName) -> YAMLNode? { root["nodes"]?[node.rawValue] }

  /// Where the node's own key stands.
  func position(of node: NodeName) -> SourcePosition {
    root["nodes"]?.members?.first { $0.key == node.rawValue }?.keyPosition ?? root.position
  }

  func format(of node: Node) -> NodeFormat? { kinds.first { $0.kind == node.kind } }

  /// Where a variable `name` stands in `expression` of `use`.
  var uses: [ExpressionUse] { parts.uses }
}
