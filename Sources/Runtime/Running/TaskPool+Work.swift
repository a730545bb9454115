import Graph

extension TaskPool {
  /// What is queued, running and ended.
  struct Work {
    let pool: TaskPool
    var queue: [Int]
    var tasks: [TaskRecord]
    var ahead: AheadRuns?
    private(set) var running = 0
    private var runningByFanOut: [String: Int] = [:]

    /// Queued or running.
    private(set) var inProgress: Set<Int>

    /// Running since before their super-step came.
    var joined: Set<Int> = []
    var failure: StoreError?

    /// What ended and waits to be stored: all of it at once, when what is being stored is.
    var unstored: [Ended] = []
    var isStoring = false
    private var hasFailed = false

    init(pool: TaskPool, queue: [Int], tasks: [TaskRecord], ahead: AheadRuns?) {
      self.pool = pool
      self.queue = queue
      self.tasks = tasks
      self.ahead = ahead
      inProgress = Set(queue)
    }

    /// Something runs that is to be waited for.
    var hasMore: Bool {
      running > 0 || !(ahead?.running.isEmpty ?? true) && (tasks.isEmpty || tasks.contains { !$0.isFinished })
    }

    /// Whether anything may be started.
    var mayStart: Bool { !hasFailed && mayGoOn }

    /// Whether what has been started may go on, whichever of its siblings has failed.
    var mayGoOn: Bool { failure == nil && pool.context.stop.level == .none && !Task.isCancelled }

    mutating func take(_ signal: Signal, in group: inout TaskGroup<Signal>) async {
      switch signal {
      case .watchEnded: return
      case .stored(let error):
        stored(error, in: &group)
        await startAhead(in: &group)
      case .overdue(let index): expire(index, in: &group)
      case .cancel: cancel(&group)
      case .ended(let index, let result, let others): take(index, result, others, in: &group)
      case .endedAhead:
        watchAhead(in: &group)
        takeAhead(in: &group)
        await startAhead(in: &group)
      }
    }

    /// Starts what may start now: nothing after a failure or a stop, and no more of a fan-out than its `parallel`.
    mutating func startMore(in group: inout TaskGroup<Signal>) {
      guard mayStart else {
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

    mutating func start(_ index: Int, in group: inout TaskGroup<Signal>) {
      enter(index)
      if ahead?.running.contains(pool.due[index].id) ?? false {
        joined.insert(index)
        return
      }
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
      enter(index)
      take(index, .success(.ended(record)), [], in: &group)
    }

    private mutating func enter(_ index: Int) {
      running += 1
      if let fanOut = pool.due[index].fanOutLabel { runningByFanOut[fanOut, default: 0] += 1 }
    }

    mutating func leave(_ index: Int) {
      running -= 1
      if let fanOut = pool.due[index].fanOutLabel { runningByFanOut[fanOut, default: 0] -= 1 }
    }

    mutating func take(
      _ index: Int, _ result: Result<TaskRun.End, StoreError>, _ others: [StoreChange],
      in group: inout TaskGroup<Signal>
    ) {
      leave(index)
      inProgress.remove(index)
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
    mutating func store(in group: inout TaskGroup<Signal>) {
      guard failure == nil, !isStoring, hasMore, !unstored.isEmpty else { return }
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

    mutating func fail(_ error: StoreError, in group: inout TaskGroup<Signal>) {
      failure = failure ?? error
      if error == .fenced { cancel(&group) }
    }

    private func cancel(_ group: inout TaskGroup<Signal>) {
      group.cancelAll()
      ahead?.crew.cancel()
    }
  }
}
