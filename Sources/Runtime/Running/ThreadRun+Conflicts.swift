import Graph

extension ThreadRun {
  /// What the finished tasks' writes change.
  mutating func fold(_ tasks: [TaskRecord]) throws(StateFold.Conflicts) -> [StateFold.Change] {
    do throws(StateFold.Conflicts) {
      let changes = try context.fold.changes(tasks.entries, in: position.values, &messages)
      let refusal = weigh(changes) { channel in
        tasks.indices.filter { tasks[$0].writes.contains { $0.channel == channel } }
      }
      if let refusal { throw StateFold.Conflicts(all: [refusal]) }
      return changes
    } catch {
      messages = MessagePlaces()
      throw error
    }
  }

  /// Fails those whose writes do not go together; which they were.
  func lose(_ conflicts: [StateFold.Conflict], _ tasks: inout [TaskRecord]) -> Set<Int> {
    var losers: Set<Int> = []
    for conflict in conflicts {
      for index in conflict.tasks where tasks[index].status != .failed {
        let handler = plan.node(tasks[index].id.nodeName).onError
        tasks[index].fail(conflict, handler: handler, keepingResult: handler == nil && isOnce(tasks[index]))
        let node = plan.node(tasks[index].id.nodeName)
        tasks[index].forgetAnswers(after: conflict.kind, of: context.kinds[node.kind], node)
        losers.insert(index)
      }
    }
    precondition(!losers.isEmpty, "what does not go together was written by tasks that finished")
    return losers
  }

  /// What is left to store of `ended` and of those that failed only once their writes met.
  func ending(_ ended: [TaskPool.Ended], _ tasks: [TaskRecord], _ losers: Set<Int>) -> [TaskPool.Ended] {
    guard !losers.isEmpty else { return ended }
    let lost = losers.sorted().map { index in
      TaskPool.Ended(
        index: index, others: ended.first { $0.index == index }?.others.withoutMemory ?? [],
        events: ledger.events(tasks[index].endEvents(step: step, context.options.streams)))
    }
    return ended.filter { !($0.index.map(losers.contains) ?? false) } + lost
  }

  private func isOnce(_ task: TaskRecord) -> Bool {
    let node = plan.node(task.id.nodeName)
    return context.kinds[node.kind]?.effectClass(of: node) == .once
  }
}

extension TaskRecord {
  /// Fails because of what its writes do beside others'. The result of an effect that may not happen again is kept.
  mutating func fail(_ conflict: StateFold.Conflict, handler: NodeName?, keepingResult: Bool) {
    if keepingResult { kept = result }
    self.handler = handler
    status = .failed
    error = TaskError(
      node: id.nodeName, task: isFanOut ? label : nil, kind: conflict.kind, message: conflict.message)
    writes = []
    triggers = []
  }
}
