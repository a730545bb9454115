import Graph

/// Runs the tasks of one super-step side by side.
struct TaskPool: Sendable {
  let context: RunContext
  let due: [DueTask]
  let values: JSONObject

  /// Where messages stand in `values`.
  let messages: MessagePlaces
  let step: Int

  /// How long running tasks may go on after the run was asked to stop.
  let grace: Duration

  /// A task that has ended and is not stored yet.
  struct Ended: Sendable {
    /// Place among the super-step's tasks; `nil` for one that was stopped, which is stored already.
    var index: Int?

    /// What is stored besides the task.
    var others: [StoreChange]
    var events: [RunEvent.Kind]
  }

  private enum Signal: Sendable {
    case ended(Int, Result<TaskRun.End, StoreError>, [StoreChange])
    case stored(StoreError?)
    /// A task's wait for its turn has lasted as long as it may.
    case overdue(Int)
    case cancel
    case watchEnded
  }

  /// Runs those at `indices` as far as failures and stops allow, and stores them as they end.
  ///
  /// - Returns: those that are left to be stored together with the super-step's end: the last, and what ended while
  ///   others were being stored.
  /// - Throws: ``StoreError`` once everything that ran has ended.
  func run(_ indices: [Int], of tasks: inout [TaskRecord]) async throws(StoreError) -> [Ended] {
    if areInstant(indices) { return try await runInTurn(indices, of: &tasks) }
    let (records, unstored, failure) = await withTaskGroup(of: Signal.self) { [tasks] group in
      var work = Work(pool: self, queue: indices, tasks: tasks)
      group.addTask { await watchForStop() }
      work.startMore(in: &group)
      work.watchQueue(in: &group)
      while work.running > 0 || work.isStoring, let signal = await group.next() {
        switch signal {
        case .watchEnded: continue
        case .stored(let error): work.stored(error, in: &group)
        case .overdue(let index): work.expire(index, in: &group)
        case .cancel: group.cancelAll()
        case .ended(let index, let result, let others):
          work.take(index, result, others, in: &group)
        }
      }
      group.cancelAll()
      return (work.tasks, work.unstored, work.failure)
    }
    tasks = records
    if let failure { throw failure }
    return unstored
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
      group.addTask { try? await Task.sleep(for: grace) }
      group.addTask { await context.stop.reached(.urgent) }
      await group.next()
      group.cancelAll()
    }
    return Task.isCancelled ? .watchEnded : .cancel
  }

  /// What is queued, running and ended.
  private struct Work {
    let pool: TaskPool
    var queue: [Int]
    var tasks: [TaskRecord]
    var running = 0
    var runningByFanOut: [String: Int] = [:]
    var failure: StoreError?

    /// What ended and waits to be stored: all of it at once, when what is being stored is.
    var unstored: [Ended] = []
    var isStoring = false
    var hasFailed = false

    /// Starts what may start now: nothing after a failure or a stop, and no more of a fan-out than its `parallel`.
    mutating func startMore(in group: inout TaskGroup<Signal>) {
      guard !hasFailed, failure == nil, pool.context.stop.level == .none, !Task.isCancelled else {
        queue = []
        return
      }
      var waiting: [Int] = []
      for index in queue {
        let due = pool.due[index]
        if let fanOut = due.fanOutLabel, let limit = due.item?.parallel, runningByFanOut[fanOut, default: 0] >= limit {
          waiting.append(index)
          continue
        }
        start(index, in: &group)
      }
      queue = waiting
    }

    private mutating func start(_ index: Int, in group: inout TaskGroup<Signal>) {
      running += 1
      if let fanOut = pool.due[index].fanOutLabel { runningByFanOut[fanOut, default: 0] += 1 }
      let run = pool.taskRun(index, tasks[index])
      group.addTask { [record = tasks[index]] in
        do throws(StoreError) {
          let end = try await run.end(from: record)
          return .ended(index, .success(end), run.changes(at: end))
        } catch {
          return .ended(index, .failure(error), [])
        }
      }
    }

    /// Watches how long those wait that did not get a turn at once.
    func watchQueue(in group: inout TaskGroup<Signal>) {
      for index in queue {
        guard let limit = pool.node(index).queue else { continue }
        group.addTask {
          do {
            try await Task.sleep(for: limit)
          } catch {
            return .watchEnded
          }
          return .overdue(index)
        }
      }
    }

    /// Fails a task that still waits for its turn.
    mutating func expire(_ index: Int, in group: inout TaskGroup<Signal>) {
      guard let place = queue.firstIndex(of: index), let limit = pool.node(index).queue else { return }
      queue.remove(at: place)
      var record = tasks[index]
      pool.taskRun(index, record).fail(
        &record, NodeFailure(.timeout, "it did not get its turn within \(limit.readable) (queue)", precedesEffect: true)
      )
      running += 1
      if let fanOut = pool.due[index].fanOutLabel { runningByFanOut[fanOut, default: 0] += 1 }
      take(index, .success(.ended(record)), [], in: &group)
    }

    mutating func take(
      _ index: Int, _ result: Result<TaskRun.End, StoreError>, _ others: [StoreChange],
      in group: inout TaskGroup<Signal>
    ) {
      running -= 1
      if let fanOut = pool.due[index].fanOutLabel { runningByFanOut[fanOut, default: 0] -= 1 }
      switch result {
      case .failure(let error): fail(error, in: &group)
      case .success(.stopped(let record)):
        tasks[index] = record
        if !others.isEmpty { unstored.append(Ended(index: nil, others: others, events: [])) }
      case .success(.ended(let record)):
        tasks[index] = record
        pool.context.onLife()
        if record.status == .failed, record.handler == nil { hasFailed = true }
        startMore(in: &group)
        unstored.append(pool.ended(index, record, others))
      }
      store(in: &group)
    }

    /// Stores what has ended while others still run.
    private mutating func store(in group: inout TaskGroup<Signal>) {
      guard failure == nil, !isStoring, running > 0, !unstored.isEmpty else { return }
      isStoring = true
      group.addTask { [pool, unstored, tasks] in
        do throws(StoreError) {
          try await pool.store(unstored, of: tasks)
          return .stored(nil)
        } catch {
          return .stored(error)
        }
      }
      unstored = []
    }

    mutating func stored(_ error: StoreError?, in group: inout TaskGroup<Signal>) {
      isStoring = false
      if let error { fail(error, in: &group) }
      store(in: &group)
    }

    private mutating func fail(_ error: StoreError, in group: inout TaskGroup<Signal>) {
      failure = failure ?? error
      if error == .fenced { group.cancelAll() }
    }
  }

  func node(_ index: Int) -> Node { context.plan.node(due[index].id.nodeName) }

  func taskRun(_ index: Int, _ record: TaskRecord) -> TaskRun {
    let due = due[index]
    let node = due.id.nodeName
    let label = record.label
    let template = OutputRecord(
      namespace: context.namespace, checkpoint: record.checkpoint, step: step, node: node, task: label,
      attempt: max(1, record.attempts),
      stream: .stdout, text: "")
    let output = TaskOutput(template: template, mask: context.mask) { [context] stream, text in
      context.onLife()
      context.ledger.tell(.taskOutput(node: node, task: label, stream: stream, text: text))
    }
    return TaskRun(
      run: context, due: due, node: context.plan.node(node), values: values, messages: messages, step: step,
      output: output)
  }
}

extension [TaskPool.Ended] {
  func records(of tasks: [TaskRecord]) -> [TaskRecord] { compactMap(\.index).map { tasks[$0] } }
}

extension DueTask {
  /// Which fan-out the task belongs to: its sender and its node.
  fileprivate var fanOutLabel: String? { item.map { "\($0.sender) \(id.node)" } }
}
