import Graph
import OrderedCollections
import Synchronization

/// Runs one task to its end: guards, attempts, retries, and what its result writes and triggers.
struct TaskRun: Sendable {
  /// How far the task came.
  enum End: Sendable {
    case ended(TaskRecord)
    /// The run is stopping; what the record holds is what the disk holds.
    case stopped(TaskRecord)
  }

  let run: RunContext
  let due: DueTask
  let planned: PlannedNode
  let values: JSONObject

  /// Where messages stand in `values`.
  let messages: MessagePlaces
  let step: Int
  let output: TaskOutput
  let memory: TaskMemory

  var node: Node { planned.node }

  /// - Throws: ``StoreError`` when an attempt could not be recorded.
  func end(from record: TaskRecord) async throws(StoreError) -> End {
    let started = ContinuousClock.now
    var record = record
    let progress = await advance(&record)
    record.seconds = (ContinuousClock.now - started).seconds
    switch progress {
    case .success(.stopped): return .stopped(record)
    case .success(.ended): return .ended(record)
    case .failure(let error): throw error
    }
  }

  private enum Progress { case ended, stopped }

  private func advance(_ record: inout TaskRecord) async -> Result<Progress, StoreError> {
    do {
      try await proceed(&record)
      return .success(.ended)
    } catch is Stopping {
      return .success(.stopped)
    } catch let error as StoreError {
      return .failure(error)
    } catch let failure as NodeFailure {
      fail(&record, failure)
      return .success(.ended)
    } catch let waiting as Waiting {
      ask(waiting, &record)
      return .success(.ended)
    } catch {
      fail(&record, NodeFailure(.spawn, "\(error)"))
      return .success(.ended)
    }
  }

  /// The run stops: leave things as they are.
  struct Stopping: Error {}

  /// The task needs a person.
  struct Waiting: Error {
    var questions: [(key: String?, prompt: Prompt)]

    /// The node's own questions.
    init(_ prompts: [Prompt]) {
      precondition(!prompts.isEmpty, "a node that asks has a question")
      questions = prompts.map { ($0.key, $0) }
    }

    /// The engine's question.
    init(_ prompt: Prompt) { questions = [(nil, prompt)] }
  }

  private func proceed(_ record: inout TaskRecord) async throws {
    guard let kind = run.kinds[node.kind] else {
      throw NodeFailure(.refused, "no node kind is called \"\(node.kind)\" in this program")
    }
    let wasStarted = record.status == .started && record.attempts > 0
    let isFresh = record.attempts == 0 && record.questions.isEmpty
    if isFresh, let condition = node.when {
      let scope = run.scope(of: due, values: values, step: step, attempt: 1)
      guard try await evaluate(.expression(condition), scope, key: "when").isTruthy else {
        return try await finish(&record, .skipped, result: .null, writes: [])
      }
    }
    // What the cache has is not run, so nobody has to approve it.
    if isFresh, node.approve != nil, try await takeCached(&record, try await cacheKey(kind, record)) { return }
    try await approve(&record)
    if let result = record.kept {
      return try await finish(&record, .done, result: result, writes: nil)
    }
    if try await settleDoubt(&record, kind: kind, wasStarted: wasStarted) { return }
    let cacheKey = try await cacheKey(kind, record)
    if try await takeCached(&record, cacheKey) { return }
    try await attempts(&record, kind: kind, cacheKey: cacheKey)
  }

  /// Ends the task with the result kept for `key`; false where there is none.
  private func takeCached(_ record: inout TaskRecord, _ key: String?) async throws -> Bool {
    guard let key, let result = try await run.ledger.cached(key) else { return false }
    try await finish(&record, .cached, result: result, writes: nil)
    return true
  }

  // MARK: Guards

  private func approve(_ record: inout TaskRecord) async throws {
    guard let approval = node.approve, !run.options.approveAll else { return }
    if let asked = record.questions.last(where: { $0.isEngines && $0.kind == .approve }), let answer = asked.answer {
      if answer == .bool(true) { return }
      // One that failed by that answer asks again.
      if record.status == .waiting { throw NodeFailure(.refused, "not approved") }
    }
    let text: String
    switch approval {
    case .standard: text = "Run \(node.name) (\(node.kind))?"
    case .prompt(let template):
      let scope = run.scope(of: due, values: values, step: step, attempt: 1)
      text = try await evaluate(.template(template), scope, key: "approve").asText
    }
    throw Waiting(Prompt(text, schema: ["type": "boolean"], kind: .approve))
  }

  /// Decides what an attempt without a known end means. Returns true when the task is settled by that.
  private func settleDoubt(_ record: inout TaskRecord, kind: any NodeKind, wasStarted: Bool) async throws -> Bool {
    let answer = record.questions.last { $0.kind == .doubt && $0.isEngines }?.answer
    if record.status == .waiting, let answer { return try await settle(&record, by: answer) }
    let isGivenUp = record.status == .failed && record.notBefore == nil && answer == "fail"
    guard wasStarted || isGivenUp, try await effectsInDoubt(record, kind) == .once else { return false }
    throw doubt(
      isGivenUp
        ? "it was given up in doubt before" : "its runner ended while attempt \(record.attempts) was running")
  }

  /// What an attempt that may have taken effect means; where the world cannot be asked, the worst.
  private func effectsInDoubt(_ record: TaskRecord, _ kind: any NodeKind) async throws -> EffectClass {
    do {
      return try await kind.effectClass(of: context(record, attempt: record.attempts))
    } catch is CancellationError {
      throw Stopping()
    } catch {
      return .once
    }
  }

  func doubt(_ why: String) -> Waiting {
    Waiting(
      Prompt(
        "It is not known whether \(node.name) took effect: \(why). Run it again, skip it, or fail?",
        choices: ["rerun", "skip", "fail"], kind: .doubt))
  }

  private func settle(_ record: inout TaskRecord, by answer: JSON) async throws -> Bool {
    if let result = answer["skip"] {
      try await finish(&record, .done, result: result, writes: nil)
      return true
    }
    switch answer {
    case "skip":
      try await finish(&record, .skipped, result: .null, writes: [])
      return true
    case "fail":
      throw NodeFailure(.refused, "given up while it was not known whether it took effect")
    default: return false
    }
  }

  // MARK: Pieces

  func outputs() -> [StoreChange] {
    let records = output.take()
    return records.isEmpty ? [] : [.output(records)]
  }

  func evaluate(_ field: Field, _ scope: Scope, key: String) async throws -> JSON {
    do {
      return try await Evaluation.run(isImmediate: field.isImmediate) { try field.evaluate(in: scope) }
    } catch let error as ExpressionError {
      throw NodeFailure(error, key: key)
    }
  }

  private func cacheKey(_ kind: any NodeKind, _ record: TaskRecord) async throws -> String? {
    guard let cache = node.cache else { return nil }
    let scope = run.scope(of: due, values: values, step: step, attempt: 1)
    var parts = [node.kind]
    for (name, field) in node.fields {
      parts += [name, try await evaluate(field, scope, key: name).text]
    }
    if let graph = run.plan.graph.subgraph(of: node) { parts.append(graph.record.hash) }
    parts += try await kind.surroundings(of: context(record, attempt: 1)).map(\.text)
    if let key = cache.key { parts.append(try await evaluate(key, scope, key: "cache.key").text) }
    return TaskKey.cache(parts)
  }

  func context(_ record: TaskRecord, attempt: Int) -> TaskContext {
    context(record, attempt: attempt, run.scope(of: due, values: values, step: step, attempt: attempt))
  }

  func context(_ record: TaskRecord, attempt: Int, _ scope: Scope) -> TaskContext {
    TaskContext(
      planned, scope: scope, id: due.id, attempt: attempt,
      answers: record.answers, surroundings: run.surroundings,
      services: RunServices(run: run, output: output, memory: memory, record: record))
  }
}

extension JSON {
  /// A string bare, any other value as JSON.
  var asText: String {
    if case .string(let text) = self { text } else { text }
  }
}

extension TaskRecord {
  /// The answers to the node's own questions, by the node's names for them; where it asked twice, the later one.
  fileprivate var answers: [String: JSON] {
    questions.reduce(into: [:]) { answers, question in
      guard question.origin == nil, !question.isSpent, let key = question.key, let answer = question.answer else {
        return
      }
      answers[key] = answer
    }
  }
}

extension Question {
  /// Asked by the engine about the task itself.
  fileprivate var isEngines: Bool { key == nil && origin == nil }
}
