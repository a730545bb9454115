import Graph

extension TaskPool {
  /// What ended is stored at least so often while more is to come.
  private static let longestUnstored: Duration = .milliseconds(20)

  /// Whether none of the tasks takes any time, so that they need nobody who watches over them, nor each other's company.
  func areInstant(_ indices: [Int]) -> Bool {
    indices.allSatisfy { index in
      let node = node(index)
      return node.retry == nil && context.isInstant(node)
        && (indices.count == 1 || context.plan.isImmediate(node) && due[index].item?.parallel == nil)
    }
  }

  /// Runs them one after the other. To who looks on, all of them began together: one that fails keeps none from running.
  func runInTurn(_ indices: [Int], of tasks: inout [TaskRecord]) async throws(StoreError) -> [Ended] {
    var unstored: [Ended] = []
    var lastStored = ContinuousClock.now
    for index in indices {
      guard context.stop.level == .none, !Task.isCancelled else { break }
      let run = taskRun(index, tasks[index])
      let end = try await run.end(from: tasks[index])
      let others = run.changes(at: end)
      switch end {
      case .stopped(let record):
        tasks[index] = record
        if !others.isEmpty { unstored.append(Ended(index: nil, others: others, events: [])) }
      case .ended(let record):
        tasks[index] = record
        context.onLife()
        unstored.append(ended(index, record, others))
      }
      if indices.count > 1, index != indices.last, ContinuousClock.now - lastStored > Self.longestUnstored {
        try await store(unstored, of: tasks)
        unstored = []
        lastStored = .now
      }
    }
    return unstored
  }
}
