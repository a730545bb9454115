public import Graph
public import GraphRuntime
import OrderedCollections

/// Writes channels; every expression sees the same state.
public struct SetNode: NodeKind {
  public let name = "set"

  public init() {}

  public var isInstant: Bool { true }
  public func sight(of node: Node) -> NodeSight { .fields }
  public func channels(writtenBy node: Node) -> Set<ChannelName>? {
    Set(node.fields.keys.map(ChannelName.init(rawValue:)))
  }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    var writes: [ChannelWrite] = []
    for (key, field) in task.node.fields {
      writes.append(ChannelWrite(ChannelName(rawValue: key), try await task.evaluate(field, key: key)))
    }
    return .writes(writes)
  }

  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? { try await run(task) }
}
