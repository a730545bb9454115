public import Graph
public import GraphRuntime

/// Asks a person; the result is the answer. What it must fit is `answer`; else, without `choices`, the type of the channel
/// it is saved into.
public struct AskNode: NodeKind {
  public let name = "ask"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    if let answer = task.answer() { return .result(answer) }
    let fields = NodeFields(task)
    var choices: [JSON]?
    if let value = try await fields.value("choices") {
      guard let items = value.arrayValue, !items.isEmpty else {
        throw fields.failure("choices", "\(value.summary) is no list of choices")
      }
      choices = items
    }
    let prompt = try await fields.text("prompt") ?? ""
    let schema = try await fields.value("answer") ?? (choices == nil ? task.resultSchema : nil)
    return .ask([Prompt(prompt, choices: choices, schema: schema)])
  }

  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? { try await run(task) }
}
