/// Edges out of a node, or a graph's start: tried in order, the first match taken.
public struct Routes: Sendable, Hashable {
  public var routes: [Route]

  public init(_ routes: [Route]) {
    self.routes = routes
  }

  /// Plain edges to all of `names`, without a condition.
  public init(to names: [NodeName]) {
    routes = [Route(to: .nodes(names))]
  }

  /// Every node that can be reached from here.
  public var targets: [NodeName] {
    routes.flatMap { route in
      switch route.target {
      case .nodes(let names): names
      case .computed(_, let may): may
      }
    }
  }
}

extension Routes {
  /// Whether where these lead may depend on when it is asked for.
  public var readsClock: Bool {
    routes.contains { route in
      if case .computed(let expression, _) = route.target, expression.readsClock { return true }
      return route.when?.readsClock == true || route.each?.readsClock == true
    }
  }

  /// Whether every expression in these ``Expression/isImmediate``.
  public var isImmediate: Bool {
    routes.allSatisfy { route in
      if case .computed(let expression, _) = route.target, !expression.isImmediate { return false }
      return route.when?.isImmediate != false && route.each?.isImmediate != false
    }
  }

  /// What of the state decides where these lead.
  public var reads: Expression.Reads {
    routes.reduce(.channels([])) { reads, route in
      var reads = reads.union(route.when?.reads).union(route.each?.reads)
      if case .computed(let expression, _) = route.target { reads = reads.union(expression.reads) }
      return reads
    }
  }
}

/// One way out: when it matches and where it leads.
public struct Route: Sendable, Hashable {
  /// `nil` always matches.
  public var when: Expression?

  /// Fan-out: one task of the target per item (a stream, or one list).
  public var each: Expression?

  /// How many tasks of the fan-out run at once; `nil` does not bound them.
  public var parallel: Int?

  public var target: Target

  public init(when: Expression? = nil, each: Expression? = nil, parallel: Int? = nil, to target: Target) {
    self.when = when
    self.each = each
    self.parallel = parallel
    self.target = target
  }

  public enum Target: Sendable, Hashable {
    /// Known names; empty is `end`.
    case nodes([NodeName])

    /// An expression that gives one name or a list of names, each of `may` or `end`.
    case computed(Expression, may: [NodeName])
  }
}
