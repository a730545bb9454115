import Graph
import OrderedCollections

/// A graph that runs inside one task of another, in a namespace of its own (DESIGN rule 14).
struct Subgraph: Sendable {
  private let graph: StateGraph
  private let context: RunContext

  /// The task that it runs in.
  private let task: TaskRecord

  init(_ graph: StateGraph, in task: TaskRecord, of parent: RunContext, output: TaskOutput) {
    self.graph = graph
    self.task = task
    context = RunContext(of: graph, namespace: task.inside.path, in: parent, output: output)
  }

  /// Begins it, or goes on where it was, and runs as far as it comes.
  func run(inputs: @Sendable () async throws -> JSONObject) async throws -> NodeResult {
    let (position, tasks, isBegun) = try await begun(inputs)
    let now = context.clock.now()
    let record = position.record
    // A subgraph's header is never stored: the thread's tells what the thread is up to.
    let header = ThreadRecord(
      id: context.thread, graphName: graph.name, graphHash: "", graphPath: nil, head: record.number, step: record.step,
      created: now, updated: now, next: record.agenda.nodes, durability: context.ledger.mode)
    var run = ThreadRun(
      context: context, options: context.options, durability: context.ledger.mode, header: header, position: position,
      tasks: tasks, isResume: false, looksBack: isBegun)
    return try await result(of: try await run.drive())
  }

  // MARK: The beginning

  private func begun(
    _ inputs: @Sendable () async throws -> JSONObject
  ) async throws -> (position: StoredCheckpoint, tasks: [TaskRecord], isBegun: Bool) {
    guard let stored = try await context.ledger.position() else {
      let (position, tasks) = try await admitted(try await inputs())
      return (position, tasks, false)
    }
    var tasks = try await context.ledger.tasks(at: stored.record.number)
    for answer in task.answersForInside {
      // An answer that fits was taken before; one to what is asked no more is of no use.
      tasks = (try? Answer.place([answer], in: tasks, of: context.thread)) ?? tasks
    }
    let answered = tasks.filter { task in task.questions.contains { $0.answer != nil } }
    if !task.answersForInside.isEmpty, !answered.isEmpty {
      try await context.ledger.write(answered.map(StoreChange.task))
    }
    return (stored.with(defaultsOf: graph), tasks, true)
  }

  private func admitted(
    _ inputs: JSONObject
  ) async throws -> (position: StoredCheckpoint, tasks: [TaskRecord]) {
    let admission: Admission
    do {
      admission = try Admission(
        graph: graph, inputs: inputs, before: nil, environment: context.userEnvironment, mask: context.mask,
        now: context.clock.now(), thread: context.thread, namespace: context.namespace)
    } catch {
      throw NodeFailure(error)
    }
    let record = admission.checkpoint
    try await context.ledger.begin(record, values: admission.values.storable(graph.channels), in: task)
    let position = StoredCheckpoint(record: record, values: admission.values)
    return (position, try await context.ledger.tasks(at: record.number))
  }

  // MARK: The end

  private func result(of end: RunEnd) async throws -> NodeResult {
    switch end.status {
    case .done: return .result(try await outputs(of: end))
    case .waiting: return .ask(surfaced(end).map(Prompt.init(surfacing:)))
    case .failed: throw failure(end)
    case .stopped, .running: throw CancellationError()
    }
  }

  private func outputs(of end: RunEnd) async throws -> JSON {
    guard let fields = graph.outputs else { return .object(end.values.storable(graph.channels)) }
    if let outputs = end.outputs { return .object(outputs) }
    var outputs = JSONObject()
    for (name, field) in fields {
      do {
        outputs[name] = try await Evaluation.run { try field.evaluate(in: Scope(state: end.values)) }
      } catch let error as ExpressionError {
        throw NodeFailure(error, key: "outputs.\(name) of \(graph.name)")
      }
    }
    return .object(outputs)
  }

  /// The open questions, each with the task that asked it.
  private func surfaced(_ end: RunEnd) -> [Question] {
    end.interrupts.map { open in
      var question = open.question
      question.origin =
        question.origin ?? QuestionOrigin(namespace: context.namespace, node: open.node, task: open.task)
      return question
    }
  }

  private func failure(_ end: RunEnd) -> NodeFailure {
    guard let error = end.errors.first else { preconditionFailure("a run that failed has an error") }
    let others = end.errors.count > 1 ? " (and \(end.errors.count - 1) more failed)" : ""
    let place = (error.task ?? error.node?.rawValue).map { "\($0): " } ?? ""
    var failure = NodeFailure(error.kind, place + error.message + others, result: error.result)
    failure.surfaced = surfaced(end)
    return failure
  }
}

extension Prompt {
  fileprivate init(surfacing question: Question) {
    self.init(
      question.prompt, choices: question.choices, schema: question.schema, key: question.id, kind: question.kind)
    surfaced = question
  }
}

extension NodeFailure {
  /// Why a subgraph could not begin.
  fileprivate init(_ refusal: RunRefusal) {
    switch refusal {
    case .badStart(let error): self.init(error.kind, "start: \(error.message)")
    case .missingInputs(let names):
      self.init(.type, "the graph needs the inputs \(names.map(\.rawValue).joined(separator: ", "))")
    default: self.init(.type, "\(refusal)")
    }
  }
}
