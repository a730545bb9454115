import Graph

/// A run's input, checked and folded into the state: the checkpoint everything begins from (T0).
struct Admission: Sendable {
  let graph: StateGraph
  let checkpoint: CheckpointRecord
  let values: JSONObject

  /// Which of the graph's start routes was taken.
  let route: Int
  private let now: Timestamp

  /// - Throws: ``RunRefusal`` naming every input that is missing, unknown or does not fit.
  init(
    graph: StateGraph, inputs: JSONObject, before: StoredCheckpoint?, environment: [String: String],
    mask: SecretMask, now: Timestamp, thread: ThreadID, namespace: String = ""
  ) throws(RunRefusal) {
    self.graph = graph
    self.now = now
    let base =
      before.map { StateFold.Result(values: $0.with(defaultsOf: graph).values, deltas: []) }
      ?? StateFold.initial(graph.channels)
    let number = (before?.record.number ?? 0) + 1
    let folded = try Self.fold(
      mask.mask(inputs), from: .outside(namespace: namespace, checkpoint: number),
      StateFold(channels: graph.channels, thread: thread),
      graph, base, isFirst: before == nil)
    if let objection = StateWeight(folded.values.storable(graph.channels)).objection { throw .badInputs(objection) }
    let step = (before?.record.step ?? -1) + 1
    let (route, triggers) = try Self.start(graph, folded.values, environment, mask)
    self.route = route
    let agenda = GraphPlan(graph, namespace: namespace).agenda(
      after: [EndedTask(node: "input", triggers: triggers, failure: nil)], arrivals: [:], deferred: [:],
      mark: DueMark(checkpoint: number))
    checkpoint = CheckpointRecord(
      namespace: namespace, number: number, parent: before?.record.number, step: step, source: .input, created: now,
      agenda: agenda,
      deltas: base.deltas.filter { delta in !folded.deltas.contains { $0.channel == delta.channel } }
        + folded.settled(base))
    values = folded.values
  }

  func header(thread: ThreadID, known: ThreadRecord?, durability: Durability) -> ThreadRecord {
    ThreadRecord(
      id: thread, graphName: graph.name, graphHash: graph.record.hash, graphPath: graph.source?.path,
      status: .running, head: checkpoint.number, step: checkpoint.step, created: known?.created ?? now, updated: now,
      next: checkpoint.agenda.nodes, durability: durability)
  }

  private static func fold(
    _ inputs: JSONObject, from source: TaskID, _ fold: StateFold, _ graph: StateGraph, _ base: StateFold.Result,
    isFirst: Bool
  ) throws(RunRefusal) -> StateFold.Result {
    let known = graph.inputs.map(\.name)
    var entries: [StateFold.Entry] = []
    for (key, value) in inputs {
      let name = ChannelName(rawValue: key)
      guard known.contains(name) else { throw .undeclaredInput(key, known: known) }
      entries.append(StateFold.Entry(task: -1, id: source, writer: "input", write: ChannelWrite(name, value)))
    }
    let missing = graph.inputs.filter { input in
      inputs[input.name.rawValue] == nil && (isFirst ? input.initial : base.values[input.name.rawValue]) == nil
    }.map(\.name)
    guard missing.isEmpty else { throw .missingInputs(missing) }
    do {
      return try fold.apply(entries, to: base.values)
    } catch {
      throw .badInputs(
        error.all.map { $0.told(of: "--input").replacing("channel", with: "input", maxReplacements: 1) }
          .joined(separator: "\n"))
    }
  }

  private static func start(
    _ graph: StateGraph, _ values: JSONObject, _ environment: [String: String], _ mask: SecretMask
  ) throws(RunRefusal) -> (index: Int, triggers: [Trigger]) {
    var names = JSONObject()
    for name in graph.environment { names[name] = environment[name].map(JSON.string) ?? .null }
    do {
      let choice = try graph.start.choice(in: Scope(state: values, variables: ["env": .object(names)]), from: "start")
      return (choice.index, mask.mask(choice.triggers))
    } catch {
      throw .badStart(TaskError(kind: error.kind, message: mask.mask(error.message)))
    }
  }
}

extension StateFold.Result {
  /// The deltas on top of `base`; a channel that was not stored before is stored whole.
  fileprivate func settled(_ base: StateFold.Result) -> [ChannelDelta] {
    let fresh = Set(base.deltas.map(\.channel))
    return deltas.map { delta in
      guard fresh.contains(delta.channel), let value = values[delta.channel.rawValue] else { return delta }
      return ChannelDelta(delta.channel, .set(value))
    }
  }
}

extension StateFold.Conflict {
  /// The message, with what to type where the value was given by `option`.
  func told(of option: String) -> String {
    guard kind == .type else { return message }
    let value = message.contains("must be a string") ? "'\"…\"'" : "…"
    return "\(message); give another: \(option) \(channel)=\(value)"
  }
}
