public import Graph
public import GraphRuntime

/// Runs another graph inside one task; the result is its outputs.
///
/// It goes on where it was after a crash, an answer or a failed attempt, so that it is never itself in doubt: the tasks
/// inside are, each for itself.
public struct GraphNode: NodeKind {
  public let name = "graph"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  /// Every task inside has a limit of its own.
  public func defaultTimeout(of node: Node) -> Duration? { nil }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    guard let graph = task.subgraph else {
      throw NodeFailure(.refused, "file: the graph it names was not read with this one")
    }
    return try await task.run(graph) { try await NodeFields(task).object("inputs") }
  }

  /// Without a result of its own the graph inside is rehearsed too.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    if let finding { return .result(finding) }
    return try await run(task)
  }
}
