public import Graph

/// What nodes of one kind do. The engine knows nodes only through this.
public protocol NodeKind: Sendable {
  /// What the kind is called in files and checkpoints.
  var name: String { get }

  /// What a crash, a timeout or a kill in the middle of `node` means, as far as the file tells (RELIABILITY R4).
  func effectClass(of node: Node) -> EffectClass

  /// The same where the world has a say in it, for instance what a trusted server tells of its tool.
  ///
  /// - Throws: ``NodeFailure`` when the world could not be asked.
  func effectClass(of task: TaskContext) async throws -> EffectClass

  /// One attempt.
  ///
  /// Must end soon after its Swift task is cancelled (a timeout, a stop): children terminated, and
  /// ``NodeFailure`` or `CancellationError` thrown.
  /// - Throws: ``NodeFailure`` for what the node's author can react to; ``ExpressionError``; anything else is a bug
  ///   and shown as such.
  func run(_ task: TaskContext) async throws -> NodeResult

  /// Asks the world whether the effect is already there (`check`); `nil`: the node has no check.
  func check(_ task: TaskContext) async throws -> Bool?

  /// One attempt in a rehearsal, in which nothing outside is touched and nothing is waited for.
  ///
  /// `finding` is what the world is said to give, `nil` where nothing is said of it. What the node makes of it (a
  /// status that is no success, an expectation that does not hold) is the same as in a run.
  /// - Returns: `nil` where the node needs the world and nothing is said of it.
  func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult?

  /// How long an attempt of `node` may take, which does not say so itself; `nil` is any time.
  func defaultTimeout(of node: Node) -> Duration?

  /// Whether an attempt only computes, and so ends at once: no timeout is watched, and tasks run one after the other.
  var isInstant: Bool { get }

  /// What a result depends on that is not among the node's fields: the folder it runs in, the server it asks. Part of the
  /// key under which a result is kept (`cache`).
  func surroundings(of task: TaskContext) async throws -> [JSON]

  /// What the work of `node` depends on besides what its fields read of the state.
  func sight(of node: Node) -> NodeSight

  /// Whether `node` may wait for a time, a person or something outside. What looks at the world behind it then finds the
  /// world as it is after that.
  func waits(_ node: Node) -> Bool

  /// The channels that `node` may write; `nil` is any.
  func channels(writtenBy node: Node) -> Set<ChannelName>?
}

extension NodeKind {
  public func effectClass(of task: TaskContext) async throws -> EffectClass { effectClass(of: task.node) }

  public func check(_ task: TaskContext) async throws -> Bool? { nil }

  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    finding.map(NodeResult.result)
  }

  public func defaultTimeout(of node: Node) -> Duration? { Node.defaultTimeout }

  public var isInstant: Bool { false }

  public func surroundings(of task: TaskContext) async throws -> [JSON] { [] }

  public func sight(of node: Node) -> NodeSight { .thread }

  /// Of what may see anything nothing else is known.
  public func waits(_ node: Node) -> Bool { sight(of: node) == .thread }

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { nil }
}

/// How far a node sees. It tells when a task may start before siblings of an earlier super-step have ended.
public enum NodeSight: Sendable, Hashable {
  /// Nothing but its fields.
  case fields
  /// The world outside, which nodes with effects change.
  case world
  /// Anything, also what the thread remembers: such a node waits for its super-step.
  case thread
}

/// What in doubt means for a node.
public enum EffectClass: Sendable, Hashable {
  /// No effect outside; runs again.
  case pure
  /// Runs again with the same key.
  case repeatable
  /// A check tells whether it happened.
  case check
  /// A person decides.
  case once

  /// Its attempts are recorded on disk before they start.
  public var isEffectful: Bool { self != .pure }
}

/// What an attempt gave.
public enum NodeResult: Sendable {
  /// Finished; the node's `save` turns the result into writes.
  case result(JSON)

  /// Finished with writes of its own, past `save` (`set`).
  case writes([ChannelWrite])

  /// Stops until a person has answered all of these, at least one; the next attempt finds each answer under its
  /// prompt's key (``TaskContext/answer(to:)``).
  case ask([Prompt])
}

/// A question as a node asks it; the engine gives it an id and keeps it.
public struct Prompt: Sendable, Hashable {
  public var text: String
  public var choices: [JSON]?
  public var schema: JSON?

  /// What the node calls the question; unique among those it asks.
  public var key: String

  /// What it is about: a `doubt` may also be answered `{"skip": RESULT}`.
  public var kind: Question.Kind

  /// The question inside a subgraph that this one stands for.
  var surfaced: Question?

  public init(
    _ text: String, choices: [JSON]? = nil, schema: JSON? = nil, key: String = "", kind: Question.Kind = .ask
  ) {
    self.text = text
    self.choices = choices
    self.schema = schema
    self.key = key
    self.kind = kind
  }
}

/// A failed attempt.
public struct NodeFailure: Error, Sendable {
  public var kind: ErrorKind
  public var message: String

  /// The evidence: what a handler sees as `$error.result`.
  public var result: JSON?

  /// The failure is known to precede any effect (spawn failed, connection refused …), so that even a node whose
  /// effect may happen only once may try again.
  public var precedesEffect: Bool

  /// The effect may or may not have happened: a lost connection, a kill.
  public var isInDoubt: Bool

  /// The same attempt would fail again, so that `retry` does not try: a model that does not exist, a key that is wrong.
  public var isPermanent: Bool

  /// A shell's exit code, for `retry.on: [75]`.
  public var exitCode: Int?

  /// The other side's own wish for when to try again.
  public var retryAfter: Duration?

  /// What else is open inside the subgraph that failed.
  var surfaced: [Question] = []

  public init(
    _ kind: ErrorKind, _ message: String, result: JSON? = nil, precedesEffect: Bool = false, isInDoubt: Bool = false,
    isPermanent: Bool = false, exitCode: Int? = nil, retryAfter: Duration? = nil
  ) {
    self.kind = kind
    self.message = message
    self.result = result
    self.precedesEffect = precedesEffect
    self.isInDoubt = isInDoubt
    self.isPermanent = isPermanent
    self.exitCode = exitCode
    self.retryAfter = retryAfter
  }
}

/// The node kinds a runner knows.
public struct NodeRegistry: Sendable {
  private var kinds: [String: any NodeKind] = [:]

  public init(_ kinds: [any NodeKind] = []) {
    for kind in kinds { self.kinds[kind.name] = kind }
  }

  public subscript(name: String) -> (any NodeKind)? { kinds[name] }

  public mutating func register(_ kind: any NodeKind) {
    kinds[kind.name] = kind
  }

  /// The same kinds, each as `transform` gives it.
  public func mapKinds(_ transform: (any NodeKind) -> any NodeKind) -> NodeRegistry {
    NodeRegistry(kinds.values.map(transform))
  }
}
