import Graph
import OrderedCollections

/// The nodes whose tasks need nobody who watches over them: they only compute, and whatever they do may be done again.
struct InlineKinds: Sendable {
  private let nodes: [NodeName: InlineNode]

  /// `nil` where the run stops between super-steps, tells of those that it does not store, or more than writes moves its state.
  init?(_ context: RunContext, _ options: RunOptions, _ durability: Durability) {
    let graph = context.plan.graph
    guard durability != .exit || !context.ledger.isHeard, !options.hasBreaks, context.mask.isEmpty,
      graph.channels.values.allSatisfy({ $0.reducer != .ephemeral })
    else { return nil }
    nodes = graph.nodes.values.reduce(into: [:]) { nodes, node in
      guard let kind = context.kinds[node.kind], kind.effectClass(of: node) == .pure, context.isInstant(node),
        context.plan.isImmediate(node), node.when == nil, node.approve == nil, node.retry == nil
      else { return }
      nodes[node.name] = InlineNode(kind, context.plan.planned(node.name))
    }
  }

  /// The one task that is due, where it may run inline.
  func node(of agenda: Agenda) -> InlineNode? {
    agenda.due.count == 1 ? nodes[agenda.due[0].id.nodeName] : nil
  }
}

final class InlineNode: Sendable {
  let kind: any NodeKind
  let planned: PlannedNode

  init(_ kind: any NodeKind, _ planned: PlannedNode) {
    self.kind = kind
    self.planned = planned
  }
}

extension ThreadRun {
  /// Runs a super-step of one such task, or, where none of them is stored by itself, one after the other as long as they come.
  /// A task about which anything is out of the ordinary is left to be run in the general way, from its beginning.
  ///
  /// - Returns: how many.
  mutating func runInline(atMost most: Int) async throws(StoreError) -> Int {
    guard let inline, records.isEmpty, ahead?.isIdle ?? true, inline.node(of: position.record.agenda) != nil
    else { return 0 }
    let desk = self.desk ?? InlineDesk(context, position.record)
    self.desk = desk
    var count = 0
    var step = Step()
    while count < most, context.stop.level == .none, !Task.isCancelled,
      let node = inline.node(of: position.record.agenda)
    {
      await options.beforeStep?()
      guard await compute(node, desk, &step) else {
        (messages, self.desk) = (MessagePlaces(), nil)
        break
      }
      count += 1
      guard durability == .exit else {
        try await land(step)
        return count
      }
      pass(step)
    }
    if count > 0 { try await landInline() }
    return count
  }

  /// A super-step whose changes are made in the state, and nowhere else yet.
  private struct Step {
    var result: JSON = .null
    var writes: [ChannelWrite] = []
    var triggers: [Trigger] = []
    var changes: [StateFold.Change] = []
    var gain = StateWeight.Gain(total: 0)
    var seconds: Double?
  }

  /// False, and nothing has changed, where there is more to the task.
  private mutating func compute(_ node: InlineNode, _ desk: InlineDesk, _ computed: inout Step) async -> Bool {
    let due = position.record.agenda.due[0]
    let start = durability == .exit ? nil : ContinuousClock.now
    var scope = context.scope(of: due, values: position.values, step: step, attempt: 1)
    guard await attempt(due, node, scope, desk, &computed), desk.isEmpty else { return false }
    let entries = computed.writes.map { StateFold.Entry(task: 0, id: due.id, writer: due.id.node, write: $0) }
    guard let changes = try? context.fold.changes(entries, in: position.values, &messages) else { return false }
    computed.changes = changes
    computed.gain = weight.gain(by: changes)
    guard weight.objection(to: computed.gain) == nil else { return false }
    // Nobody else holds the state now, so that it is changed where it is.
    scope.state = [:]
    let before = changes.map { position.values.before($0) }
    changes.apply(to: &position.values)
    scope.state = position.values
    scope.variables["result"] = computed.result
    guard let triggers = triggers(of: node.planned, in: scope) else {
      scope.state = [:]
      for (change, before) in zip(changes, before) { position.values.undo(change, to: before) }
      return false
    }
    computed.triggers = triggers
    computed.seconds = start.map { (ContinuousClock.now - $0).seconds }
    return true
  }

  private func triggers(of planned: PlannedNode, in scope: Scope) -> [Trigger]? {
    guard let next = planned.node.next else { return [] }
    return try? context.triggers(of: next, from: planned.node.name, in: scope)
  }

  /// False where the task fails or asks.
  private func attempt(
    _ due: DueTask, _ node: InlineNode, _ scope: Scope, _ desk: InlineDesk, _ computed: inout Step
  ) async -> Bool {
    let run = TaskRun(
      run: context, due: due, planned: node.planned, values: position.values, messages: messages, step: step,
      output: desk.output, memory: desk.memory)
    let writes: [ChannelWrite]?
    switch try? await node.kind.run(run.context(inlineRecord(of: due), attempt: 1, scope)) {
    case .result(let result)?:
      computed.result = result
      writes = try? run.landed(result, nil, attempt: 1)
    case .writes(let own)?:
      computed.result = .null
      writes = try? run.landed(.null, own, attempt: 1)
    case .ask?, nil: return false
    }
    guard let writes else { return false }
    computed.writes = writes
    return true
  }

  private func inlineRecord(of due: DueTask) -> TaskRecord {
    var task = TaskRecord(id: due.id, checkpoint: position.record.number, ordinal: 0, isFanOut: due.item != nil)
    task.attempts = 1
    return task
  }

  /// Tells of the super-step as of any, and stores it.
  private mutating func land(_ computed: Step) async throws(StoreError) {
    var task = inlineRecord(of: position.record.agenda.due[0])
    task.status = .done
    task.result = computed.result
    task.writes = computed.writes
    task.triggers = computed.triggers
    task.seconds = computed.seconds
    ledger.tell(.stepStart(step: step, nodes: [task.id.nodeName]))
    ledger.tell(.taskStart(step: step, node: task.id.nodeName, task: task.label, attempt: 1))
    accept(computed.gain)
    context.onLife()
    let ended = TaskPool.Ended(index: 0, events: ledger.events(task.endEvents(step: step, options.streams)))
    settle(at: agenda(after: [task.ended]), step: step, computed.changes.stored)
    _ = try await store([task], [ended])
  }

  /// Moves on to the next super-step, of which nothing is stored.
  private mutating func pass(_ computed: Step) {
    accept(computed.gain)
    for change in computed.changes where change.isStored { changed.append(change.delta.channel) }
    let node = position.record.agenda.due[0].id.nodeName
    position.record.agenda = agenda(after: [EndedTask(node: node, triggers: computed.triggers)])
    position.record.step += 1
  }

  private mutating func landInline() async throws(StoreError) {
    settle(at: position.record.agenda, step: position.record.step, [])
    header.status = position.record.agenda.due.isEmpty ? .done : .running
    try await ledger.stepEnded(
      tasks: [], others: [], checkpoint: position.record, values: position.values.storable(plan.graph.channels),
      header: header, telling: [])
  }
}

/// What tasks that run inline may use, all of them the same, as none of it is used: who does is run in the general way.
struct InlineDesk: Sendable {
  fileprivate let output: TaskOutput
  fileprivate let memory = TaskMemory()

  fileprivate init(_ context: RunContext, _ position: CheckpointRecord) {
    let first = TaskRecord(id: position.agenda.due[0].id, checkpoint: position.number, ordinal: 0)
    output = TaskOutput(template: first.outputTemplate(step: position.step + 1), mask: context.mask) { _, _ in }
  }

  fileprivate var isEmpty: Bool { output.isEmpty && memory.isEmpty }
}
