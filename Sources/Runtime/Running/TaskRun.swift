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
  let values: JSONObject
  let step: Int
  let output: TaskOutput

  var node: Node { run.plan.node(due.id.nodeName) }

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
  private struct Stopping: Error {}

  /// The task needs a person.
  private struct Waiting: Error {
    var kind: Question.Kind
    var prompt: Prompt
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
    try approve(&record)
    if let result = record.memory[Self.resultKey] {
      return try await finish(&record, .done, result: result, writes: nil)
    }
    if try await settleDoubt(&record, kind: kind, wasStarted: wasStarted) { return }
    let cacheKey = try await cacheKey()
    if let cacheKey, let result = try await run.ledger.cached(cacheKey) {
      return try await finish(&record, .cached, result: result, writes: nil)
    }
    try await attempts(&record, kind: kind, cacheKey: cacheKey)
  }

  /// Where a result is remembered whose effect may not be repeated, until what it writes has landed.
  private static let resultKey = "result"

  // MARK: Guards

  private func approve(_ record: inout TaskRecord) throws {
    guard let approval = node.approve, !run.approveAll else { return }
    if let asked = record.questions.last(where: { $0.kind == .approve }), let answer = asked.answer {
      guard answer != .bool(true) else { return }
      record.questions.removeAll { $0.id == asked.id }
      throw NodeFailure(.refused, "not approved")
    }
    let text: String
    switch approval {
    case .standard: text = "Run \(node.name) (\(node.kind))?"
    case .prompt(let template):
      let scope = run.scope(of: due, values: values, step: step, attempt: 1)
      do {
        text = try template.evaluate(in: scope).asText
      } catch {
        throw NodeFailure(error, key: "approve")
      }
    }
    throw Waiting(kind: .approve, prompt: Prompt(text, schema: ["type": "boolean"]))
  }

  /// Decides what an attempt without a known end means. Returns true when the task is settled by that.
  private func settleDoubt(_ record: inout TaskRecord, kind: any NodeKind, wasStarted: Bool) async throws -> Bool {
    if let question = record.questions.last, question.kind == .doubt, record.status == .waiting,
      let answer = question.answer
    {
      return try await settle(&record, by: answer)
    }
    guard wasStarted, kind.effectClass(of: node) == .once else { return false }
    throw doubt("its runner ended while attempt \(record.attempts) was running")
  }

  private func doubt(_ why: String) -> Waiting {
    Waiting(
      kind: .doubt,
      prompt: Prompt(
        "It is not known whether \(node.name) took effect: \(why). Run it again, skip it, or fail?",
        choices: ["rerun", "skip", "fail"]))
  }

  private func settle(_ record: inout TaskRecord, by answer: JSON) async throws -> Bool {
    if let result = answer["skip"] {
      try await finish(&record, .done, result: result, writes: nil)
      return true
    }
    switch answer {
    case "skip":
      try await finish(&record, .done, result: .null, writes: [])
      return true
    case "fail":
      record.questions.removeLast()
      throw NodeFailure(.refused, "given up while it was not known whether it took effect")
    default: return false
    }
  }

  // MARK: Attempts

  private func attempts(_ record: inout TaskRecord, kind: any NodeKind, cacheKey: String?) async throws {
    let policy = node.retry
    let begin = ContinuousClock.now
    let before = record.notBefore == nil ? record.attempts : 0
    while true {
      try await waitForTurn(&record)
      do {
        return try await attempt(&record, kind: kind, cacheKey: cacheKey)
      } catch let failure as NodeFailure {
        let made = record.attempts - before
        guard let policy, policy.allows(failure, made: made, effects: kind.effectClass(of: node)) else { throw failure }
        let delay = policy.wait(after: made, failure, chance: run.clock.chance())
        if let deadline = node.deadline, (ContinuousClock.now - begin) + delay > deadline {
          throw NodeFailure(
            .timeout, "\(failure.message) (no time left for another attempt: deadline \(deadline))",
            result: failure.result)
        }
        try await scheduleRetry(&record, failure, delay: delay)
      }
    }
  }

  private func scheduleRetry(_ record: inout TaskRecord, _ failure: NodeFailure, delay: Duration) async throws {
    let error = taskError(failure)
    record.status = .failed
    record.error = error
    record.notBefore = Timestamp(milliseconds: run.clock.now().milliseconds + Int(delay.seconds * 1000))
    let retry = RunEvent.Kind.taskRetry(
      node: node.name, task: record.label, attempt: record.attempts, error: error, delay: delay.seconds)
    try await run.ledger.taskEnded(record, others: outputs(), telling: [retry])
  }

  /// Waits until the next attempt may start: a retry's delay, also one that began before a crash.
  private func waitForTurn(_ record: inout TaskRecord) async throws {
    guard let notBefore = record.notBefore else { return }
    let wait = notBefore.milliseconds - run.clock.now().milliseconds
    // A wall clock that jumped back must not stretch the wait beyond what the policy can ask for.
    let longest = Int((node.retry?.maxDelay ?? .seconds(60)).seconds * 1000)
    if wait > 0 {
      do {
        try await Task.sleep(for: .milliseconds(min(wait, longest)))
      } catch {
        throw Stopping()
      }
    }
  }

  private func attempt(_ record: inout TaskRecord, kind: any NodeKind, cacheKey: String?) async throws {
    let effects = kind.effectClass(of: node)
    if effects == .check {
      let context = context(record, attempt: record.attempts + 1)
      if try await isAlreadySo(kind, context) {
        return try await finish(&record, .done, result: Self.checkedResult, writes: nil)
      }
    }
    guard !Task.isCancelled else { throw Stopping() }
    record.attempts += 1
    record.status = .started
    record.error = nil
    record.notBefore = nil
    let starting = RunEvent.Kind.taskStart(
      step: step, node: node.name, task: record.label, attempt: record.attempts)
    if effects.isEffectful {
      try await run.ledger.write([.task(record)], telling: [starting])
    } else {
      run.ledger.tell(starting)
    }
    output.begin(attempt: record.attempts)
    let box = RecordBox(record)
    let context = context(record, attempt: record.attempts, box: box)
    let outcome = await AttemptTimers(timeout: node.timeout ?? Node.defaultTimeout, idle: node.idle, output: output)
      .run { try await kind.run(context) }
    record = box.record
    try await take(outcome, &record, kind: kind, cacheKey: cacheKey)
  }

  private func isAlreadySo(_ kind: any NodeKind, _ context: TaskContext) async throws -> Bool {
    do {
      return try await kind.check(context) ?? false
    } catch is CancellationError {
      throw Stopping()
    }
  }

  /// What a step whose check held gives as its result.
  private static let checkedResult: JSON = ["checked": true, "exit": 0, "stdout": "", "stderr": "", "seconds": 0]

  private func take(
    _ outcome: AttemptTimers.Outcome, _ record: inout TaskRecord, kind: any NodeKind, cacheKey: String?
  ) async throws {
    let effects = kind.effectClass(of: node)
    switch outcome {
    case .finished(.result(let result)):
      let result = run.mask.mask(result)
      if effects == .once { record.memory[Self.resultKey] = result }
      try await finish(&record, .done, result: result, writes: nil, cacheKey: cacheKey)
    case .finished(.writes(let writes)):
      try await finish(
        &record, .done, result: .null, writes: writes.map { ChannelWrite($0.channel, run.mask.mask($0.value)) })
    case .finished(.ask(let prompt)):
      throw Waiting(kind: .ask, prompt: prompt)
    case .cancelled:
      throw Stopping()
    case .timedOut(let message):
      if effects == .once { throw doubt(message) }
      if effects == .check, try await isAlreadySo(kind, context(record, attempt: record.attempts)) {
        return try await finish(&record, .done, result: Self.checkedResult, writes: nil)
      }
      throw NodeFailure(.timeout, message)
    case .failed(let failure):
      if failure.isInDoubt, effects == .once { throw doubt(failure.message) }
      if failure.isInDoubt, effects == .check, try await isAlreadySo(kind, context(record, attempt: record.attempts)) {
        return try await finish(&record, .done, result: Self.checkedResult, writes: nil)
      }
      throw failure
    }
  }

  // MARK: Ends

  /// Works out what the result writes and where it leads; the task is then `status`.
  private func finish(
    _ record: inout TaskRecord, _ status: TaskStatus, result: JSON, writes: [ChannelWrite]?, cacheKey: String? = nil
  ) async throws {
    record.result = result
    let landing = try await landing(of: result, writes: writes, attempt: max(1, record.attempts))
    record.writes = landing.writes
    record.triggers = landing.triggers
    record.status = status
    record.error = nil
    record.handler = nil
    record.notBefore = nil
    record.memory = [:]
    if let cacheKey, status == .done {
      let expires = node.cache?.ttl.map {
        Timestamp(milliseconds: run.clock.now().milliseconds + Int($0.seconds * 1000))
      }
      try await run.ledger.write([.cache(CacheRecord(key: cacheKey, result: result, expires: expires))])
    }
  }

  private func landing(
    of result: JSON, writes: [ChannelWrite]?, attempt: Int
  ) async throws -> (writes: [ChannelWrite], triggers: [Trigger]) {
    let saved: [ChannelWrite]
    if let writes {
      saved = writes
    } else {
      saved = try await save(result, attempt: attempt)
    }
    for write in saved where run.plan.graph.channels[write.channel] == nil {
      throw NodeFailure(
        .undeclared, "it writes channel \"\(write.channel)\", which the graph does not declare; add it under state:")
    }
    guard let next = node.next else { return (saved, []) }
    var scope = run.scope(of: due, values: try ownState(saved), step: step, attempt: attempt)
    scope.variables["result"] = result
    let triggers = try await Evaluation.run { [scope] in try next.triggers(in: scope, from: "next") }
    return (saved, triggers)
  }

  private func save(_ result: JSON, attempt: Int) async throws -> [ChannelWrite] {
    switch node.save {
    case nil: return []
    case .whole(let channel): return [ChannelWrite(channel, result)]
    case .parts(let parts):
      var scope = run.scope(of: due, values: values, step: step, attempt: attempt)
      scope.variables["result"] = result
      var writes: [ChannelWrite] = []
      for (channel, field) in parts {
        writes.append(ChannelWrite(channel, try await evaluate(field, scope, key: "save.\(channel)")))
      }
      return writes
    }
  }

  /// The state with this task's own writes and no sibling's: what its routes see.
  private func ownState(_ writes: [ChannelWrite]) throws -> JSONObject {
    guard !writes.isEmpty else { return values }
    let fold = StateFold(channels: run.plan.graph.channels, step: step)
    let entries = writes.map { StateFold.Entry(task: 0, writer: node.name.rawValue, write: $0) }
    do {
      return try fold.apply(entries, to: values).values
    } catch {
      throw NodeFailure(error.all[0].kind, error.all[0].message)
    }
  }

  private func fail(_ record: inout TaskRecord, _ failure: NodeFailure) {
    record.status = .failed
    record.error = taskError(failure)
    record.result = record.error?.result
    record.notBefore = nil
    record.handler = node.onError
  }

  private func taskError(_ failure: NodeFailure) -> TaskError {
    TaskError(
      node: node.name, kind: failure.kind, message: run.mask.mask(failure.message),
      result: failure.result.map(run.mask.mask))
  }

  private func ask(_ waiting: Waiting, _ record: inout TaskRecord) {
    record.status = .waiting
    record.questions.append(
      Question(
        id: TaskKey.question(run.thread, due.id, number: record.questions.count), kind: waiting.kind,
        prompt: run.mask.mask(waiting.prompt.text), choices: waiting.prompt.choices, schema: waiting.prompt.schema))
  }

  // MARK: Pieces

  func outputs() -> [StoreChange] {
    let records = output.take()
    return records.isEmpty ? [] : [.output(records)]
  }

  private func evaluate(_ field: Field, _ scope: Scope, key: String) async throws -> JSON {
    do {
      return try await Evaluation.run { try field.evaluate(in: scope) }
    } catch let error as ExpressionError {
      throw NodeFailure(error, key: key)
    }
  }

  private func cacheKey() async throws -> String? {
    guard let cache = node.cache else { return nil }
    let scope = run.scope(of: due, values: values, step: step, attempt: 1)
    var parts = [node.kind]
    for (name, field) in node.fields {
      parts += [name, try await evaluate(field, scope, key: name).text]
    }
    if let key = cache.key { parts.append(try await evaluate(key, scope, key: "cache.key").text) }
    return TaskKey.cache(parts)
  }

  private func context(_ record: TaskRecord, attempt: Int, box: RecordBox? = nil) -> TaskContext {
    let key = TaskKey.key(run.thread, due.id)
    var environment = run.childEnvironment
    environment["GRAPHRUN_IDEMPOTENCY_KEY"] = key
    return TaskContext(
      node: node, scope: run.scope(of: due, values: values, step: step, attempt: attempt), id: due.id, attempt: attempt,
      key: key, answers: record.questions.filter { $0.kind == .ask }.compactMap(\.answer), folder: run.folder,
      environment: environment,
      stopGrace: { [stop = run.stop] in stop.level == .urgent ? .seconds(2) : .seconds(5) },
      services: RunServices(run: run, output: output, box: box ?? RecordBox(record), key: key))
  }
}

/// The task's record while its node runs, for what the node remembers.
final class RecordBox: Sendable {
  private let state: Mutex<TaskRecord>

  init(_ record: TaskRecord) { state = Mutex(record) }

  var record: TaskRecord { state.withLock { $0 } }

  func remember(_ name: String, _ value: JSON) -> TaskRecord {
    state.withLock { record in
      record.memory[name] = value
      return record
    }
  }
}

/// What the runner does for a node while it runs.
private struct RunServices: TaskServices {
  let run: RunContext
  let output: TaskOutput
  let box: RecordBox
  let key: String

  func print(_ text: String, to stream: OutputStream) { output.print(text, to: stream) }
  func remembered(_ name: String) async -> JSON? { box.record.memory[name] }

  func remember(_ name: String, _ value: JSON) async throws {
    try await run.ledger.write([.task(box.remember(name, run.mask.mask(value)))])
  }

  func record(_ service: ServiceProcess) async throws {
    try await run.ledger.write([
      .service(
        ServiceRecord(
          thread: run.thread, key: key, node: box.record.id.nodeName, pid: service.pid, startTime: service.startTime,
          bootID: ProcessIdentity.bootID, stopsAtRunEnd: service.stopsAtRunEnd))
    ])
  }

  func forgetService(key: String) async throws { try await run.ledger.write([.serviceEnded(key: key)]) }
  func recorded(for node: NodeName) async throws -> [ServiceRecord] {
    try await run.ledger.services().filter { $0.node == node }
  }
}

extension RetryPolicy {
  /// Whether another attempt may follow `made` attempts that ended with `failure` (RELIABILITY R4).
  func allows(_ failure: NodeFailure, made: Int, effects: EffectClass) -> Bool {
    guard made < attempts else { return false }
    let isListedExit = failure.exitCode.map(exitCodes.contains) ?? false
    guard isListedExit || (kinds ?? Self.standardKinds).contains(failure.kind.rawValue) else { return false }
    return effects != .once || failure.precedesEffect || failure.kind == .exit
  }

  /// The wait before the next attempt: exponential, capped, with full jitter; the other side's own wish counts up to the cap.
  func wait(after made: Int, _ failure: NodeFailure, chance: Double) -> Duration {
    var seconds = min(delay.seconds, maxDelay.seconds)
    for _ in 1..<max(1, made) where seconds < maxDelay.seconds { seconds = min(seconds * backoff, maxDelay.seconds) }
    if jitter { seconds *= chance }
    if let wish = failure.retryAfter { seconds = max(seconds, min(wish.seconds, maxDelay.seconds)) }
    return .milliseconds(Int64(seconds * 1000))
  }
}

extension JSON {
  /// A string bare, any other value as JSON.
  var asText: String {
    if case .string(let text) = self { text } else { text }
  }
}
