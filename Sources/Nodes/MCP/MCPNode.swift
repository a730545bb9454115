public import Graph
public import GraphRuntime

/// Calls a tool of an MCP server.
public struct MCPNode: NodeKind {
  public let name = "mcp"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass {
    node.effects == .repeatable ? .repeatable : .once
  }

  /// A server that the graph trusts may say that its tool does no harm when called again.
  public func effectClass(of task: TaskContext) async throws -> EffectClass {
    let known = effectClass(of: task.node)
    guard known == .once, task.node.effects == nil else { return known }
    let step = try await MCPStep(NodeFields(task))
    guard step.session.configuration.isTrusted, try await step.consent() == nil else { return known }
    return try await step.described().annotations.mayRepeat ? .repeatable : known
  }

  public func surroundings(of task: TaskContext) async throws -> [JSON] {
    try await MCPStep(NodeFields(task)).surroundings
  }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    try await MCPStep(NodeFields(task)).run()
  }
}
