import Graph

/// What the rules of DESIGN section 3 and 7 make of a graph, written down as plainly as they are said. It shares no code with
/// the engine: where the two differ, one of them is wrong.
struct ReferenceModel {
  enum Status: String { case pending, done, skipped, failed, handled, waiting }

  struct Task {
    var node: RandomGraph.Node
    var item: JSON?
    var index: Int?
    var label: String
    var cause: String?
    var status = Status.pending
    var attempts = 0
    var answer: JSON?
    var writes: [(channel: String, value: JSON)] = []
    var route: RandomGraph.Route?
    var items: [JSON] = []
    var error: String?
    var isFinished: Bool { [.done, .skipped, .handled].contains(status) }
  }

  struct Misfit: Error {
    var kind: String
    var tasks: Set<Int>
  }

  let graph: RandomGraph
  var values: JSONObject = ["log": [], "n": 0, "map": [:], "tags": [], "chat": []]
  var tasks: [Task] = []
  var arrivals: [String: Set<String>] = [:]
  var deferred: [String: [String]] = [:]
  var step = 0

  /// Fan-outs of fan-outs grow without end, and so do lists that are added to themselves: such a graph is looked at no further.
  var isTooLarge: Bool { tasks.count > 24 || values.values.contains { list($0).count > 2000 } }

  /// What ran, super-step by super-step: `a done`, `b[1] failed`.
  var history: [[String]] = []

  init(_ graph: RandomGraph) {
    self.graph = graph
    follow([Task(node: RandomGraph.Node(name: "input"), label: "", route: .init(targets: graph.start))])
  }

  /// One run: super-steps until nothing is due, something fails or asks, or the allowance is used up.
  mutating func run(answers: [String: JSON] = [:], isFirst: Bool) -> End {
    if !isFirst { forgetUntracked() }
    for index in tasks.indices where tasks[index].status == .waiting {
      tasks[index].answer = answers[tasks[index].label]
    }
    for _ in 0..<RandomGraph.maxSteps {
      if tasks.isEmpty || isTooLarge { return end("done") }
      for index in tasks.indices { perform(index) }
      if tasks.contains(where: { $0.status == .failed }) { return end("failed") }
      if tasks.contains(where: { $0.status == .waiting }) { return end("waiting") }
      if let end = land() { return end }
    }
    return tasks.isEmpty ? end("done") : end("failed", error: "limit")
  }

  private mutating func forgetUntracked() {
    values["scratch"] = nil
    for index in tasks.indices { tasks[index].writes.removeAll { $0.channel == "scratch" } }
  }

  private func end(_ status: String, error: String? = nil) -> End {
    // A channel in which writes do not go together is shown without them.
    let shown = folded(tasks.indices.filter { [.done, .skipped].contains(tasks[$0].status) }, dropsFlash: false).state
    return End(
      status: status, values: shown, next: tasks.filter { !$0.isFinished }.map(\.node.name), step: step,
      error: error ?? tasks.first { $0.status == .failed }.map { "\($0.node.name) \($0.error ?? "")" },
      asks: tasks.filter { $0.status == .waiting }.map(\.label))
  }

  // MARK: A task

  /// Runs a task that is due and neither finished nor waiting for an answer.
  private mutating func perform(_ index: Int) {
    let node = tasks[index].node
    if tasks[index].isFinished || (tasks[index].status == .waiting && tasks[index].answer == nil) { return }
    if tasks[index].attempts == 0, let limit = node.runsBelow, count >= limit {
      tasks[index].status = .skipped
      return choose(index, own: values)
    }
    var left = node.attempts
    repeat {
      tasks[index].attempts += 1
      left -= 1
    } while tasks[index].attempts <= node.failures && left > 0
    if tasks[index].attempts <= node.failures { return fail(index, "exit") }
    if node.asks, tasks[index].answer == nil {
      tasks[index].status = .waiting
      return
    }
    finish(index)
  }

  private mutating func finish(_ index: Int) {
    let node = tasks[index].node
    tasks[index].status = .done
    tasks[index].writes = node.writes.map { ($0.channel, value($0.source, tasks[index])) }
    guard !node.routes.isEmpty else { return }
    let (own, misfits) = folded([index], dropsFlash: false)
    if let misfit = misfits.first { fail(index, misfit.kind) } else { choose(index, own: own) }
  }

  private mutating func fail(_ index: Int, _ kind: String) {
    tasks[index].status = tasks[index].node.handler == nil ? .failed : .handled
    tasks[index].error = kind
    (tasks[index].writes, tasks[index].route, tasks[index].items) = ([], nil, [])
    // What was made of the answer did not do: it is asked for again.
    if tasks[index].status == .failed, ["type", "expression", "route"].contains(kind) { tasks[index].answer = nil }
  }

  /// The first route that matches the state with the task's own writes.
  private mutating func choose(_ index: Int, own: JSONObject) {
    let route = tasks[index].node.routes.first { ($0.below ?? Int.max) > (own["n"]?.intValue ?? 0) }
    tasks[index].route = route
    if let each = route?.each { tasks[index].items = list(value(each, tasks[index], own)) }
  }

  private var count: Int { values["n"]?.intValue ?? 0 }

  private func value(_ source: RandomGraph.Source, _ task: Task, _ state: JSONObject? = nil) -> JSON {
    switch source {
    case .literal(let value): value
    case .channel(let name): (state ?? values)[name] ?? .null
    case .item: task.item ?? .null
    case .index: task.index.map(JSON.int) ?? .null
    case .result: task.answer ?? .string(task.node.name)
    case .failedNode: task.cause.map(JSON.string) ?? .null
    }
  }

  // MARK: The end of a super-step

  private mutating func land() -> End? {
    let ended = tasks.indices.filter { [.done, .skipped].contains(tasks[$0].status) }
    let (state, misfits) = folded(ended, dropsFlash: true)
    for misfit in misfits {
      for index in misfit.tasks where tasks[index].status == .done { fail(index, misfit.kind) }
    }
    guard misfits.isEmpty else { return tasks.contains { $0.status == .failed } ? end("failed") : land() }
    values = state
    step += 1
    history.append(tasks.map { "\($0.label) \($0.status == .handled ? .failed : $0.status)" })
    follow(tasks)
    return nil
  }

  /// What is due after `ended`.
  private mutating func follow(_ ended: [Task]) {
    var reached: [String: [String]] = [:]
    for task in ended {
      if task.status == .handled {
        reached[task.node.handler ?? "", default: []].append(task.node.name)
      } else if let route = task.route, route.each == nil {
        for target in route.targets { reached[target, default: []] += [] }
      }
    }
    let finished = Set(ended.filter { $0.status != .handled }.map(\.node.name))
    for node in graph.nodes where !node.after.isEmpty {
      arrivals[node.name, default: []].formUnion(finished.intersection(node.after))
      if arrivals[node.name] == Set(node.after) {
        arrivals[node.name] = []
        reached[node.name, default: []] += []
      }
    }
    for node in graph.nodes where node.isDeferred {
      if let causes = reached.removeValue(forKey: node.name) { deferred[node.name, default: []] += causes }
    }
    let fansOut = ended.contains { !$0.items.isEmpty }
    if reached.isEmpty, !fansOut {
      reached = deferred
      deferred = [:]
    }
    due(reached, ended)
  }

  private mutating func due(_ reached: [String: [String]], _ ended: [Task]) {
    tasks = graph.nodes.filter { reached[$0.name] != nil }.map { node in
      Task(node: node, label: node.name, cause: reached[node.name]?.first)
    }
    for sender in ended {
      for (index, item) in sender.items.enumerated() {
        guard let node = graph.nodes.first(where: { $0.name == sender.route?.targets.first }) else { continue }
        let number = tasks.count { $0.node.name == node.name }
        tasks.append(Task(node: node, item: item, index: index, label: "\(node.name)[\(number)]"))
      }
    }
  }

  // MARK: Channels

  /// The state with the writes of the tasks at `places` as far as they go together, and those that do not.
  private func folded(_ places: [Int], dropsFlash: Bool) -> (state: JSONObject, misfits: [Misfit]) {
    var state = values
    if dropsFlash { state["flash"] = nil }
    let all = places.flatMap { place in tasks[place].writes.map { (task: place, channel: $0.channel, value: $0.value) }
    }
    var misfits: [Misfit] = []
    var seen: Set<String> = []
    for channel in all.map(\.channel) where seen.insert(channel).inserted {
      let writes = all.filter { $0.channel == channel }.map { (task: $0.task, value: $0.value) }
      do {
        state[channel] = try reduce(RandomGraph.reducers[channel] ?? "", values[channel], writes)
      } catch {
        misfits.append(error)
      }
    }
    return (state, misfits)
  }

  private func reduce(_ reducer: String, _ old: JSON?, _ writes: [(task: Int, value: JSON)]) throws(Misfit) -> JSON {
    let writers = Set(writes.map(\.task))
    let overwrites = writes.filter { $0.value["$overwrite"] != nil }
    if overwrites.count > 1 { throw Misfit(kind: "conflict", tasks: Set(overwrites.map(\.task))) }
    if let value = overwrites.first?.value["$overwrite"] { return value }
    if ["replace", "ephemeral", "untracked"].contains(reducer), writers.count > 1 {
      throw Misfit(kind: "conflict", tasks: writers)
    }
    let needed = ["append": "array", "union": "array", "messages": "array", "merge": "object"][reducer]
    if let old, let needed, old.typeName != needed { throw Misfit(kind: "type", tasks: writers) }
    var value = old
    for write in writes {
      value = reduce(reducer, value, write.value)
      if value == nil { throw Misfit(kind: "type", tasks: [write.task]) }
    }
    return value ?? .null
  }

  /// One write; `nil` where it is of the wrong type.
  private func reduce(_ reducer: String, _ old: JSON?, _ new: JSON) -> JSON? {
    switch reducer {
    case "append": return .array(list(old ?? []) + list(new))
    case "union": return .array(list(new).reduce(list(old ?? [])) { $0.contains($1) ? $0 : $0 + [$1] })
    case "sum":
      guard let left = old?.intValue, let right = new.intValue else { return nil }
      return .int(left + right)
    case "min", "max":
      guard let old else {
        let isComparable = new.intValue != nil || new.stringValue != nil
        return isComparable ? .some(new) : .none
      }
      if let left = old.intValue, let right = new.intValue {
        return .int(reducer == "min" ? min(left, right) : max(left, right))
      }
      guard let left = old.stringValue, let right = new.stringValue else { return nil }
      return .string(reducer == "min" ? min(left, right) : max(left, right))
    case "merge":
      guard let left = (old ?? [:]).objectValue, let right = new.objectValue else { return nil }
      return .object(merge(left, right))
    case "messages": return messages(list(old ?? []), list(new))
    default: return new
    }
  }

  private func list(_ value: JSON) -> [JSON] { value.arrayValue ?? [value] }

  private func merge(_ left: JSONObject, _ right: JSONObject) -> JSONObject {
    var merged = left
    for (key, value) in right {
      if let old = merged[key]?.objectValue, let new = value.objectValue {
        merged[key] = .object(merge(old, new))
      } else {
        merged[key] = value
      }
    }
    return merged
  }

  private func messages(_ old: [JSON], _ new: [JSON]) -> JSON? {
    var all = old
    for message in new {
      guard let id = message["id"], let role = message["role"] else { return nil }
      let place = all.firstIndex { $0["id"] == id }
      switch (role, place) {
      case ("remove", _) where id == "*": all = []
      case ("remove", let place?): all.remove(at: place)
      case ("remove", nil): return nil
      case (_, let place?): all[place] = message
      case (_, nil): all.append(message)
      }
    }
    return .array(all)
  }
}
