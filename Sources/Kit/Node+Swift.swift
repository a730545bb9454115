public import Graph
import GraphNodes
public import GraphRuntime
import OrderedCollections

/// Collects what a node's code writes: each expression in it is a ``Write``, or a list of them.
@resultBuilder
public enum WriteBuilder {
  public static func buildExpression(_ write: Write) -> [Write] { [write] }
  public static func buildExpression(_ writes: [Write]) -> [Write] { writes }
  public static func buildExpression(_ nothing: Void) -> [Write] { [] }
  public static func buildBlock(_ parts: [Write]...) -> [Write] { Array(parts.joined()) }
  public static func buildOptional(_ part: [Write]?) -> [Write] { part ?? [] }
  public static func buildEither(first part: [Write]) -> [Write] { part }
  public static func buildEither(second part: [Write]) -> [Write] { part }
  public static func buildArray(_ parts: [[Write]]) -> [Write] { Array(parts.joined()) }
}

extension Node {
  /// A node whose code reads the state and gives writes.
  public init(
    _ name: NodeName, description: String? = nil,
    @WriteBuilder _ body: @escaping @Sendable (State) async throws -> [Write]
  ) {
    self.init(name, description) { state, _ in try await body(state) }
  }

  /// A node whose code also uses what a task may: questions, output, memory.
  public init(
    _ name: NodeName, description: String? = nil,
    @WriteBuilder _ body: @escaping @Sendable (State, TaskContext) async throws -> [Write]
  ) {
    self.init(name, description) { state, task in try await body(state, task) }
  }

  /// A node that fan-outs lead to, one task per item.
  public init<Item: Decodable & Sendable>(
    _ name: NodeName, item: Item.Type, description: String? = nil,
    @WriteBuilder _ body: @escaping @Sendable (Item, State) async throws -> [Write]
  ) {
    self.init(name, description) { state, _ in try await body(state.item(), state) }
  }

  /// A node that fan-outs lead to, one task per item, whose code also uses what a task may.
  public init<Item: Decodable & Sendable>(
    _ name: NodeName, item: Item.Type, description: String? = nil,
    @WriteBuilder _ body: @escaping @Sendable (Item, State, TaskContext) async throws -> [Write]
  ) {
    self.init(name, description) { state, task in try await body(state.item(), state, task) }
  }

  /// A node of any kind: `Node("build", "shell", ["run": "make"])`, its fields as a graph file has them.
  public init(_ name: NodeName, _ kind: String, _ fields: KeyValuePairs<String, Field>, description: String? = nil) {
    self.init(name, kind: kind, fields: .init(uniqueKeysWithValues: fields.map { ($0.key, $0.value) }))
    self.description = description
  }

  private init(
    _ name: NodeName, _ description: String?,
    writing body: @escaping @Sendable (State, TaskContext) async throws -> [Write]
  ) {
    self.init(name, kind: SwiftNode.kind, description: description)
    code = NodeCode(
      SwiftBody { task in .writes(try await body(State(task.scope), task).map { try $0.checked() }) })
  }
}

// MARK: Edges

extension Node {
  /// Leads to these nodes, or to the end.
  public func next(_ targets: Route.Target...) -> Node { next(Routes.plain(targets)) }

  /// Leads one way where `condition` holds, on the state with this task's writes, and else the other.
  public func next(
    when condition: @escaping @Sendable (State) throws -> Bool, to target: Route.Target, else other: Route.Target
  ) -> Node {
    next(.when(condition, to: target), .otherwise(to: other))
  }

  /// Leads the way of the first route that matches; the last must always match.
  public func next(_ first: Route, _ others: Route...) -> Node { next(Routes([first] + others)) }

  /// Starts one task of `target` per item; their writes land in item order.
  ///
  /// - Parameter parallel: how many run at once; `nil` does not bound them.
  public func next<Item: Encodable & SendableMetatype>(
    each items: @escaping @Sendable (State) throws -> [Item], to target: NodeName, parallel: Int? = nil
  ) -> Node {
    next(.each(items, to: target, parallel: parallel))
  }

  /// Leads to the nodes that `choose` names, each one of `may`; none is the end.
  public func next(_ may: [NodeName], _ choose: @escaping @Sendable (State) throws -> [NodeName]) -> Node {
    let expression = Expression { scope in
      let names = try choose(State(scope)).map(\.rawValue)
      return names.isEmpty ? "end" : .array(names.map(JSON.string))
    }
    return next(Routes([Route(to: .computed(expression, may: may))]))
  }

  private func next(_ routes: Routes) -> Node { with { $0.next = routes } }

  /// A barrier: runs once all of these have finished since it last ran.
  public func after(_ nodes: NodeName...) -> Node { with { $0.after = nodes } }

  /// Runs only when nothing else can, once for all arrivals.
  public func deferred() -> Node { with { $0.isDeferred = true } }

  /// Where a failure leads instead of failing the run; the handler sees ``State/error``.
  public func onError(_ handler: NodeName) -> Node { with { $0.onError = handler } }
}

extension Route {
  public static func when(_ condition: @escaping @Sendable (State) throws -> Bool, to target: Target) -> Route {
    Route(when: Expression { .bool(try condition(State($0))) }, to: target)
  }

  public static func each<Item: Encodable & SendableMetatype>(
    _ items: @escaping @Sendable (State) throws -> [Item], to target: NodeName, parallel: Int? = nil
  ) -> Route {
    Route(
      each: Expression { .array(try items(State($0)).map { try Coding.json($0) }) }, parallel: parallel,
      to: .nodes([target]))
  }

  public static func otherwise(to target: Target) -> Route { Route(to: target) }
}

extension Routes {
  static func plain(_ targets: [Route.Target]) -> Routes {
    Routes(
      to: targets.flatMap { target in
        guard case .nodes(let names) = target else { preconditionFailure("a literal target is made of names") }
        return names
      })
  }
}

// MARK: Guards and limits

extension Node {
  /// Where it does not hold the node is skipped, and counts as finished.
  public func when(_ condition: @escaping @Sendable (State) throws -> Bool) -> Node {
    with { $0.when = Expression { .bool(try condition(State($0))) } }
  }

  /// Tries failed attempts again.
  public func retry(
    _ attempts: Int = 3, delay: Duration = .seconds(1), backoff: Double = 2, maxDelay: Duration = .seconds(60),
    jitter: Bool = true, on kinds: Set<ErrorKind>? = nil
  ) -> Node {
    var policy = RetryPolicy()
    policy.attempts = attempts
    policy.delay = delay
    policy.backoff = backoff
    policy.maxDelay = maxDelay
    policy.jitter = jitter
    policy.kinds = kinds.map { Set($0.map(\.rawValue)) }
    return with { $0.retry = policy }
  }

  /// Bound on one attempt.
  public func timeout(_ limit: Duration) -> Node { with { $0.timeout = limit } }

  /// Bound on an attempt's silence.
  public func idle(_ limit: Duration) -> Node { with { $0.idle = limit } }

  /// Bound on all attempts and the waits between them.
  public func deadline(_ limit: Duration) -> Node { with { $0.deadline = limit } }

  /// What a crash, a timeout or a kill in the middle means; without a word code runs again.
  public func effects(_ effects: Effects) -> Node { with { $0.effects = effects } }

  /// After a crash, a timeout or a kill `isDone` tells whether the effect is there; before an attempt too.
  public func check(_ isDone: @escaping @Sendable (State) async throws -> Bool) -> Node {
    with { node in
      guard let body = node.code?.swift else {
        preconditionFailure(
          "node \(node.name): a check in Swift is for nodes made in Swift; others have their own field")
      }
      node.code = NodeCode(body.checked { try await isDone(State($0.scope)) })
    }
  }

  /// A person is asked before it runs.
  public func approve(_ prompt: String? = nil) -> Node {
    with { $0.approve = prompt.map { .prompt(Template(parts: [.text($0)])) } ?? .standard }
  }

  /// Stores a result of equal fields, for nodes of a kind that has fields.
  public func cache(for ttl: Duration? = nil, key: Field? = nil) -> Node {
    with { $0.cache = CachePolicy(ttl: ttl, key: key) }
  }

  /// Stores the node's whole result in a channel.
  public func save<Value>(_ channel: Channel<Value>) -> Node { with { $0.save = .whole(channel.name) } }

  /// Stores a part of the node's result in a channel: `.save(draft, "$result.text")`.
  ///
  /// - Parameter expression: jq; a literal is trusted.
  public func save<Value>(_ channel: Channel<Value>, _ expression: String) -> Node {
    with { node in
      var parts = node.save?.parts ?? [:]
      parts[channel.name] = .expression(.trusted(expression))
      node.save = .parts(parts)
    }
  }

  func with(_ change: (inout Node) -> Void) -> Node {
    var copy = self
    change(&copy)
    return copy
  }
}

extension Save {
  var parts: OrderedDictionary<ChannelName, Field>? {
    guard case .parts(let parts) = self else { return nil }
    return parts
  }
}

extension Expression {
  /// An expression that a program spells out.
  fileprivate static func trusted(_ source: String) -> Expression {
    do {
      return try Expression(source)
    } catch {
      preconditionFailure("\(error)")
    }
  }
}
