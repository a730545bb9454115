import OrderedCollections

/// A graph as far as a file spells one, with the places that rules speak of.
struct Draft {
  var graph: StateGraph
  var kinds: [NodeFormat]
  var root: YAMLNode
  var parts: ShapeReader

  /// The nodes as they stand in the file, by name.
  let members: [String: YAMLNode.Member]

  /// Every mention of a node, in the order of the file.
  var references: [Reference] = []

  /// Every list of routes, for the rules about their order.
  var routings: [Routing] = []

  /// What became of the files that `graph` nodes name.
  var inclusions: [String: Inclusion] = [:]

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

  init(graph: StateGraph, kinds: [NodeFormat], root: YAMLNode, parts: ShapeReader) {
    self.graph = graph
    self.kinds = kinds
    self.root = root
    self.parts = parts
    let pairs = root["nodes"]?.members?.map { ($0.key, $0) } ?? []
    members = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  /// What a file named by a `graph` node holds.
  enum Inclusion {
    case graph(StateGraph)

    /// It has mistakes, told as its own.
    case mistaken

    /// Why it is not included.
    case refused(String, hint: String?)
  }

  func yaml(of node: NodeName) -> YAMLNode? { members[node.rawValue]?.value }

  /// Where the node's own key stands.
  func position(of node: NodeName) -> SourcePosition { members[node.rawValue]?.keyPosition ?? root.position }

  /// The names of all nodes in their order, those with mistakes included.
  var nodeNames: [String] { root["nodes"]?.members?.map(\.key) ?? [] }

  /// The names of all channels in their order.
  var channelNames: [String] { ["inputs", "state"].flatMap { root[$0]?.members?.map(\.key) ?? [] } }

  func format(of node: Node) -> NodeFormat? { kinds.first { $0.kind == node.kind } }

  /// Every expression of the file.
  var uses: [ExpressionUse] { parts.uses }
}
