import Graph
import OrderedCollections

/// A graph with what the engine looks up in every super-step worked out once.
final class GraphPlan: Sendable {
  let graph: StateGraph

  /// Which subgraph it is; empty for the thread's own graph.
  let namespace: String

  /// Place of each node in declaration order.
  let order: [NodeName: Int]

  /// Nodes with `after`, in declaration order.
  let barriers: [Node]

  /// Folder that relative names in the graph start from.
  let folder: String

  private let nodes: [NodeName: PlannedNode]

  /// Nodes all of whose expressions need no jq.
  private let immediate: Set<NodeName>

  /// What of the state the routes of a node look at.
  let routeReads: [NodeName: Expression.Reads]

  /// Nothing waits: neither for others nor until nothing else can run.
  private let isPlain: Bool

  init(_ graph: StateGraph, namespace: String = "") {
    self.graph = graph
    self.namespace = namespace
    nodes = graph.nodes.values.reduce(into: [:]) { $0[$1.name] = PlannedNode($1) }
    order = Dictionary(uniqueKeysWithValues: graph.nodes.keys.enumerated().map { ($1, $0) })
    barriers = graph.nodes.values.filter { !$0.after.isEmpty }
    folder = graph.folder
    immediate = Set(graph.nodes.values.filter(\.isImmediate).map(\.name))
    routeReads = graph.nodes.reduce(into: [:]) { $0[$1.key] = $1.value.next?.reads }
    isPlain = graph.nodes.values.allSatisfy { $0.after.isEmpty && !$0.isDeferred }
  }

  func node(_ name: NodeName) -> Node { planned(name).node }

  func planned(_ name: NodeName) -> PlannedNode {
    guard let node = nodes[name] else {
      preconditionFailure("no node \(name): a due task names a node of the graph")
    }
    return node
  }

  /// Whether none of its expressions needs jq.
  func isImmediate(_ node: Node) -> Bool { immediate.contains(node.name) }

  func inDeclarationOrder(_ names: some Sequence<NodeName>) -> [NodeName] {
    names.sorted { order[$0, default: .max] < order[$1, default: .max] }
  }

  /// `state` after `changes`, as far as the routes of `node` look.
  func state(_ state: JSONObject, after changes: [StateFold.Change], for node: Node) -> JSONObject {
    guard let reads = routeReads[node.name] else { return state }
    var state = state
    for change in changes where reads.contains(change.delta.channel.rawValue) { change.apply(to: &state) }
    return state
  }

  /// `task` without what it wrote to channels that are never stored.
  func storable(_ task: TaskRecord) -> TaskRecord {
    guard task.writes.contains(where: { graph.channels[$0.channel]?.reducer == .untracked }) else { return task }
    var task = task
    task.writes.removeAll { graph.channels[$0.channel]?.reducer == .untracked }
    return task
  }

  /// What is due after tasks ended with `arrivals` and `deferred` gathered before; `mark` is the new checkpoint.
  func agenda(
    after ended: [EndedTask], arrivals: [NodeName: Set<NodeName>], deferred: [NodeName: [TaskError]], mark: DueMark
  )
    -> Agenda
  {
    if isPlain, ended.count == 1, let agenda = agenda(after: ended[0], mark) { return agenda }
    var gathering = Gathering(arrivals: arrivals, deferred: deferred)
    for task in ended { gathering.take(task) }
    for barrier in barriers {
      let arrived = gathering.arrivals[barrier.name, default: []].union(gathering.finished.intersection(barrier.after))
      if arrived.isSuperset(of: barrier.after) {
        gathering.arrivals[barrier.name] = nil
        gathering.edges.insert(barrier.name)
      } else if !arrived.isEmpty {
        gathering.arrivals[barrier.name] = arrived
      }
    }
    for name in gathering.edges where node(name).isDeferred {
      gathering.deferred[name, default: []] += gathering.errors[name] ?? []
      gathering.edges.remove(name)
      gathering.errors[name] = nil
    }
    if gathering.edges.isEmpty, gathering.fanOuts.allSatisfy({ $0.items.isEmpty }) {
      gathering.edges = Set(gathering.deferred.keys)
      gathering.errors = gathering.deferred
      gathering.deferred = [:]
    }
    return Agenda(due: due(gathering, mark), arrivals: gathering.arrivals, deferred: gathering.deferred)
  }

  /// The same where one task leads to one node at most, and nothing waits; `nil` where there is more to it.
  private func agenda(after task: EndedTask, _ mark: DueMark) -> Agenda? {
    guard task.failure == nil, task.triggers.count < 2 else { return nil }
    switch task.triggers.first {
    case nil: return Agenda()
    case .edge(let name)?: return Agenda(due: [DueTask(id: TaskID(namespace: namespace, due: mark, node: name))])
    case .fanOut?: return nil
    }
  }

  private func due(_ gathering: Gathering, _ mark: DueMark) -> [DueTask] {
    var due = inDeclarationOrder(gathering.edges).map { name in
      DueTask(id: TaskID(namespace: namespace, due: mark, node: name), errors: gathering.errors[name] ?? [])
    }
    var numbers = Dictionary(uniqueKeysWithValues: gathering.edges.map { ($0, 1) })
    for fanOut in gathering.fanOuts {
      for (index, value) in fanOut.items.enumerated() {
        let number = numbers[fanOut.target, default: 0]
        numbers[fanOut.target] = number + 1
        let item = FanOutItem(sender: fanOut.sender, value: value, index: index, parallel: fanOut.parallel)
        let id = TaskID(namespace: namespace, due: mark, node: fanOut.target, index: number)
        due.append(DueTask(id: id, item: item))
      }
    }
    return due
  }
}

/// A task as far as what follows depends on it.
struct EndedTask {
  var node: NodeName
  var triggers: [Trigger]

  /// Set when the task failed and `on-error` routes it.
  var failure: (handler: NodeName, error: TaskError)?

  /// The nodes that it leads to itself, barriers aside.
  var leads: [NodeName] {
    if let failure { return [failure.handler] }
    return triggers.map { trigger in
      switch trigger {
      case .edge(let name), .fanOut(let name, _, _): name
      }
    }
  }
}

/// What the ended tasks of a super-step lead to, before barriers and deferral are settled.
private struct Gathering {
  struct FanOut {
    var sender: NodeName
    var target: NodeName
    var items: [JSON]
    var parallel: Int?
  }

  var arrivals: [NodeName: Set<NodeName>]
  var deferred: [NodeName: [TaskError]]
  var edges: Set<NodeName> = []
  var errors: [NodeName: [TaskError]] = [:]
  var fanOuts: [FanOut] = []
  var finished: Set<NodeName> = []

  mutating func take(_ task: EndedTask) {
    if let failure = task.failure {
      edges.insert(failure.handler)
      errors[failure.handler, default: []].append(failure.error)
      return
    }
    finished.insert(task.node)
    for trigger in task.triggers {
      switch trigger {
      case .edge(let name): edges.insert(name)
      case .fanOut(let target, let items, let parallel):
        fanOuts.append(FanOut(sender: task.node, target: target, items: items, parallel: parallel))
      }
    }
  }

  init(arrivals: [NodeName: Set<NodeName>], deferred: [NodeName: [TaskError]]) {
    self.arrivals = arrivals
    self.deferred = deferred
  }
}

extension Node {
  fileprivate var isImmediate: Bool {
    if case .prompt(let template)? = approve, !template.isImmediate { return false }
    return cache == nil && save?.isImmediate != false && when?.isImmediate != false && next?.isImmediate != false
      && fields.values.allSatisfy(\.isImmediate)
  }
}
