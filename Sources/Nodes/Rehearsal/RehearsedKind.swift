import Graph
import GraphRuntime
import OrderedCollections

/// A node kind that does as the script says, and of itself only what needs nothing but the state.
struct RehearsedKind: NodeKind {
  let kind: any NodeKind
  let stage: Stage

  var name: String { kind.name }

  /// As the file tells it: no server is asked what its tools may do.
  func effectClass(of node: Node) -> EffectClass { kind.effectClass(of: node) }

  func defaultTimeout(of node: Node) -> Duration? { kind.defaultTimeout(of: node) }

  func check(_ task: TaskContext) async throws -> Bool? { stage.isChecked(task) }

  func run(_ task: TaskContext) async throws -> NodeResult {
    let outcome = stage.outcome(of: task)
    if outcome != nil { try await evaluateFields(of: task) }
    if case .failure(let failure) = outcome { throw try await NodeFailure(failure, task) }
    var finding: JSON?
    if case .result(let field) = outcome { finding = try await task.evaluate(field, key: "the scenario's result") }
    if let result = try await kind.rehearse(task, finding: finding) { return result }
    throw stage.miss(task)
  }

  /// What the node would tell the world can be told: a mistake in an expression is found though nothing is sent.
  private func evaluateFields(of task: TaskContext) async throws {
    // Those under that are for what comes back.
    for (key, field) in task.node.fields where key != "that" && !field.expressions.isEmpty {
      _ = try await task.evaluate(field, key: key)
    }
  }
}

extension NodeFailure {
  /// A failure as a scenario spells it: of a timeout it is not known whether it came after the effect.
  fileprivate init(_ failure: ScriptedFailure, _ task: TaskContext) async throws {
    let name = failure.kind ?? RehearsalFormat.failureKind(of: task.node.kind)
    let kind = ErrorKind(rawValue: name) ?? .refused
    let message = try await task.evaluate(failure.message, key: "the scenario's fail").argumentText
    var result: JSON?
    if let field = failure.result { result = try await task.evaluate(field, key: "the scenario's result") }
    self.init(
      kind, message, result: result, precedesEffect: kind == .spawn || kind == .connection,
      isInDoubt: kind == .timeout, exitCode: failure.exitCode ?? (kind == .exit ? 1 : nil))
  }
}
