public import OrderedCollections

/// What was authored: channels, nodes and the edges between them, as a plain value.
public struct StateGraph: Sendable {
  public var name: String
  public var description: String?

  /// Every channel in declaration order, inputs first.
  public var channels: OrderedDictionary<ChannelName, ChannelDefinition>

  /// What programs and parent graphs get back; `nil` gives all channels.
  public var outputs: OrderedDictionary<String, Field>?

  /// MCP servers by name, in the `mcpServers` shape of client configuration files.
  public var servers: OrderedDictionary<String, Field>

  /// Environment variables whose values are secret.
  public var secrets: [String]

  /// Environment variables that expressions may read as `$env`.
  public var environment: [String]

  /// Super-steps allowed per run.
  public var maxSteps: Int

  /// Whether a task may start before siblings of an earlier super-step have ended.
  public var schedule: Schedule

  /// Where a run begins, evaluated on the state after the inputs went through the reducers.
  public var start: Routes

  /// Nodes in declaration order, which is also the order their writes land in.
  public var nodes: OrderedDictionary<NodeName, Node>

  /// The graphs that `graph` nodes run, by the file that the node names.
  public var subgraphs: OrderedDictionary<String, StateGraph>

  /// What the store keeps of the graph: the file's text, or the outline of a graph made in code; `nil` keeps the name.
  public var source: GraphSource?

  public init(
    name: String, description: String? = nil, channels: OrderedDictionary<ChannelName, ChannelDefinition> = [:],
    outputs: OrderedDictionary<String, Field>? = nil, servers: OrderedDictionary<String, Field> = [:],
    secrets: [String] = [], environment: [String] = [], maxSteps: Int = StateGraph.defaultMaxSteps,
    schedule: Schedule = .ahead, start: Routes,
    nodes: OrderedDictionary<NodeName, Node>, subgraphs: OrderedDictionary<String, StateGraph> = [:],
    source: GraphSource? = nil
  ) {
    self.name = name
    self.description = description
    self.channels = channels
    self.outputs = outputs
    self.servers = servers
    self.secrets = secrets
    self.environment = environment
    self.maxSteps = maxSteps
    self.schedule = schedule
    self.start = start
    self.nodes = nodes
    self.subgraphs = subgraphs
    self.source = source
  }

  public static let defaultMaxSteps = 1000

  public var inputs: [ChannelDefinition] { channels.values.filter(\.isInput) }
}

/// When a task that is sure to become due may start.
public enum Schedule: String, Sendable, Hashable, CaseIterable {
  /// As soon as nothing that still runs can touch it; what it gives counts from its own super-step on.
  case ahead

  /// When the super-step before its own has ended.
  case strict
}

/// The text a graph was read from.
public struct GraphSource: Sendable, Hashable {
  /// Absolute path of the file; relative names in the graph start from its folder. `nil` for text without a file.
  public var path: String?
  public var text: String

  /// The texts of all files that the graph includes, by path from its folder.
  public var files: [String: String]

  public init(path: String?, text: String, files: [String: String] = [:]) {
    self.path = path
    self.text = text
    self.files = files
  }
}

extension StateGraph {
  /// The graph that `node` runs inside its task; `nil` for a node of another kind.
  public func subgraph(of node: Node) -> StateGraph? {
    guard node.kind == NodeFormat.graphKind, case .literal(.string(let file))? = node.fields["file"] else { return nil }
    return subgraphs[file]
  }

  /// This graph and all that run inside it, each text once.
  public var withSubgraphs: [StateGraph] {
    var met: Set<GraphSource> = []
    var found: [StateGraph] = []
    var queue = [self]
    while let graph = queue.popLast() {
      if let source = graph.source, !met.insert(source).inserted { continue }
      found.append(graph)
      queue += graph.subgraphs.values.reversed()
    }
    return found
  }
}

/// A named value of the state and how writes fold into it.
public struct ChannelDefinition: Sendable, Hashable {
  public var name: ChannelName
  public var description: String?
  public var isInput: Bool
  public var reducer: Reducer

  /// What the value must fit after reducing; `nil` takes anything.
  public var schema: JSONSchema?

  /// The value before any write; `nil` leaves the channel absent (or at its reducer's start value).
  public var initial: JSON?

  /// What code asks of the value besides; `nil` nothing.
  public var check: ValueCheck?

  public init(
    _ name: ChannelName, description: String? = nil, isInput: Bool = false, reducer: Reducer = .replace,
    schema: JSONSchema? = nil, initial: JSON? = nil
  ) {
    self.name = name
    self.description = description
    self.isInput = isInput
    self.reducer = reducer
    self.schema = schema
    self.initial = initial
  }

  /// Why `value` cannot be the channel's; `nil` when it can.
  public func objection(to value: JSON) -> String? {
    schema?.violations(of: value).first.map(\.description) ?? check?.objection(value)
  }
}

/// A condition on a value that a program sets. Code cannot be compared: all of them are equal.
public struct ValueCheck: Sendable, Hashable {
  /// Why a value does not do; `nil` when it does.
  public let objection: @Sendable (JSON) -> String?

  public init(_ objection: @escaping @Sendable (JSON) -> String?) {
    self.objection = objection
  }

  public static func == (left: Self, right: Self) -> Bool { true }
  public func hash(into hasher: inout Hasher) {}
}
