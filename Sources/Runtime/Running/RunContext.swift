import Graph

/// What every task of a run shares.
final class RunContext: Sendable {
  let plan: GraphPlan
  let kinds: NodeRegistry
  let thread: ThreadID
  let fence: Fence
  let ledger: NamespaceLedger
  let stop: StopControl
  let clock: RunClock
  let mask: SecretMask
  let secrets: JSONObject
  let userEnvironment: [String: String]
  let surroundings: TaskSurroundings
  let options: RunOptions

  /// The number of the run before this one, where that died.
  let died: Int?
  let onRoute: Engine.RouteObserver
  let resources: RunResources

  /// Makes the state of what tasks write.
  let fold: StateFold

  /// Called at every sign of life, for the `idle` of the task that the graph runs in.
  let onLife: @Sendable () -> Void

  /// Why the task that the graph runs in may not go on, once its time is up.
  let expiry: @Sendable () -> String?

  init(
    plan: GraphPlan, kinds: NodeRegistry, fence: Fence, ledger: NamespaceLedger, stop: StopControl, clock: RunClock,
    mask: SecretMask, secrets: JSONObject, userEnvironment: [String: String], childEnvironment: [String: String],
    options: RunOptions, died: Int?, onRoute: @escaping Engine.RouteObserver
  ) {
    self.plan = plan
    self.kinds = kinds
    self.fence = fence
    self.ledger = ledger
    self.stop = stop
    self.clock = clock
    self.mask = mask
    self.secrets = secrets
    self.userEnvironment = userEnvironment
    self.options = options
    surroundings = Self.surroundings(of: plan, childEnvironment, stop, clock)
    self.died = died
    self.onRoute = onRoute
    thread = fence.thread
    fold = StateFold(channels: plan.graph.channels, thread: fence.thread)
    resources = RunResources()
    onLife = {}
    expiry = { nil }
  }

  /// For the run of `graph` inside the one task of `parent` that has `output`: its limits and stops are its own.
  init(of graph: StateGraph, namespace: String, in parent: RunContext, output: TaskOutput) {
    var options = parent.options
    options.maxSteps = nil
    options.until = nil
    options.breakBefore = []
    options.breakAfter = []
    self.options = options
    onLife = { [outer = parent.onLife] in
      output.touch()
      outer()
    }
    expiry = { [outer = parent.expiry] in output.expiry ?? outer() }
    plan = GraphPlan(graph, namespace: namespace)
    ledger = NamespaceLedger(parent.ledger.ledger, namespace: namespace)
    onRoute = { _, _ in }
    kinds = parent.kinds
    thread = parent.thread
    fence = parent.fence
    fold = StateFold(channels: graph.channels, thread: parent.thread)
    died = parent.died
    stop = parent.stop
    clock = parent.clock
    mask = parent.mask
    secrets = parent.secrets
    userEnvironment = parent.userEnvironment
    surroundings = Self.surroundings(of: plan, parent.surroundings.environment, stop, clock)
    resources = parent.resources
  }

  private static func surroundings(
    of plan: GraphPlan, _ environment: [String: String], _ stop: StopControl, _ clock: RunClock
  ) -> TaskSurroundings {
    TaskSurroundings(
      servers: plan.graph.servers, channels: plan.graph.channels, folder: plan.folder, environment: environment,
      stopGrace: { stop.level == .urgent ? .seconds(2) : .seconds(5) }, clock: clock)
  }

  /// Which subgraph runs; empty for the thread's own graph.
  var namespace: String { plan.namespace }

  /// Folder that relative names in the graph start from.
  var folder: String { plan.folder }

  /// Whether an attempt of `node` ends at once, so that nothing need watch it.
  func isInstant(_ node: Node) -> Bool {
    node.timeout == nil && node.idle == nil && kinds[node.kind]?.isInstant == true
  }

  /// State and variables as `due` sees them, without `$result`.
  func scope(of due: DueTask, values: JSONObject, step: Int, attempt: Int) -> Scope {
    Scope(
      state: values,
      variables: Scope.Variables { [self] name in variable(name, of: due, step: step, attempt: attempt) })
  }

  /// Where the routes out of `due` lead on `state`.
  func triggers(
    of routes: Routes, from due: DueTask, on state: JSONObject, result: JSON, step: Int, attempt: Int
  ) throws(NodeFailure) -> [Trigger] {
    var scope = scope(of: due, values: state, step: step, attempt: attempt)
    scope.variables["result"] = result
    return try triggers(of: routes, from: due.id.nodeName, in: scope)
  }

  /// - Parameter scope: with `$result`.
  func triggers(of routes: Routes, from node: NodeName, in scope: Scope) throws(NodeFailure) -> [Trigger] {
    let choice = try routes.choice(in: scope, from: "next")
    onRoute(node, choice.index)
    return mask.mask(choice.triggers)
  }

  private func variable(_ name: String, of due: DueTask, step: Int, attempt: Int) -> JSON? {
    switch name {
    case "run":
      [
        "thread": .string(thread.rawValue), "step": .int(step), "node": .string(due.id.node), "attempt": .int(attempt),
        "key": .string(TaskKey.key(thread, due.id)),
      ]
    case "secrets":
      .object(JSONObject(plan.graph.secrets.compactMap { name in secrets[name].map { (name, $0) } }))
    case "env":
      .object(JSONObject(plan.graph.environment.map { ($0, userEnvironment[$0].map(JSON.string) ?? .null) }))
    case "item": due.item?.value
    case "index": (due.item?.index).map(JSON.int)
    case "error": due.errors.first?.json(withResult: true)
    case "errors": due.errors.isEmpty ? nil : .array(due.errors.map { $0.json(withResult: true) })
    default: nil
    }
  }
}
