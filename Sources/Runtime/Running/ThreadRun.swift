public import Graph
import OrderedCollections

/// One stretch of a thread: super-step after super-step until it is done, fails, waits or is stopped.
struct ThreadRun: Sendable {
  let context: RunContext
  let options: RunOptions
  let durability: Durability
  var header: ThreadRecord

  /// The checkpoint whose due tasks run next. In durability `exit` it may be one that is not stored yet.
  var position: StoredCheckpoint

  /// What is known of the due tasks.
  private(set) var records: [TaskID: TaskRecord]

  /// The thread was begun by an earlier run.
  let isResume: Bool

  /// Durability `exit`: what the run began from, and what changed since.
  private let origin: Origin
  var changed: OrderedSet<ChannelName> = []
  var weight: StateWeight
  var hasComplained = false
  var messages = MessagePlaces()

  /// Whose super-steps are run where they are; `nil` where none are.
  let inline: InlineKinds?
  var desk: InlineDesk?

  /// What was started before its super-step; `nil` where nothing may be.
  var ahead: AheadRuns?

  private struct Origin {
    var checkpoint: Int
    var head: Int
  }

  init(
    context: RunContext, options: RunOptions, durability: Durability, header: ThreadRecord, position: StoredCheckpoint,
    tasks: [TaskRecord], isResume: Bool, looksBack: Bool
  ) {
    self.context = context
    self.isResume = isResume
    self.options = options
    self.durability = durability
    self.header = header
    self.position = position
    origin = Origin(checkpoint: position.record.number, head: header.head)
    weight = StateWeight(position.values.storable(context.plan.graph.channels))
    records = Dictionary(tasks.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    inline = InlineKinds(context, options, durability)
    ahead = Self.runsAhead(context, options, durability, looksBack: looksBack)
  }

  var plan: GraphPlan { context.plan }
  var ledger: NamespaceLedger { context.ledger }
  var step: Int { position.record.step + 1 }

  /// - Throws: ``StoreError`` when the store could not go on; what it holds is still whole.
  mutating func drive() async throws(StoreError) -> RunEnd {
    guard let crew = ahead?.crew else { return try await go() }
    let end: Result<RunEnd, StoreError> = await withTaskGroup { group in
      group.addTask { await crew.serve() }
      defer { crew.dismiss() }
      do throws(StoreError) {
        return .success(try await go())
      } catch {
        if error == .fenced { crew.cancel() }
        return .failure(error)
      }
    }
    return try end.get()
  }

  private mutating func go() async throws(StoreError) -> RunEnd {
    let allowance = options.maxSteps ?? plan.graph.maxSteps
    var stepsLeft = allowance
    while true {
      if position.record.agenda.due.isEmpty { return try await close(.done) }
      if context.stop.level > .none || Task.isCancelled { return try await close(.stopped) }
      guard stepsLeft > 0 else {
        let message =
          "max-steps: \(allowance) super-step\(allowance == 1 ? "" : "s") done with work left; resume goes on with a new allowance"
        return try await close(.failed, errors: [TaskError(kind: .limit, message: message)])
      }
      if isAtBreakpoint(isFirst: stepsLeft == allowance) { return try await close(.stopped) }
      if let error = historyLimit(allowance) { return try await close(.failed, errors: [error]) }
      passOnComplaint()
      let taken = try await runInline(atMost: stepsLeft)
      stepsLeft -= taken
      if taken > 0 { continue }
      stepsLeft -= 1
      let depth = min(stepsLeft, Foresight.farthest, checkpointsLeft(allowance) - 1)
      // Who asks a run to stop at a certain point is to find nothing begun behind it.
      ahead?.depth = options.hasBreaks ? 0 : depth
      await options.beforeStep?()
      if let end = try await superStep() { return end }
    }
  }

  // MARK: One super-step

  /// Runs what is due and not finished; `nil` when the thread moved on to the next super-step.
  private mutating func superStep() async throws(StoreError) -> RunEnd? {
    var tasks = dueRecords()
    let adopted = try await adopt(&tasks)
    let taken = Set(adopted.compactMap(\.index))
    let toRun = tasks.indices.filter { tasks[$0].needsRun && !taken.contains($0) }
    let toStart = toRun.filter { !(ahead?.running.contains(tasks[$0].id) ?? false) }
    if !toStart.isEmpty {
      ledger.tell(.stepStart(step: step, nodes: toStart.map { tasks[$0].id.nodeName }))
    }
    let ended = adopted + (try await pool(position.record.agenda).run(toRun, of: &tasks, ahead: &ahead))
    let errors = tasks.filter(\.hasFailed).compactMap(\.error)
    if !errors.isEmpty { return try await close(.failed, errors: errors, ended: ended, tasks: tasks) }
    if tasks.allSatisfy(\.isFinished) { return try await land(tasks, ended) }
    // What is in doubt because the time is up inside another graph is asked there, whatever else was ended with it.
    let isAsked = context.expiry() != nil && tasks.openQuestions.contains { $0.question.kind == .doubt }
    let isStopped = !isAsked && tasks.contains { !$0.isFinished && $0.status != .waiting }
    return try await close(isStopped ? .stopped : .waiting, ended: ended, tasks: tasks)
  }

  func pool(_ agenda: Agenda) -> TaskPool {
    TaskPool(
      context: context, agenda: agenda, values: position.values, messages: messages.fixed, step: step,
      head: header.head, grace: options.grace)
  }

  private func dueRecords() -> [TaskRecord] {
    // What the store has of a super-step that it does not have stands with what led there.
    let seen = durability == .exit ? origin.checkpoint : position.record.number
    return position.record.agenda.due.enumerated().map { ordinal, due in
      var record =
        records[due.id]
        ?? TaskRecord(id: due.id, checkpoint: 0, ordinal: 0, isFanOut: due.item != nil, status: .pending)
      record.ordinal = ordinal
      record.checkpoint = seen
      return record
    }
  }

  /// Applies the writes of the finished tasks and moves on. Where some do not go together, their writers fail, or go where
  /// their `on-error` leads; everyone else stays finished.
  private mutating func land(
    _ finished: [TaskRecord], _ ended: [TaskPool.Ended]
  ) async throws(StoreError) -> RunEnd? {
    var tasks = finished
    var losers: Set<Int> = []
    while true {
      do {
        let changes = try fold(tasks)
        advance(by: changes, after: tasks)
        return try await store(tasks, ending(ended, tasks, losers))
      } catch let conflicts as StateFold.Conflicts {
        losers.formUnion(lose(conflicts.all, &tasks))
      } catch {
        throw StoreError(error)
      }
      let failed = tasks.filter(\.hasFailed)
      guard failed.isEmpty else {
        return try await close(
          .failed, errors: failed.compactMap(\.error), ended: ending(ended, tasks, losers), tasks: tasks)
      }
    }
  }

  /// Stores the super-step that has led to where the thread stands now; its end where the run stops there.
  mutating func store(_ tasks: [TaskRecord], _ ended: [TaskPool.Ended]) async throws(StoreError) -> RunEnd? {
    let record = position.record
    let stopAfter = options.stopAfter
    let isReached =
      !stopAfter.isEmpty && tasks.contains { stopAfter.contains($0.id.nodeName) && $0.status != .failed }
    header.status = record.agenda.due.isEmpty ? .done : isReached ? .stopped : .running
    try await ledger.stepEnded(
      tasks: ended.records(of: tasks).map(plan.storable), others: ended.flatMap(\.others),
      checkpoint: record, values: position.values.storable(plan.graph.channels), header: header,
      telling: ledger.events(
        ended.flatMap(\.events)
          + [.checkpoint(checkpoint: record.number, step: record.step, next: record.agenda.nodes)]
          + (options.streams.contains(.values) ? [.values(step: record.step, position.values)] : [])))
    return isReached ? try await close(header.status) : nil
  }

  private mutating func advance(by changes: [StateFold.Change], after tasks: [TaskRecord]) {
    changes.apply(to: &position.values)
    settle(at: agenda(after: tasks.map(\.ended)), step: step, changes.stored)
    if durability != .exit { records = [:] }
  }

  /// What is due once those have ended that were.
  func agenda(after ended: [EndedTask]) -> Agenda {
    let old = position.record.agenda
    var mark = DueMark(checkpoint: header.head + 1)
    if durability == .exit {
      // Counted on from the tasks that just ran, so that what a run before this one recorded is found again.
      let ran = old.due[0].id.due
      mark = DueMark(checkpoint: ran.checkpoint, offset: ran.offset + 1)
    }
    return plan.agenda(after: ended, arrivals: old.arrivals, deferred: old.deferred, mark: mark)
  }

  /// Moves on to the checkpoint at which `agenda` is due, and the state is what it is now.
  mutating func settle(at agenda: Agenda, step: Int, _ deltas: [ChannelDelta]) {
    var deltas = deltas
    var number = header.head + 1
    var parent = position.record.number
    if durability == .exit {
      changed.formUnion(deltas.map(\.channel))
      number = origin.head + 1
      parent = origin.checkpoint
      deltas = changed.map { channel in
        ChannelDelta(channel, position.values[channel.rawValue].map(ChannelDelta.Change.set) ?? .unset)
      }
    }
    position.record = CheckpointRecord(
      namespace: context.namespace, number: number, parent: parent, step: step, source: .step,
      created: context.clock.now(), agenda: agenda, deltas: deltas)
    ahead?.landed(number)
    header.head = number
    header.step = step
    header.next = agenda.nodes
    header.error = nil
    header.updated = position.record.created
  }

  // MARK: The end of the run

  /// Stores how the run ended. `tasks` are those of the super-step that did not land, if one did not.
  private mutating func close(
    _ status: ThreadStatus, errors: [TaskError] = [], ended: [TaskPool.Ended] = [], tasks: [TaskRecord]? = nil
  ) async throws(StoreError) -> RunEnd {
    let ended = try await waitForAhead(storing: ended, of: tasks ?? [])
    let isStored = header.status == status && tasks == nil && durability != .exit && errors.isEmpty && ended.isEmpty
    let tasks = tasks ?? dueRecords()
    header.status = status
    header.error = errors.first
    header.next = tasks.filter { !$0.isFinished }.map(\.id.nodeName)
    if isStored {
      try await ledger.settle()
    } else {
      header.updated = context.clock.now()
      let changed =
        durability == .exit
        ? (tasks.filter { $0.status != .pending } + unreached()).map(atHead) : ended.records(of: tasks)
      try await ledger.close(
        tasks: changed.map(plan.storable), others: ended.flatMap(\.others), header: header,
        telling: ended.flatMap(\.events))
    }
    tellOfAhead()
    let values = position.values.adding(tasks, channels: plan.graph.channels, thread: context.thread)
    return RunEnd(
      status: status, checkpoint: header.head, step: header.step, values: values,
      outputs: await plan.graph.outputs(of: values),
      next: header.next, error: errors.first, errors: errors, interrupts: tasks.openQuestions,
      signal: status == .stopped ? context.stop.signal : nil)
  }
}

extension ThreadRun {
  /// Durability `exit`: attempts that an earlier run recorded for super-steps this one has not come to yet, kept with the
  /// new head so that they are found in doubt when it does.
  private func unreached() -> [TaskRecord] {
    guard let here = position.record.agenda.due.first?.id.due else { return [] }
    return records.values.filter { $0.status == .started && $0.id.due.offset > here.offset }
  }

  /// `record` as one that sees the newest checkpoint.
  private func atHead(_ record: TaskRecord) -> TaskRecord {
    var record = record
    record.checkpoint = header.head
    return record
  }
}

extension TaskRecord {
  /// Nothing is left to do for it in its super-step.
  var isFinished: Bool {
    switch status {
    case .done, .skipped, .cached: true
    case .failed: handler != nil
    case .pending, .started, .waiting: false
    }
  }

  /// Nothing is left to try, and nobody handles it.
  var hasFailed: Bool { status == .failed && handler == nil && notBefore == nil }

  var needsRun: Bool {
    switch status {
    case .done, .skipped, .cached: false
    case .failed: handler == nil
    case .pending, .started: true
    case .waiting:
      questions.allSatisfy { $0.origin != nil || $0.answer != nil }
        && (questions.allSatisfy { $0.origin == nil } || !answersForInside.isEmpty)
    }
  }

  var ended: EndedTask {
    EndedTask(node: id.nodeName, triggers: triggers, failure: failure)
  }

  /// What is told when the task has ended.
  func endEvents(step: Int, _ streams: Set<StreamMode>) -> [RunEvent.Kind] {
    let end = RunEvent.Kind.taskEnd(
      step: step, node: id.nodeName, task: label, status: status, seconds: seconds ?? 0, error: error)
    // What is asked inside was told there.
    let questions = [self].openQuestions.filter { $0.question.origin == nil }.map {
      RunEvent.Kind.interrupt(node: $0.node, task: $0.task, question: $0.question)
    }
    guard streams.contains(.updates), !writes.isEmpty else { return [end] + questions }
    return [end, .updates(step: step, node: id.nodeName, task: label, writes)] + questions
  }

  private var failure: (handler: NodeName, error: TaskError)? {
    guard let handler, let error, status == .failed else { return nil }
    return (handler, error)
  }
}

extension [TaskRecord] {
  /// The finished tasks' writes, in the order they land.
  var entries: [StateFold.Entry] {
    enumerated().filter { $0.element.isFinished && $0.element.status != .failed }.flatMap { index, record in
      record.writes.map { StateFold.Entry(task: index, id: record.id, writer: record.label, write: $0) }
    }
  }
}

extension JSONObject {
  /// This state with the writes of the finished among `tasks`; a channel in which they do not go together stays as it is.
  func adding(
    _ tasks: [TaskRecord], channels: OrderedDictionary<ChannelName, ChannelDefinition>, thread: ThreadID
  ) -> JSONObject {
    let fold = StateFold(channels: channels, thread: thread)
    var entries = tasks.entries
    while !entries.isEmpty {
      do throws(StateFold.Conflicts) {
        return try fold.apply(entries, to: self, ends: false).values
      } catch {
        let refused = Set(error.all.map(\.channel))
        entries.removeAll { refused.contains($0.write.channel) }
      }
    }
    return self
  }

  /// Without what is never stored.
  func storable(_ channels: OrderedDictionary<ChannelName, ChannelDefinition>) -> JSONObject {
    var stored = self
    for channel in channels.values where channel.reducer == .untracked {
      stored.removeValue(forKey: channel.name.rawValue)
    }
    return stored
  }
}

extension Agenda {
  /// The due nodes, one entry per task.
  public var nodes: [NodeName] { due.map(\.id.nodeName) }
}

extension StateGraph {
  /// What programs and parents get back for `values`; `nil` where the graph declares no outputs or one fails on it.
  public func outputs(of values: JSONObject) async -> JSONObject? {
    guard let outputs else { return nil }
    var object = JSONObject()
    for (name, field) in outputs {
      let value = try? await Evaluation.run(isImmediate: field.isImmediate) {
        try field.evaluate(in: Scope(state: values))
      }
      guard let value else { return nil }
      object[name] = value
    }
    return object
  }
}
