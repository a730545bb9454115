import Graph

extension TaskRun {
  func attempts(_ record: inout TaskRecord, kind: any NodeKind, cacheKey: String?) async throws {
    let policy = node.retry
    let begin = ContinuousClock.now
    // Counted by itself, as a clock of a test passes no time.
    var waited = Duration.zero
    let before = record.notBefore == nil ? record.attempts : 0
    var effects = kind.effectClass(of: node)
    while true {
      try await waitForTurn(&record)
      do {
        return try await attempt(&record, kind: kind, effects: &effects, cacheKey: cacheKey)
      } catch let failure as NodeFailure {
        let made = record.attempts - before
        guard let policy, policy.allows(failure, made: made, effects: effects) else { throw failure }
        let delay = policy.wait(after: made, failure, chance: run.clock.chance())
        waited += delay
        if let deadline = node.deadline, max((ContinuousClock.now - begin) + delay, waited) > deadline {
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
    try await run.ledger.tasksEnded([record], others: outputs(), telling: [retry])
  }

  /// Waits until the next attempt may start: a retry's delay, also one that began before a crash. Where the run is to stop,
  /// none does.
  private func waitForTurn(_ record: inout TaskRecord) async throws {
    guard let notBefore = record.notBefore else { return }
    let wait = notBefore.milliseconds - run.clock.now().milliseconds
    // A wall clock that jumped back must not stretch the wait beyond what the policy can ask for.
    let longest = Int((node.retry?.maxDelay ?? .seconds(60)).seconds * 1000)
    if wait > 0 { await sleep(.milliseconds(min(wait, longest))) }
    guard run.stop.level == .none, !Task.isCancelled else { throw Stopping() }
  }

  /// Returns early where the run is asked to stop.
  private func sleep(_ duration: Duration) async {
    await withTaskGroup { [run] group in
      group.addTask { try? await run.clock.sleep(duration) }
      group.addTask { await run.stop.reached(.gentle) }
      await group.next()
      group.cancelAll()
    }
  }

  /// - Parameter effects: set to what the world says of them, once it was asked.
  private func attempt(
    _ record: inout TaskRecord, kind: any NodeKind, effects: inout EffectClass, cacheKey: String?
  ) async throws {
    if effects == .check, try await isAlreadySo(kind, context(record, attempt: record.attempts + 1)) {
      return try await finish(&record, .done, result: Self.checkedResult, writes: nil)
    }
    guard !Task.isCancelled else { throw Stopping() }
    record.attempts += 1
    record.status = .started
    record.error = nil
    record.notBefore = nil
    let context = context(record, attempt: record.attempts)
    effects = try await stopping { try await kind.effectClass(of: context) }
    if effects.isEffectful {
      try await run.ledger.write([.task(record)], telling: run.ledger.events([starting(record)]))
    } else {
      run.ledger.tell(starting(record))
    }
    output.begin(attempt: record.attempts)
    memory.begin()
    let timers = AttemptTimers(
      timeout: node.timeout ?? kind.defaultTimeout(of: node), idle: node.idle, output: output,
      keeper: keeper(of: record, isStored: effects.isEffectful), isInstant: run.isInstant(node))
    let outcome = await timers.run { try await kind.run(context) }
    try await take(outcome, &record, kind: kind, effects: effects, cacheKey: cacheKey)
  }

  private func starting(_ record: TaskRecord) -> RunEvent.Kind {
    .taskStart(step: step, node: node.name, task: record.label, attempt: record.attempts)
  }

  private func isAlreadySo(_ kind: any NodeKind, _ context: TaskContext) async throws -> Bool {
    try await stopping { try await kind.check(context) ?? false }
  }

  /// What `body` gives; where it was cancelled the run is stopping.
  private func stopping<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch is CancellationError {
      throw Stopping()
    }
  }

  /// What a step whose check held gives as its result.
  private static let checkedResult: JSON = ["checked": true, "exit": 0, "stdout": "", "stderr": "", "seconds": 0]

  private func take(
    _ outcome: AttemptTimers.Outcome, _ record: inout TaskRecord, kind: any NodeKind, effects: EffectClass,
    cacheKey: String?
  ) async throws {
    switch outcome {
    case .finished(.result(let result)):
      let result = run.mask.mask(result)
      if effects == .once { record.kept = result }
      try await finish(&record, .done, result: result, writes: nil, cacheKey: cacheKey)
    case .finished(.writes(let writes)):
      try await finish(&record, .done, result: .null, writes: run.mask.mask(writes))
    case .finished(.ask(let prompts)):
      throw Waiting(prompts)
    case .cancelled:
      if effects == .once, let why = run.expiry() { throw doubt("the graph it runs in was given up: \(why)") }
      throw Stopping()
    case .broken(let error):
      throw error
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
}

extension RetryPolicy {
  /// Whether another attempt may follow `made` attempts that ended with `failure` (RELIABILITY R4).
  func allows(_ failure: NodeFailure, made: Int, effects: EffectClass) -> Bool {
    guard made < attempts, !failure.isPermanent else { return false }
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
