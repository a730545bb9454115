public import Graph
import GraphKit
import GraphNodes
public import GraphRuntime
import OrderedCollections
import Synchronization

/// What a node does instead of its work, one after the other: an attempt takes one, the last is taken again and again.
public enum ScriptedAttempt: Sendable, Hashable {
  /// Ends with this result.
  case result(JSON)

  /// Ends with these writes.
  case writes([String: JSON])

  /// Fails.
  case fail(ErrorKind = .swift, String)

  /// Asks; once it is answered the answer is the result.
  case ask(String)
}

/// Nodes of a graph that a test plays, and how often each was attempted.
public final class ScriptedNodes: Sendable {
  private let scripts: [NodeName: [ScriptedAttempt]]
  private let counts = Mutex<[NodeName: Int]>([:])

  public init(_ scripts: [NodeName: [ScriptedAttempt]]) {
    precondition(scripts.values.allSatisfy { !$0.isEmpty }, "a script has an attempt")
    self.scripts = scripts
  }

  /// `graph` with these nodes played: edges, routes, reducers and limits stay as they are.
  public func playing(in graph: StateGraph) -> StateGraph {
    var graph = graph
    for name in scripts.keys {
      precondition(graph.nodes[name] != nil, "the graph has no node \(name) to play")
      graph.nodes[name]?.kind = SwiftNode.kind
      graph.nodes[name]?.fields = [:]
      graph.nodes[name]?.code = NodeCode(SwiftBody { [self] task in try play(task) })
    }
    return graph
  }

  /// Attempts of `node` so far.
  public func attempts(of node: NodeName) -> Int { counts.withLock { $0[node, default: 0] } }

  private func play(_ task: TaskContext) throws -> NodeResult {
    if let answer = task.answer() { return .result(answer) }
    let name = task.node.name
    let script = scripts[name] ?? []
    let count = counts.withLock { counts in
      counts[name, default: 0] += 1
      return counts[name, default: 0]
    }
    switch script[min(count, script.count) - 1] {
    case .result(let result): return .result(result)
    case .writes(let writes):
      return .writes(writes.sorted { $0.key < $1.key }.map { ChannelWrite(ChannelName(rawValue: $0.key), $0.value) })
    case .fail(let kind, let message): throw NodeFailure(kind, message)
    case .ask(let prompt): return .ask([Prompt(prompt)])
    }
  }
}
