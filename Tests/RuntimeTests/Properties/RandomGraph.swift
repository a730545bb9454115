import Graph

/// A graph made from a seed: for the engine a file's text, for the reference model what stands here.
struct RandomGraph {
  /// What an expression of it can say.
  enum Source {
    case literal(JSON)
    case channel(String)
    case item, index, result, failedNode

    var text: String {
      switch self {
      case .literal(let value): value.text
      case .channel(let name): ".\(name)"
      case .item: "$item"
      case .index: "$index"
      case .result: "$result"
      case .failedNode: "$error.node"
      }
    }
  }

  struct Route {
    /// `.n` below this; `nil` is the else.
    var below: Int?
    var each: Source?
    var parallel: Int?
    var targets: [String]
  }

  struct Node {
    var name: String
    var writes: [(channel: String, source: Source)] = []

    /// So many attempts fail before one does not.
    var failures = 0
    var attempts = 1
    var asks = false

    /// Skipped unless `.n` is below this.
    var runsBelow: Int?
    var after: [String] = []
    var routes: [Route] = []
    var isDeferred = false
    var handler: String?

    /// Loops that append a list to itself double it.
    fileprivate mutating func keepLogShort() {
      for index in writes.indices where writes[index].channel == "log" {
        if case .channel = writes[index].source { writes[index].source = .channel("n") }
      }
    }
  }

  static let reducers = [
    "x": "replace", "y": "replace", "log": "append", "n": "sum", "low": "min", "high": "max", "map": "merge",
    "tags": "union", "chat": "messages", "final": "last", "flash": "ephemeral", "scratch": "untracked",
  ]
  static let channels = reducers.keys.sorted()
  static let maxSteps = 12

  /// So many attempts of a task fail at most.
  static let mostFailures = 3

  var start: [String] = []
  var nodes: [Node] = []

  /// Which tasks began before one failed depends on the timing only where a fan-out is bounded.
  var isBounded: Bool { (nodes.flatMap(\.routes)).contains { $0.parallel != nil } }

  /// - Parameter isLoose: nodes have less to do with each other's channels.
  init(seed: UInt64, isLoose: Bool = false) {
    var random = SplitMix(seed: seed)
    let names = (0..<(2 + random.below(6))).map { "abcdefgh".map(String.init)[$0] }
    nodes = names.map { random.node($0, among: names, counting: isLoose ? 15 : 70) }
    if isLoose { for index in nodes.indices { nodes[index].keepLogShort() } }
    start = random.some(of: names)
    reach(names)
  }

  /// Every node is reached, no fan-out leads to a deferred node, and no barrier waits for itself alone.
  private mutating func reach(_ names: [String]) {
    for index in nodes.indices {
      for route in nodes[index].routes.indices where nodes[index].routes[route].each != nil {
        let target = nodes[index].routes[route].targets[0]
        guard nodes[names.firstIndex(of: target) ?? 0].isDeferred else { continue }
        nodes[index].routes[route].each = nil
        nodes[index].routes[route].parallel = nil
      }
    }
    var reached = Set(start)
    var grew = true
    while grew {
      let before = reached.count
      for node in nodes where reached.contains(node.name) {
        reached.formUnion(node.routes.flatMap(\.targets) + [node.handler].compactMap { $0 })
      }
      for node in nodes where !node.after.isEmpty && node.after.allSatisfy(reached.contains) {
        reached.insert(node.name)
      }
      grew = reached.count > before
    }
    for name in names where !reached.contains(name) { start.append(name) }
  }

  /// The graph as a file.
  var text: String { text(schedule: .strict) }

  func text(schedule: Schedule) -> String {
    let channels = Self.channels.map { "\($0): { reduce: \(Self.reducers[$0] ?? "") }" }.joined(separator: ", ")
    return """
      graph: random
      max-steps: \(Self.maxSteps)
      schedule: \(schedule.rawValue)
      state: { \(channels) }
      start: [\(start.joined(separator: ", "))]
      nodes:
      \(nodes.map(\.text).joined(separator: "\n"))
      """
  }
}

extension RandomGraph.Node {
  fileprivate var text: String {
    var parts = ["play: { failures: \(failures), asks: \(asks) }"]
    if !writes.isEmpty {
      let saved = writes.map { "\($0.channel): \(JSON.string($0.source.text).text)" }.joined(separator: ", ")
      parts.append("save: { \(saved) }")
    }
    if attempts > 1 { parts.append("retry: { attempts: \(attempts) }") }
    if let runsBelow { parts.append("when: .n < \(runsBelow)") }
    if !after.isEmpty { parts.append("after: [\(after.joined(separator: ", "))]") }
    if isDeferred { parts.append("defer: true") }
    if let handler { parts.append("on-error: \(handler)") }
    if !routes.isEmpty { parts.append("next: [\(routes.map(\.text).joined(separator: ", "))]") }
    return "  \(name): { \(parts.joined(separator: ", ")) }"
  }
}

extension RandomGraph.Route {
  fileprivate var text: String {
    var parts: [String] = []
    if let below { parts.append("when: .n < \(below)") }
    if let each { parts.append("each: \(JSON.string(each.text).text)") }
    if let parallel { parts.append("parallel: \(parallel)") }
    parts.append("to: \(targets.isEmpty ? "end" : each == nil ? "[\(targets.joined(separator: ", "))]" : targets[0])")
    return "{ \(parts.joined(separator: ", ")) }"
  }
}

extension SplitMix {
  fileprivate mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  fileprivate mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

  fileprivate mutating func some(of names: [String]) -> [String] {
    Array(names.shuffled(using: &self).prefix(1 + below(min(3, names.count))))
  }

  fileprivate mutating func node(_ name: String, among names: [String], counting: Int) -> RandomGraph.Node {
    var node = RandomGraph.Node(name: name)
    let channels = chance(70) ? [] : some(of: RandomGraph.channels)
    let count: (channel: String, source: RandomGraph.Source) = ("n", .literal(.int(1 + below(2))))
    node.writes = channels.filter { $0 != "n" }.map { ($0, value(for: $0)) } + (chance(counting) ? [count] : [])
    if channels.isEmpty, chance(70) {
      node.writes.append(("log", chance(50) ? .literal(.string(name)) : value(for: "log")))
    }
    if chance(12) { node.failures = 1 + below(RandomGraph.mostFailures) }
    if chance(20) { node.attempts = 2 + below(2) }
    if chance(10) { node.asks = true }
    if chance(10) { node.runsBelow = below(6) }
    if chance(20) { node.after = Array(names.filter { $0 != name }.shuffled(using: &self).prefix(1 + below(2))) }
    if chance(12) { node.isDeferred = true }
    if chance(20) { node.handler = pick(names) }
    if chance(75) { node.routes = routes(names) }
    return node
  }

  private mutating func routes(_ names: [String]) -> [RandomGraph.Route] {
    var routes: [RandomGraph.Route] = []
    if chance(60) { routes.append(route(names, below: 1 + below(12))) }
    if chance(20) { routes.append(route(names, below: 1 + below(12))) }
    let loops = chance(30)
    routes.append(loops ? route(names, below: nil) : RandomGraph.Route(targets: []))
    return routes
  }

  private mutating func route(_ names: [String], below: Int?) -> RandomGraph.Route {
    guard chance(25) else { return RandomGraph.Route(below: below, targets: some(of: names)) }
    let lists: [RandomGraph.Source] = [
      .channel("log"), .channel("tags"), .literal([1, 2, 3]), .literal([]), .literal(["p", "q"]),
    ]
    return RandomGraph.Route(
      below: below, each: pick(lists), parallel: chance(30) ? 1 + self.below(2) : nil, targets: [pick(names)])
  }

  private mutating func value(for channel: String) -> RandomGraph.Source {
    let plain: [RandomGraph.Source] = [
      .literal(.int(below(4))), .literal("s"), .channel("n"), .channel(pick(RandomGraph.channels)), .item, .index,
      .result,
      .failedNode,
    ]
    if chance(6) { return .literal(["$overwrite": chance(80) ? literal(for: channel) : "s"]) }
    switch channel {
    case "x", "y", "final", "flash", "scratch", "log", "tags": return pick(plain)
    case "chat": return .literal(literal(for: channel))
    default: return chance(5) ? pick(plain) : .literal(literal(for: channel))
    }
  }

  /// A value that the channel's reducer takes.
  private mutating func literal(for channel: String) -> JSON {
    switch channel {
    case "low", "high": return .int(below(20))
    case "map": return pick([["a": 1], ["a": ["b": 2]], ["a": ["c": [3]], "d": .null], [:], ["d": 4]])
    case "log", "tags": return pick([[1], [1, 2], []])
    case "chat":
      let id = JSON.string(pick(["m1", "m2", "m3"]))
      let message: JSON = ["id": id, "role": "user", "content": .int(below(9))]
      return pick([
        message, message, [message, ["id": "m1", "role": "user", "content": 0]], ["role": "remove", "id": "*"],
      ])
    default: return .int(below(5))
    }
  }
}
