import Graph

extension TaskPool {
  /// Whether none of the tasks takes any time, so that they need nobody who watches over them, nor each other's company.
  func areInstant(_ indices: [Int]) -> Bool {
    // Neighbours are mostly of one fan-out: each node is looked at once.
    var last: NodeName?
    return indices.allSatisfy { index in
      if indices.count > 1, due[index].item?.parallel != nil { return false }
      let name = due[index].id.nodeName
      if name == last { return true }
      last = name
      let node = node(index)
      return node.retry == nil && context.isInstant(node) && (indices.count == 1 || context.plan.isImmediate(node))
    }
  }

  /// Runs them one after the other. To who looks on, all of them began together: one that fails keeps none from running.
  func runInTurn(_ indices: [Int], of tasks: inout [TaskRecord]) async throws(StoreError) -> [Ended] {
    guard indices.count > 1 else {
      var turn = Turn(pool: self, tasks: tasks)
      for index in indices where turn.mayStart { try await turn.run(index) }
      tasks = turn.tasks
      return turn.unstored
    }
    let result: Result<Turn, StoreError> = await withTaskGroup(of: StoreError?.self) { [tasks] group in
      var turn = Turn(pool: self, tasks: tasks)
      do throws(StoreError) {
        for index in indices where turn.mayStart {
          try await turn.run(index)
          if turn.isStoreDue, index != indices.last { try await turn.store(in: &group) }
        }
        try await turn.waitForStoring(in: &group)
      } catch {
        return .failure(error)
      }
      return .success(turn)
    }
    let turn = try result.get()
    tasks = turn.tasks
    return turn.unstored
  }

  private func store(_ ended: [Ended], _ records: [TaskRecord]) async throws(StoreError) {
    try await context.ledger.tasksEnded(
      records.map(context.plan.storable), others: ended.flatMap(\.others), telling: ended.flatMap(\.events))
  }

  /// How far tasks that run one after the other have come.
  private struct Turn {
    let pool: TaskPool
    var tasks: [TaskRecord]
    var unstored: [Ended] = []
    private var isStoring = false
    private var lastStored = ContinuousClock.now

    /// What ended is stored at least so often while more is to come.
    private static let longestUnstored: Duration = .milliseconds(20)

    init(pool: TaskPool, tasks: [TaskRecord]) {
      self.pool = pool
      self.tasks = tasks
    }

    var mayStart: Bool { pool.context.stop.level == .none && !Task.isCancelled }
    var isStoreDue: Bool { ContinuousClock.now - lastStored > Self.longestUnstored }

    mutating func run(_ index: Int) async throws(StoreError) {
      let run = pool.taskRun(index, tasks[index])
      let end = try await run.end(from: tasks[index])
      let others = run.changes(at: end)
      switch end {
      case .stopped(let record):
        tasks[index] = record
        if !others.isEmpty { unstored.append(Ended(index: nil, others: others, events: [])) }
      case .ended(let record):
        tasks[index] = record
        pool.context.onLife()
        unstored.append(pool.ended(index, record, others))
      }
    }

    /// Stores what has ended, while the next ones run.
    mutating func store(in group: inout TaskGroup<StoreError?>) async throws(StoreError) {
      try await waitForStoring(in: &group)
      let (records, ended) = (unstored.records(of: tasks), unstored)
      unstored = []
      lastStored = .now
      isStoring = true
      group.addTask { [pool] in
        do throws(StoreError) {
          try await pool.store(ended, records)
          return nil
        } catch {
          return error
        }
      }
    }

    mutating func waitForStoring(in group: inout TaskGroup<StoreError?>) async throws(StoreError) {
      guard isStoring else { return }
      isStoring = false
      if let result = await group.next(), let error = result { throw error }
    }
  }
}
