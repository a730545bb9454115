import Graph

extension ThreadRun {
  /// What may start before its super-step in such a run; `nil` is nothing, and nothing did in an earlier one. Durability
  /// `exit` numbers super-steps that it does not store.
  static func runsAhead(
    _ context: RunContext, _ options: RunOptions, _ durability: Durability, looksBack: Bool
  ) -> AheadRuns? {
    let graph = context.plan.graph
    // Of a graph without a text nobody knows whether it still is the one that an earlier run ran.
    let looksBack = looksBack && graph.source != nil
    guard graph.schedule == .ahead, durability != .exit, looksBack || !options.hasBreaks,
      let foresight = Foresight(context.plan, context.kinds, environment: context.userEnvironment)
    else { return nil }
    return AheadRuns(foresight, looksBack: looksBack)
  }

  /// Takes over how those of the due tasks ended that were done before their super-step came and saw what they see now. The
  /// others begin anew.
  ///
  /// - Returns: those taken over, to be stored as ended.
  mutating func adopt(_ tasks: inout [TaskRecord]) async throws(StoreError) -> [TaskPool.Ended] {
    guard let foresight = ahead?.foresight else { return [] }
    var adopted: [TaskPool.Ended] = []
    for (index, due) in position.record.agenda.due.enumerated() where tasks[index].status == .pending {
      var known = ahead?.take(due.id)
      if known == nil { known = try await ahead?.earlier(due.id, in: context, head: header.head) }
      guard let record = known, foresight.holds(record, of: due, in: position.values, step: step) else { continue }
      tasks[index] = record.inPlace(of: tasks[index])
      if record.isUnderWay { continue }
      let events = record.ahead?.isTold ?? false ? [] : tasks[index].endEvents(step: step, context.options.streams)
      adopted.append(TaskPool.Ended(index: index, events: ledger.events(events)))
    }
    return adopted
  }

  /// Tells of what failed before its super-step, which does not come in this run.
  func tellOfAhead() {
    for record in ahead?.untold ?? [] {
      let events = record.endEvents(step: step + record.checkpoint - header.head, context.options.streams)
      for event in events { ledger.tell(event) }
    }
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
