public import Graph
public import GraphRuntime
import OrderedCollections

/// Runs a script or a program.
public struct ShellNode: NodeKind {
  public let name = "shell"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass {
    if node.fields["check"] != nil { return .check }
    if let effects = node.effects { return effects == .repeatable ? .repeatable : .once }
    // A service that already runs is taken over, not started again.
    return node.fields["detach"] != nil ? .repeatable : .once
  }

  /// A service that has to be ready `within` a time says itself how long that may take.
  public func defaultTimeout(of node: Node) -> Duration? {
    node.fields["detach"]?["within"] == nil ? Node.defaultTimeout : nil
  }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    let step = ShellStep(NodeFields(task))
    if let detach = step.fields.nested("detach") {
      return .result(try await ShellService(step, detach).run())
    }
    return .result(try await step.result(of: try await step.execute(show: task.print)))
  }

  public func surroundings(of task: TaskContext) async throws -> [JSON] { [.string(task.folder)] }

  public func check(_ task: TaskContext) async throws -> Bool? {
    guard task.node.fields["check"] != nil else { return nil }
    let step = ShellStep(NodeFields(task))
    return try await step.runScript("check", show: { _, _ in }).ending == .exit(0)
  }
}
