import Graph

/// What every task of a run shares.
struct RunContext: Sendable {
  var plan: GraphPlan
  let kinds: NodeRegistry
  let thread: ThreadID
  let fence: Fence
  var ledger: NamespaceLedger
  let stop: StopControl
  let clock: RunClock
  let mask: SecretMask
  let secrets: JSONObject
  let userEnvironment: [String: String]
  let childEnvironment: [String: String]
  var options: RunOptions
  var onRoute: Engine.RouteObserver
  let resources = RunResources()

  /// Called at every sign of life, for the `idle` of the task that the graph runs in.
  var onLife: @Sendable () -> Void = {}

  /// Which subgraph runs; empty for the thread's own graph.
  var namespace: String { plan.namespace }

  /// Folder that relative names in the graph start from.
  var folder: String { plan.graph.folder }

  /// State and variables as `due` sees them, without `$result`.
  func scope(of due: DueTask, values: JSONObject, step: Int, attempt: Int) -> Scope {
    var variables: JSONObject = [
      "run": [
        "thread": .string(thread.rawValue), "step": .int(step), "node": .string(due.id.node), "attempt": .int(attempt),
        "key": .string(TaskKey.key(thread, due.id)),
      ],
      "secrets": .object(JSONObject(plan.graph.secrets.compactMap { name in secrets[name].map { (name, $0) } })),
    ]
    var environment = JSONObject()
    for name in plan.graph.environment { environment[name] = userEnvironment[name].map(JSON.string) ?? .null }
    variables["env"] = .object(environment)
    if let item = due.item {
      variables["item"] = item.value
      variables["index"] = .int(item.index)
    }
    if let first = due.errors.first {
      variables["error"] = first.json(withResult: true)
      variables["errors"] = .array(due.errors.map { $0.json(withResult: true) })
    }
    return Scope(state: values, variables: variables)
  }
}
