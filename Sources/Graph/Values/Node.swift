public import OrderedCollections

/// One authored step: what it does (``kind`` and ``fields``) and how it is reached, guarded and left.
public struct Node: Sendable, Hashable {
  public var name: NodeName
  public var description: String?

  /// The node kind's name, for instance `shell`.
  public var kind: String

  /// The kind's own fields; a shorthand (`shell: ls`) is already spelled out (`run: ls`).
  public var fields: OrderedDictionary<String, Field>

  /// Barrier: runs once all of these have finished since it last ran.
  public var after: [NodeName]

  /// Edges out; `nil` ends the branch.
  public var next: Routes?

  public var save: Save?

  /// False: the node is skipped and counts as finished.
  public var when: Expression?

  public var retry: RetryPolicy?

  /// Bound on one attempt; `nil` is ``defaultTimeout``.
  public var timeout: Duration?

  /// Bound on silence: an attempt that gives no output for this long is ended; `nil` is none.
  public var idle: Duration?

  /// Bound on all attempts and the waits between them; `nil` is none.
  public var deadline: Duration?

  /// Bound on the wait for a turn in a fan-out that runs only so many at once; `nil` is none.
  public var queue: Duration?

  public var cache: CachePolicy?

  /// Where a failure goes instead of failing the run.
  public var onError: NodeName?

  /// Runs only when nothing else can, once for all arrivals.
  public var isDeferred: Bool

  /// What the author says of the effects; `nil` leaves it to the kind.
  public var effects: Effects?

  public var approve: Approval?

  /// What a node made in Swift does (kind `swift`).
  public var code: NodeCode?

  public init(
    _ name: NodeName, kind: String, fields: OrderedDictionary<String, Field> = [:], description: String? = nil,
    after: [NodeName] = [], next: Routes? = nil, save: Save? = nil, when: Expression? = nil,
    retry: RetryPolicy? = nil, timeout: Duration? = nil, idle: Duration? = nil, deadline: Duration? = nil,
    queue: Duration? = nil,
    cache: CachePolicy? = nil, onError: NodeName? = nil, isDeferred: Bool = false, effects: Effects? = nil,
    approve: Approval? = nil
  ) {
    self.name = name
    self.kind = kind
    self.fields = fields
    self.description = description
    self.after = after
    self.next = next
    self.save = save
    self.when = when
    self.retry = retry
    self.timeout = timeout
    self.idle = idle
    self.deadline = deadline
    self.queue = queue
    self.cache = cache
    self.onError = onError
    self.isDeferred = isDeferred
    self.effects = effects
    self.approve = approve
  }

  public static let defaultTimeout: Duration = .seconds(600)
}

/// What a node made in Swift does, as the module that runs it knows it. Code cannot be compared: all of them are equal.
public struct NodeCode: Sendable, Hashable {
  public let body: any Sendable

  public init(_ body: any Sendable) {
    self.body = body
  }

  public static func == (left: Self, right: Self) -> Bool { true }
  public func hash(into hasher: inout Hasher) {}
}

/// What a result writes.
public enum Save: Sendable, Hashable {
  /// The whole result into one channel.
  case whole(ChannelName)

  /// Parts: each expression sees `$result`.
  case parts(OrderedDictionary<ChannelName, Field>)
}

extension Save {
  /// Whether every expression in it ``Expression/isImmediate``.
  public var isImmediate: Bool {
    guard case .parts(let parts) = self else { return true }
    return parts.values.allSatisfy(\.isImmediate)
  }

  /// The channels a result is saved in.
  public var channels: Set<ChannelName> {
    switch self {
    case .whole(let channel): [channel]
    case .parts(let parts): Set(parts.keys)
    }
  }
}

/// When a failed attempt is tried again (RELIABILITY R4, R10).
public struct RetryPolicy: Sendable, Hashable {
  /// Attempts in all, the first included.
  public var attempts = 3
  public var delay: Duration = .seconds(1)
  public var backoff: Double = 2
  public var maxDelay: Duration = .seconds(60)

  /// Full jitter: the wait is anything between zero and the computed delay.
  public var jitter = true

  /// Error kinds to try again on; `nil` is the standard set.
  public var kinds: Set<String>?

  /// Exit codes to try again on, even of a node whose effect may happen only once.
  public var exitCodes: Set<Int> = []

  public static let standardKinds: Set<String> = [
    "exit", "signal", "timeout", "spawn", "connection", "http", "model", "tool", "swift",
  ]

  public init() {}
}

public struct CachePolicy: Sendable, Hashable {
  /// How long a result is good; `nil` for ever.
  public var ttl: Duration?

  /// Part of the cache key besides the kind and its evaluated fields.
  public var key: Field?

  public init(ttl: Duration? = nil, key: Field? = nil) {
    self.ttl = ttl
    self.key = key
  }
}

/// What an author declares of a node's effects (DESIGN rule 8).
public enum Effects: String, Sendable, Hashable, CaseIterable {
  /// Running it again does no harm.
  case repeatable

  /// It may happen only once; in doubt a person decides.
  case once
}

/// A person is asked before the node runs.
public enum Approval: Sendable, Hashable {
  case standard
  case prompt(Template)
}
