import Graph
import OrderedCollections

/// The nodes whose super-steps need no record where nothing of them is stored and nobody is told: they only compute, and
/// whatever they do may be done again.
struct InlineKinds: Sendable {
  private let kinds: [NodeName: any NodeKind]

  /// `nil` where the super-steps of a run are stored, told or stopped between.
  init?(_ context: RunContext, _ options: RunOptions, _ durability: Durability) {
    let graph = context.plan.graph
    guard durability == .exit, !context.ledger.isHeard, !options.hasBreaks, context.mask.isEmpty,
      graph.channels.values.allSatisfy({ $0.reducer != .ephemeral })
    else { return nil }
    kinds = graph.nodes.values.reduce(into: [:]) { kinds, node in
      guard let kind = context.kinds[node.kind], kind.effectClass(of: node) == .pure, context.isInstant(node),
        context.plan.isImmediate(node), node.when == nil, node.approve == nil, node.retry == nil
      else { return }
      kinds[node.name] = kind
    }
  }

  subscript(node: NodeName) -> (any NodeKind)? { kinds[node] }
}

extension ThreadRun {
  /// Runs super-steps of one such task one after the other, as long as they come. A task about which anything is out of the
  /// ordinary is left to be run in the general way, from its beginning.
  ///
  /// - Returns: how many.
  mutating func runInline(atMost most: Int) async throws(StoreError) -> Int {
    guard let inline, records.isEmpty, dueKind(inline) != nil else { return 0 }
    let desk = InlineDesk(context, position.record)
    var count = 0
    while count < most, context.stop.level == .none, !Task.isCancelled, let kind = dueKind(inline) {
      await options.beforeStep?()
      guard await stepInline(kind, desk) else { break }
      count += 1
    }
    if count > 0 { try await landInline() }
    return count
  }

  /// The kind of the one task that is due, where it may run inline.
  private func dueKind(_ inline: InlineKinds) -> (any NodeKind)? {
    let due = position.record.agenda.due
    return due.count == 1 ? inline[due[0].id.nodeName] : nil
  }

  /// - Returns: false where there is more to the task, and nothing has changed.
  private mutating func stepInline(_ kind: any NodeKind, _ desk: InlineDesk) async -> Bool {
    let due = position.record.agenda.due[0]
    let node = plan.node(due.id.nodeName)
    guard let computed = await attempt(due, node, kind, desk), let ended = take(computed, of: due, node) else {
      messages = MessagePlaces()
      return false
    }
    position.record.agenda = agenda(after: [ended])
    position.record.step += 1
    return true
  }

  /// What a task that only computes came to.
  private struct Computed {
    var result: JSON = .null
    var writes: [ChannelWrite]
  }

  /// `nil` where the task fails, asks, or leaves more than a result.
  private func attempt(_ due: DueTask, _ node: Node, _ kind: any NodeKind, _ desk: InlineDesk) async -> Computed? {
    let run = TaskRun(
      run: context, due: due, node: node, values: position.values, messages: messages, step: step,
      output: desk.output, memory: desk.memory)
    let record = TaskRecord(id: due.id, checkpoint: position.record.number, ordinal: 0)
    guard let end = try? await kind.run(run.context(record, attempt: 1)), desk.isEmpty else { return nil }
    switch end {
    case .result(let result):
      return (try? run.landed(result, nil, attempt: 1)).map { Computed(result: result, writes: $0) }
    case .writes(let writes): return (try? run.landed(.null, writes, attempt: 1)).map { Computed(writes: $0) }
    case .ask: return nil
    }
  }

  /// Moves the state on. Nobody else holds it here, so that a list that grows is added to in place.
  ///
  /// - Returns: `nil`, and nothing has changed, where it does not do.
  private mutating func take(_ computed: Computed, of due: DueTask, _ node: Node) -> EndedTask? {
    let entries = computed.writes.map { StateFold.Entry(task: 0, id: due.id, writer: due.id.node, write: $0) }
    guard let changes = try? context.fold.changes(entries, in: position.values, &messages),
      let triggers = triggers(of: computed, after: changes, due, node), weigh(changes, by: { _ in [0] }) == nil
    else { return nil }
    changes.apply(to: &position.values)
    for change in changes where change.isStored { changed.append(change.delta.channel) }
    return EndedTask(node: node.name, triggers: triggers)
  }

  private func triggers(
    of computed: Computed, after changes: [StateFold.Change], _ due: DueTask, _ node: Node
  ) -> [Trigger]? {
    guard let next = node.next else { return [] }
    let state = plan.state(position.values, after: changes, for: node)
    return try? context.triggers(of: next, from: due, on: state, result: computed.result, step: step, attempt: 1)
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
private struct InlineDesk {
  let output: TaskOutput
  let memory = TaskMemory()

  init(_ context: RunContext, _ position: CheckpointRecord) {
    let first = TaskRecord(id: position.agenda.due[0].id, checkpoint: position.number, ordinal: 0)
    output = context.output(of: first, step: position.step + 1)
  }

  var isEmpty: Bool { output.isEmpty && memory.isEmpty }
}
