public import Graph
import OrderedCollections

/// A change to a thread's state made from outside a run.
public struct StateUpdate: Sendable {
  /// Values by channel; they go through the reducers.
  public var values: JSONObject

  /// As if this node had written them: its edges are followed and what was due is dropped. `nil` keeps what is due.
  public var node: NodeName?

  public init(values: JSONObject = [:], node: NodeName? = nil) {
    self.values = values
    self.node = node
  }
}

extension Engine {
  /// Grows a branch from checkpoint `number` of `thread`; nothing before it changes and nothing runs (DESIGN rule 13).
  ///
  /// - Returns: the header after it; its head is the new checkpoint.
  /// - Throws: ``RunRefusal`` when there is no such checkpoint or the update does not fit.
  public func fork(
    _ thread: ThreadID, at number: Int, update: StateUpdate = StateUpdate(), graph: StateGraph
  )
    async throws -> ThreadRecord
  {
    try await withKnownThread(thread) { fence in
      guard let header = try await store.thread(thread) else { throw RunRefusal.unknownThread(thread) }
      let position = try await forkPoint(header, number, update, graph)
      let branch = try await branch(header, from: position, update, source: .fork, graph: graph)
      try await store.commit(branch.changes, fence: fence)
      return branch.header
    }
  }

  /// The state to fork from, once nothing speaks against going on from there with `graph`.
  func forkPoint(
    _ header: ThreadRecord, _ number: Int, _ update: StateUpdate, _ graph: StateGraph
  ) async throws -> StoredCheckpoint {
    let position = try await store.existing(number, of: header).with(defaultsOf: graph)
    let objections = GraphChange.objections(
      to: graph, at: position, from: try await earlierGraph(header), keepsDue: update.node == nil)
    guard objections.isEmpty else { throw RunRefusal.changedGraph(objections) }
    return position
  }

  /// Changes the state at the thread's head. Without a node, what is due stays due, with its ids, answers and
  /// finished siblings' writes.
  public func update(_ thread: ThreadID, _ update: StateUpdate, graph: StateGraph) async throws -> ThreadRecord {
    try await withKnownThread(thread) { fence in
      guard let header = try await store.thread(thread),
        let stored = try await store.checkpoint(nil, of: thread, namespace: "")
      else { throw RunRefusal.unknownThread(thread) }
      let tasks = update.node == nil ? try await knownTasks(header) : []
      let position = stored.with(defaultsOf: graph)
      if header.graphHash != graph.record.hash {
        let objections = GraphChange.objections(
          to: graph, at: position, from: try await earlierGraph(header), keepsDue: update.node == nil, tasks: tasks)
        guard objections.isEmpty else { throw RunRefusal.changedGraph(objections) }
      }
      let branch = try await branch(header, from: position, update, source: .update, graph: graph, tasks: tasks)
      try await store.commit(branch.changes, fence: fence)
      return branch.header
    }
  }

  /// One more checkpoint, and what stores it.
  struct Branch {
    var header: ThreadRecord
    var checkpoint: CheckpointRecord
    var values: JSONObject
    var graph: GraphRecord
    var tasks: [TaskRecord]

    var changes: [StoreChange] {
      [.graph(graph), .thread(header), .checkpoint(checkpoint, values: values)] + tasks.map(StoreChange.task)
    }
  }

  /// `header` says where the numbers have come to.
  func branch(
    _ header: ThreadRecord, from position: StoredCheckpoint, _ update: StateUpdate, source: CheckpointSource,
    graph: StateGraph, tasks: [TaskRecord] = []
  ) async throws -> Branch {
    let plan = GraphPlan(graph)
    let old = position.record
    let number = header.head + 1
    let folded = try fold(update, position, graph, from: .outside(checkpoint: number), of: header.id)
    if let objection = StateWeight(folded.values.storable(graph.channels)).objection {
      throw RunRefusal.badInputs(objection)
    }
    let agenda = try await agenda(
      update, after: position, folded.values, plan, mark: DueMark(checkpoint: number), source: source)
    let record = CheckpointRecord(
      number: number, parent: old.number, step: old.step + 1, source: source, created: clock.now(), agenda: agenda,
      deltas: folded.deltas)
    let kept = tasks.map { task in
      var task = task
      task.checkpoint = number
      return task
    }
    var header = header
    header.head = number
    header.step = record.step
    let finished = Set(kept.filter(\.isFinished).map(\.id))
    header.next = agenda.due.filter { !finished.contains($0.id) }.map(\.id.nodeName)
    header.status = agenda.due.isEmpty ? .done : kept.openQuestions.isEmpty ? .stopped : .waiting
    header.error = nil
    header.updated = record.created
    header.graphHash = graph.record.hash
    return Branch(
      header: header, checkpoint: record, values: folded.values.storable(graph.channels), graph: graph.record,
      tasks: kept)
  }

  private func fold(
    _ update: StateUpdate, _ position: StoredCheckpoint, _ graph: StateGraph, from source: TaskID, of thread: ThreadID
  ) throws -> StateFold.Result {
    let entries = mask(of: graph).mask(update.values).map { key, value in
      StateFold.Entry(
        task: -1, id: source, writer: update.node?.rawValue ?? "--set",
        write: ChannelWrite(ChannelName(rawValue: key), value))
    }
    // Without a node, what is due stays due, so it still sees what it was to see.
    do {
      return try StateFold(channels: graph.channels, thread: thread).apply(
        entries, to: position.values, ends: update.node != nil)
    } catch {
      throw RunRefusal.badInputs(error.all.map { $0.told(of: "--set") }.joined(separator: "\n"))
    }
  }

  private func agenda(
    _ update: StateUpdate, after position: StoredCheckpoint, _ values: JSONObject, _ plan: GraphPlan, mark: DueMark,
    source: CheckpointSource
  ) async throws -> Agenda {
    var agenda = position.record.agenda
    guard let name = update.node else {
      if source == .fork {
        for index in agenda.due.indices { agenda.due[index].id.due = mark }
      }
      return agenda
    }
    guard let node = plan.graph.nodes[name] else {
      throw RunRefusal.unknownNode(name, known: Array(plan.graph.nodes.keys))
    }
    let scope = Scope(state: values)
    let triggers: [Trigger]
    do {
      triggers = try await Evaluation.run { try node.next?.choice(in: scope, from: "next").triggers ?? [] }
    } catch let failure as NodeFailure {
      throw RunRefusal.badInputs("\(name): \(failure.message)")
    }
    return plan.agenda(
      after: [EndedTask(node: name, triggers: triggers, failure: nil)], arrivals: agenda.arrivals,
      deferred: agenda.deferred, mark: mark)
  }
}
