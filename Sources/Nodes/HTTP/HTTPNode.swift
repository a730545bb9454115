public import Graph
public import GraphRuntime
import OrderedCollections

/// Asks a web server.
public struct HTTPNode: NodeKind {
  public let name = "http"

  public init() {}

  public func sight(of node: Node) -> NodeSight { .world }
  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass {
    if node.effects == .repeatable { return .repeatable }
    let method = node.fields["method"] ?? .literal("GET")
    guard case .literal(.string(let text)) = method, HTTPExchange.isSafe(text), node.effects == nil else {
      return .once
    }
    return .pure
  }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    .result(try await HTTPExchange(NodeFields(task)).result())
  }
}
