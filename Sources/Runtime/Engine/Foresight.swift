import Graph
import OrderedCollections

/// Finds the tasks that may start before their super-step does: they are sure to become due as they are, have no effects,
/// and nothing that still runs, or may run before them, can write what they read (docs/decisions/0014).
struct Foresight: Sendable {
  /// So many super-steps before its own a task may start.
  static let farthest = 64

  /// Where more tasks than this are due together, nothing is looked for.
  static let widest = 256

  let plan: GraphPlan
  private let facts: [NodeName: NodeFacts]

  /// What every task looks at: the graph's text and the variables of the environment that the graph names.
  private let surroundings: [String]

  /// - Returns: `nil` where nothing in the graph can ever run ahead.
  init?(_ plan: GraphPlan, _ kinds: NodeRegistry, environment: [String: String]) {
    guard plan.graph.branches else { return nil }
    self.plan = plan
    surroundings =
      [plan.graph.record.hash]
      + plan.graph.environment.flatMap { [$0, environment[$0].map(JSON.string)?.text ?? ""] }
    facts = Dictionary(
      uniqueKeysWithValues: plan.graph.nodes.values.map { ($0.name, NodeFacts($0, plan, kinds)) })
    if facts.values.allSatisfy({ $0.reads == nil }) { return nil }
  }

  /// The super-step that runs, and what is known of those behind it.
  struct Present {
    var agenda: Agenda

    /// One for each due task, in the agenda's order.
    var tasks: [TaskRecord]
    var values: JSONObject
    var thread: ThreadID

    /// The newest checkpoint.
    var head: Int

    /// Those of later super-steps that have ended.
    var ended: [TaskID: TaskRecord]

    /// Those of later super-steps that are not to be started again.
    var known: Set<TaskID>

    /// How many super-steps ahead may be looked.
    var depth: Int
  }

  /// A task that may start.
  struct Start {
    var due: DueTask

    /// Super-steps from the one that runs.
    var distance: Int

    /// The state as far as the task looks at it.
    var values: JSONObject
  }

  func starts(_ now: Present) -> [Start] {
    var walk = Walk(now, plan, facts)
    var found: [(due: DueTask, distance: Int)] = []
    var landings: [[TaskRecord]] = []
    while landings.count < now.depth, walk.due.count <= Self.widest, let landing = walk.advance() {
      landings.append(landing)
      found += walk.due.filter { !now.known.contains($0.id) && walk.mayStart($0) }.map { ($0, landings.count) }
    }
    return found.isEmpty ? [] : place(found, landings, now)
  }

  /// Gives each the state that it is to see; where writes do not go together nothing behind them is sure.
  private func place(
    _ found: [(due: DueTask, distance: Int)], _ landings: [[TaskRecord]], _ now: Present
  ) -> [Start] {
    var starts: [Start] = []
    var values = now.values
    for (index, landing) in landings.enumerated() where index < found[found.count - 1].distance {
      var messages = MessagePlaces()
      let fold = StateFold(channels: plan.graph.channels, thread: now.thread)
      guard let changes = try? fold.changes(landing.entries, in: values, &messages) else { break }
      changes.apply(to: &values)
      starts += found.filter { $0.distance == index + 1 }.map { [values] in
        Start(due: $0.due, distance: $0.distance, values: values)
      }
    }
    return starts
  }

  /// Whether what the task gives depends on the world.
  func seesWorld(_ id: TaskID) -> Bool { facts[id.nodeName]?.readsWorld ?? true }

  /// What stands for the graph and for all that `due` looks at in `values`; `nil` where it may look at anything.
  func seen(by due: DueTask, in values: JSONObject) -> String? {
    guard let reads = facts[due.id.nodeName]?.reads else { return nil }
    var parts = surroundings + reads.sorted().flatMap { [$0, values[$0]?.text ?? ""] }
    if let item = due.item { parts += [item.value.text, "\(item.index)"] }
    parts += due.errors.map { $0.json(withResult: true).text }
    return TaskKey.seen(parts)
  }
}

/// What a node's text says of it.
private struct NodeFacts: Sendable {
  /// `nil`: it may write any channel.
  var writes: Set<String>?

  /// It may change what others see of the world, or waits while the world changes.
  var changesWorld: Bool

  /// `nil`: it may not run ahead.
  var reads: Set<String>?

  /// What it gives depends on the world.
  var readsWorld: Bool

  /// Nodes that it may make due by an edge: routes, the handler, barriers.
  var edges: Set<NodeName> = []
  var fanOuts: Set<NodeName> = []
  var handler: NodeName?

  init(_ node: Node, _ plan: GraphPlan, _ kinds: NodeRegistry) {
    let kind = kinds[node.kind]
    changesWorld = node.changesWorld(plan.graph, kinds)
    readsWorld = kind?.sight(of: node) != .fields
    writes = kind?.channels(writtenBy: node).map { Set($0.map(\.rawValue)) }
    handler = node.onError
    for route in node.next?.routes ?? [] {
      if route.each == nil { edges.formUnion(route.names) } else { fanOuts.formUnion(route.names) }
    }
    edges.formUnion(plan.barriers.filter { $0.after.contains(node.name) }.map(\.name))
    if let handler { edges.insert(handler) }
    // A deferred node is never due beside one that is sure to be.
    edges = edges.filter { !plan.node($0).isDeferred }
    if let kind, node.mayRunAhead(kind, writes, plan.graph) { reads = node.reads(in: plan.graph) }
  }
}

extension Node {
  /// What has effects waits for its super-step, as a sibling that fails before is to prevent them; and so does what others
  /// can see or must answer before that has come.
  fileprivate func mayRunAhead(_ kind: any NodeKind, _ writes: Set<String>?, _ graph: StateGraph) -> Bool {
    guard kind.effectClass(of: self) == .pure, kind.sight(of: self) != .thread, cache == nil, approve == nil,
      !isDeferred,
      let writes
    else { return false }
    return !writes.contains { graph.channels[ChannelName(rawValue: $0)]?.reducer == .untracked }
  }

  /// Whether it, or a node of the graph that it runs, may have effects, or waits.
  fileprivate func changesWorld(_ graph: StateGraph, _ kinds: NodeRegistry) -> Bool {
    guard let kind = kinds[self.kind], kind.effectClass(of: self) == .pure, approve == nil else { return true }
    guard self.kind == NodeFormat.graphKind else { return kind.waits(self) }
    guard let inside = graph.subgraph(of: self) else { return true }
    return inside.nodes.values.contains { $0.changesWorld(inside, kinds) }
  }

  /// Every channel that what the node does, saves and leads to depends on; `nil` is any, or the time of its super-step.
  fileprivate func reads(in graph: StateGraph) -> Set<String>? {
    var expressions = (Array(fields.values) + Array(graph.servers.values)).flatMap(\.expressions)
    if case .parts(let parts)? = save { expressions += parts.values.flatMap(\.expressions) }
    if let when { expressions.append(when) }
    guard !expressions.contains(where: \.readsClock), next?.readsClock != true else { return nil }
    let reads = expressions.reduce(next?.reads ?? .channels([])) { $0.union($1.reads) }
    if case .channels(let names) = reads { return names }
    return nil
  }
}

extension Route {
  fileprivate var names: [NodeName] {
    switch target {
    case .nodes(let names): names
    case .computed(_, let may): may
    }
  }
}

extension StateGraph {
  /// Whether more than one task can ever be due.
  fileprivate var branches: Bool {
    (nodes.values.compactMap(\.next) + [start]).flatMap(\.routes).contains { $0.each != nil || $0.names.count > 1 }
      || nodes.values.contains { !$0.after.isEmpty }
  }
}

/// From super-step to super-step, as far as what has ended makes them sure.
private struct Walk {
  private let now: Foresight.Present
  private let plan: GraphPlan
  private let facts: [NodeName: NodeFacts]

  /// Tasks that are sure to be due at this point.
  private(set) var due: [DueTask]
  private var records: [TaskRecord?]

  /// Nodes that may be due besides.
  private var others: Set<NodeName> = []

  /// Nodes that run, or may run, before this point, and are not known to have ended.
  private var open: Set<NodeName> = []
  private var openWrites: Set<String>? = []
  private var isWorldOpen = false
  private var arrivals: [NodeName: Set<NodeName>]
  private var distance = 0

  init(_ now: Foresight.Present, _ plan: GraphPlan, _ facts: [NodeName: NodeFacts]) {
    self.now = now
    self.plan = plan
    self.facts = facts
    due = now.agenda.due
    records = now.tasks
    arrivals = now.agenda.arrivals
  }

  /// One super-step on.
  ///
  /// - Returns: the tasks whose writes land at its end, as far as they are known; `nil` where nothing sure follows.
  mutating func advance() -> [TaskRecord]? {
    let ended = records.compactMap { $0 }.filter(\.hasEndedWell)
    var unfinished = others
    for (index, task) in due.enumerated() where !(records[index]?.hasEndedWell ?? false) {
      unfinished.insert(task.id.nodeName)
    }
    let collided = Set(ended.filter { collides($0, with: unfinished) }.map(\.id))
    unfinished.formUnion(collided.map(\.nodeName))
    let settled = ended.filter { !collided.contains($0.id) }
    guard !settled.isEmpty else { return nil }
    distance += 1
    keepOpen(unfinished)
    let agenda = plan.agenda(
      after: settled.map(\.ended), arrivals: arrivals, deferred: [:], mark: DueMark(checkpoint: now.head + distance))
    arrivals = agenda.arrivals
    follow(agenda.due, besides: unfinished)
    return due.isEmpty ? nil : settled
  }

  func mayStart(_ task: DueTask) -> Bool {
    guard let facts = facts[task.id.nodeName], let reads = facts.reads, let openWrites, task.item?.parallel == nil
    else { return false }
    return reads.isDisjoint(with: openWrites) && !(facts.readsWorld && isWorldOpen)
  }

  private mutating func keepOpen(_ unfinished: Set<NodeName>) {
    open.formUnion(unfinished)
    for node in unfinished {
      isWorldOpen = isWorldOpen || facts[node]?.changesWorld ?? true
      guard let writes = facts[node]?.writes else {
        openWrites = nil
        return
      }
      openWrites?.formUnion(writes)
    }
  }

  private mutating func follow(_ candidates: [DueTask], besides unfinished: Set<NodeName>) {
    let facts = unfinished.compactMap { self.facts[$0] }
    let edges = facts.reduce(into: Set<NodeName>()) { $0.formUnion($1.edges) }
    let fanOuts = facts.reduce(into: Set<NodeName>()) { $0.formUnion($1.fanOuts) }
    let handlers = Set(facts.compactMap(\.handler))
    due = candidates.filter { task in
      let node = task.id.nodeName
      // Its number among its node's tasks depends on all that lead there.
      if task.item != nil { return !edges.contains(node) && !fanOuts.contains(node) }
      return !handlers.contains(node) && !plan.node(node).isDeferred && open.isDisjoint(with: plan.node(node).after)
    }
    let sure = Set(due.map(\.id))
    let unsure = candidates.filter { !sure.contains($0.id) && !plan.node($0.id.nodeName).isDeferred }
    // Another edge to what is due anyway makes no difference to it.
    others = edges.subtracting(due.filter { $0.item == nil }.map(\.id.nodeName)).union(fanOuts)
      .union(unsure.map(\.id.nodeName))
    records = due.map { now.ended[$0.id] }
  }

  /// Whether the task is likely to fail in the end, as another may write a channel that only one may write.
  private func collides(_ task: TaskRecord, with unfinished: Set<NodeName>) -> Bool {
    let alone = task.writes.map(\.channel).filter { channel in
      switch plan.graph.channels[channel]?.reducer {
      case .replace, .ephemeral, .untracked: true
      default: false
      }
    }
    guard !alone.isEmpty else { return false }
    return unfinished.contains { node in
      facts[node]?.writes.map { writes in alone.contains { writes.contains($0.rawValue) } } ?? true
    }
  }
}

extension TaskRecord {
  /// What it leads to is known.
  var hasEndedWell: Bool { [.done, .skipped, .cached].contains(status) }
}
