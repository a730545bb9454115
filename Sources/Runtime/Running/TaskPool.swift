import Graph

/// Runs the tasks of one super-step side by side, and starts those behind it that need not wait for all of them.
struct TaskPool: Sendable {
  let context: RunContext
  let agenda: Agenda
  let values: JSONObject

  /// Where messages stand in `values`.
  let messages: MessagePlaces
  let step: Int

  /// The newest checkpoint.
  let head: Int

  /// How long running tasks may go on after the run was asked to stop.
  let grace: Duration

  /// A task that has ended and is not stored yet.
  struct Ended: Sendable {
    /// Place among the super-step's tasks; `nil` for one that was stopped, which is stored already, or is of a later one.
    var index: Int?

    /// A task of a later super-step.
    var ahead: TaskRecord?

    /// What is stored besides the task.
    var others: [StoreChange] = []
    var events: [RunEvent.Kind] = []
  }

  var due: [DueTask] { agenda.due }

  enum Signal: Sendable {
    case ended(Int, Result<TaskRun.End, StoreError>, [StoreChange])
    case stored(StoreError?)
    /// A task may have ended that runs ahead.
    case endedAhead
    /// A task's wait for its turn has lasted as long as it may.
    case overdue(Int)
    case cancel
    case watchEnded
  }

  /// Runs those at `indices` as far as failures and stops allow, and stores them as they end. Those that run ahead are waited
  /// for where the super-step will not land.
  ///
  /// - Returns: those that are left to be stored together with the super-step's end: the last, and what ended while
  ///   others were being stored.
  /// - Throws: ``StoreError`` once everything that ran has ended.
  func run(
    _ indices: [Int], of tasks: inout [TaskRecord], ahead: inout AheadRuns?
  ) async throws(StoreError) -> [Ended] {
    if areInstant(indices), !areAhead(indices, ahead) { return try await runInTurn(indices, of: &tasks) }
    ahead?.crew.beginWaiting()
    let work = await withTaskGroup(of: Signal.self) { [tasks, ahead] group in
      var work = Work(pool: self, queue: indices, tasks: tasks, ahead: ahead)
      group.addTask { await watchForStop() }
      work.watchAhead(in: &group)
      work.startMore(in: &group)
      work.watchQueue(in: &group)
      await work.startAhead(in: &group)
      while work.hasMore || work.isStoring, let signal = await group.next() { await work.take(signal, in: &group) }
      group.cancelAll()
      work.ahead?.crew.endWaiting()
      return work
    }
    (tasks, ahead) = (work.tasks, work.ahead)
    if let failure = work.failure { throw failure }
    return work.unstored
  }

  /// Whether some of them run already, or those that do must be waited for.
  private func areAhead(_ indices: [Int], _ ahead: AheadRuns?) -> Bool {
    guard let ahead, !ahead.running.isEmpty else { return false }
    return due.isEmpty || indices.contains { ahead.running.contains(due[$0].id) }
  }

  func store(_ ended: [Ended], of tasks: [TaskRecord]) async throws(StoreError) {
    try await context.ledger.tasksEnded(
      ended.records(of: tasks).map(context.plan.storable), others: ended.flatMap(\.others),
      telling: ended.flatMap(\.events))
  }

  func ended(_ index: Int, _ record: TaskRecord, _ others: [StoreChange]) -> Ended {
    Ended(
      index: index, others: others,
      events: context.ledger.events(record.endEvents(step: step, context.options.streams)))
  }

  private func watchForStop() async -> Signal {
    await context.stop.reached(.gentle)
    if Task.isCancelled { return .watchEnded }
    await withTaskGroup { group in
      group.addTask { try? await Task.sleep(for: context.stop.rest(of: grace)) }
      group.addTask { await context.stop.reached(.urgent) }
      await group.next()
      group.cancelAll()
    }
    return Task.isCancelled ? .watchEnded : .cancel
  }

  func node(_ index: Int) -> Node { context.plan.node(due[index].id.nodeName) }

  func taskRun(_ index: Int, _ record: TaskRecord) -> TaskRun {
    taskRun(due[index], record, values, messages, step: step)
  }

  func taskRun(
    _ due: DueTask, _ record: TaskRecord, _ values: JSONObject, _ messages: MessagePlaces, step: Int
  ) -> TaskRun {
    TaskRun(
      run: context, due: due, planned: context.plan.planned(due.id.nodeName), values: values, messages: messages,
      step: step,
      output: context.output(of: record, step: step), memory: TaskMemory())
  }
}

extension RunContext {
  /// Where the task's output goes.
  func output(of record: TaskRecord, step: Int) -> TaskOutput {
    let (node, label) = (record.id.nodeName, record.label)
    return TaskOutput(template: record.outputTemplate(step: step), mask: mask) { [self] stream, text in
      onLife()
      ledger.tell(.taskOutput(node: node, task: label, stream: stream, text: text))
    }
  }
}

extension TaskRecord {
  /// A piece of what the task prints, without the text.
  func outputTemplate(step: Int) -> OutputRecord {
    OutputRecord(
      namespace: id.namespace, checkpoint: checkpoint, step: step, node: id.nodeName, task: label,
      attempt: max(1, attempts), stream: .stdout, text: "")
  }
}

extension [TaskPool.Ended] {
  func records(of tasks: [TaskRecord]) -> [TaskRecord] { compactMap { $0.ahead ?? $0.index.map { tasks[$0] } } }
}

extension DueTask {
  /// Which fan-out the task belongs to: its sender and its node.
  var fanOutLabel: String? { item.map { "\($0.sender) \(id.node)" } }
}
