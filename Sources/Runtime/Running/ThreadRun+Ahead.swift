import Graph

extension ThreadRun {
  /// What may start before its super-step in such a run; `nil` is nothing. Who asks a run to stop at a certain point is to
  /// find nothing begun behind it, and durability `exit` numbers super-steps that it does not store.
  static func runsAhead(
    _ context: RunContext, _ options: RunOptions, _ durability: Durability, looksBack: Bool
  ) -> AheadRuns? {
    let graph = context.plan.graph
    guard graph.schedule == .ahead, durability != .exit, options.breakBefore.isEmpty,
      options.stopAfter.isEmpty, let foresight = Foresight(context.plan, context.kinds)
    else { return nil }
    // Of a graph without a text nobody knows whether it still is the one that an earlier run ran.
    return AheadRuns(foresight, looksBack: looksBack && graph.source != nil)
  }

  /// Takes over how those of the due tasks ended that were done before their super-step came and saw what they see now. The
  /// others begin anew.
  ///
  /// - Returns: those taken over, to be stored as ended.
  mutating func adopt(_ tasks: inout [TaskRecord]) async throws(StoreError) -> [TaskPool.Ended] {
    guard let foresight = ahead?.foresight else { return [] }
    var adopted: [TaskPool.Ended] = []
    for (index, due) in position.record.agenda.due.enumerated() where tasks[index].status == .pending {
      var ended = ahead?.take(due.id)
      if ended == nil { ended = try await earlierEnd(of: due.id) }
      guard let record = ended, foresight.holds(record, of: due, in: position.values, step: step) else { continue }
      tasks[index] = record.inPlace(of: tasks[index])
      let events = record.ahead?.isTold ?? false ? [] : tasks[index].endEvents(step: step, context.options.streams)
      adopted.append(TaskPool.Ended(index: index, events: ledger.events(events)))
    }
    return adopted
  }

  private func earlierEnd(of id: TaskID) async throws(StoreError) -> TaskRecord? {
    guard let ahead, ahead.looksBack, !ahead.running.contains(id) else { return nil }
    return try await ledger.taskAhead(id, head: header.head)
  }

  /// Waits for what still runs ahead, as siblings are waited for. What `ended` before is stored first.
  ///
  /// - Returns: what is left to be stored with the end of the run.
  mutating func waitForAhead(
    storing ended: [TaskPool.Ended], of tasks: [TaskRecord]
  ) async throws(StoreError) -> [TaskPool.Ended] {
    guard !(ahead?.running.isEmpty ?? true) else { return ended }
    let pool = pool(Agenda())
    if !ended.isEmpty { try await pool.store(ended, of: tasks) }
    var none: [TaskRecord] = []
    return try await pool.run([], of: &none, ahead: &ahead)
  }
}
