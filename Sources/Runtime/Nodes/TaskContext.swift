public import Graph
public import OrderedCollections

/// What one attempt of a task sees and may use.
public struct TaskContext: Sendable {
  /// What the graph says of the task.
  @inlinable
  public var node: Node { planned.node }

  @usableFromInline
  let planned: PlannedNode

  /// State and variables, without `$result`.
  public let scope: Scope

  public let id: TaskID

  /// 1 for the first attempt.
  public let attempt: Int

  /// Idempotency key: the same for every attempt of this task, also after a crash (RELIABILITY R5).
  public var key: String { services.key(call: "") }

  /// Answers to the node's own questions, by the keys it asked them under.
  let answers: [String: JSON]

  private let surroundings: TaskSurroundings
  let services: any TaskServices

  init(
    _ planned: PlannedNode, scope: Scope, id: TaskID, attempt: Int, answers: [String: JSON],
    surroundings: TaskSurroundings, services: any TaskServices
  ) {
    self.planned = planned
    self.scope = scope
    self.id = id
    self.attempt = attempt
    self.answers = answers
    self.surroundings = surroundings
    self.services = services
  }

  /// The graph's MCP servers.
  public var servers: OrderedDictionary<String, Field> { surroundings.servers }

  /// Folder of the graph file: where relative names start. The current folder for a graph made in code.
  public var folder: String { surroundings.folder }

  /// Environment for child processes: the user's, without the graph's secrets, with the run's marker and the key.
  public var environment: [String: String] {
    surroundings.environment.merging(services.ownEnvironment) { $1 }
  }

  /// How long a child gets between TERM and KILL when the attempt is cancelled.
  public var stopGrace: @Sendable () -> Duration { surroundings.stopGrace }

  /// What the task tells time by and waits with.
  public var clock: RunClock { surroundings.clock }
}

extension TaskContext {
  /// JSON Schema of the channel that the node saves its result into, whole and as it is; `nil` where there is none.
  public var resultSchema: JSON? {
    guard case .whole(let name)? = node.save, let channel = surroundings.channels[name] else { return nil }
    switch channel.reducer {
    case .replace, .last, .ephemeral, .untracked: return channel.schema?.document
    case .append, .union, .sum, .min, .max, .merge, .messages, .custom: return nil
    }
  }

  /// The field's value; `nil` when the node does not have it.
  ///
  /// - Throws: ``NodeFailure`` of kind `expression` (or `limit`) naming node, key and expression.
  public func value(_ key: String, quoting: Template.Quoting = .none) async throws -> JSON? {
    guard let field = node.fields[key] else { return nil }
    return try await evaluate(field, key: key, quoting: quoting)
  }

  /// `field` evaluated; `result` becomes `$result`. `key` names the place in errors (`that[0].expect`).
  public func evaluate(
    _ field: Field, key: String, result: JSON? = nil, quoting: Template.Quoting = .none
  ) async throws -> JSON {
    var scope = scope
    if let result { scope.variables["result"] = result }
    do {
      return try await Evaluation.run(isImmediate: field.isImmediate) { [scope] in
        try field.evaluate(in: scope, quoting: quoting)
      }
    } catch let error as ExpressionError {
      throw NodeFailure(error, key: key)
    }
  }

  /// Streams what the node prints; masked, stored bounded, and shown live. Also the sign of life that `idle` waits for.
  public func print(_ text: String, to stream: OutputStream) {
    services.print(text, to: stream)
  }

  /// Tells who watches the run, who gets it at once; it is not stored. For data of a program's own, up to 256 KiB.
  ///
  /// - Throws: ``NodeFailure`` of kind `limit` where it is more.
  public func emit(_ data: JSON) throws {
    guard data.text.utf8.count <= 256 << 10 else {
      throw NodeFailure(.limit, "emit: more than 256 KiB; write it to a channel, or to a file and its name here")
    }
    services.emit(data)
  }

  /// The answer to the question that an earlier attempt asked under `key`.
  public func answer(to key: String = "") -> JSON? { answers[key] }

  /// The value remembered under `name` by this or an earlier attempt, even one before a crash; else makes it, and
  /// returns once it is on the disk.
  public func remember(_ name: String, _ make: @Sendable () async throws -> JSON) async throws -> JSON {
    if let known = try await remembered(name) { return known }
    let value = try await make()
    return try await remember(name, value)
  }

  /// What this or an earlier attempt wrote down under `name`.
  public func remembered(_ name: String) async throws -> JSON? { try await remembered()[name] }

  /// Everything this and earlier attempts wrote down, by name.
  public func remembered() async throws -> JSONObject { try await services.notes(of: .task) }

  /// Writes `value` down for later attempts of this task, also after a crash: each name costs its own value, not what
  /// is there already. Gone once the task has ended.
  /// - Returns: what was written: `value` with secrets masked.
  @discardableResult
  public func remember(_ name: String, _ value: JSON) async throws -> JSON {
    try await services.note(name, value, of: .task)
  }

  /// What a task of this thread pinned under `name`.
  public func pinned(_ name: String) async throws -> JSON? { try await services.notes(of: .thread)[name] }

  /// Writes `value` down for all later tasks of the thread.
  public func pin(_ name: String, _ value: JSON) async throws { _ = try await services.note(name, value, of: .thread) }

  /// Whether the thread, or the one it was forked from, came from a file: what it runs may be a stranger's.
  public func isImported() async throws -> Bool {
    try await services.notes(of: .here)[NoteRecord.importName] != nil
  }

  /// What a person agreed to under `name`. It holds in this store only: no file can bring it along.
  public func agreed(_ name: String) async throws -> JSON? { try await services.notes(of: .here)["agreed \(name)"] }

  /// Writes down for all later tasks of the thread what a person agreed to.
  public func agree(_ name: String, _ value: JSON) async throws {
    _ = try await services.note("agreed \(name)", value, of: .here)
  }

  /// The run's own `Resource`, made on first use, shared by its tasks and closed when the run ends.
  public func resource<Resource: RunResource>(_ type: Resource.Type, _ make: () -> Resource) -> Resource {
    services.resources.get(type, make)
  }

  /// The idempotency key of one call among several that the task makes (RELIABILITY R5).
  public func key(call: String) -> String { services.key(call: call) }

  /// The graph that the node names as its own; `nil` for a node of another kind than `graph`.
  public var subgraph: StateGraph? { services.subgraph(of: node) }

  /// Runs `graph` inside this task, in a namespace of its own: with `inputs` where it has not begun, else from where
  /// it was. What has finished in it never runs again.
  ///
  /// - Returns: its outputs, or its open questions.
  /// - Throws: ``NodeFailure`` as the graph failed; `CancellationError` where it was stopped.
  public func run(
    _ graph: StateGraph, inputs: @escaping @Sendable () async throws -> JSONObject
  ) async throws -> NodeResult {
    try await services.run(graph, inputs: inputs)
  }

  /// Why the attempt may not go on, once its time, or that of a task around it, is up.
  package var expiry: String? { services.expiry }

  /// `value` with the graph's secrets replaced by `***`.
  public func masked(_ value: JSON) -> JSON { services.mask(value) }

  /// For what is cut or taken apart before it is a value.
  package var secretMask: SecretMask { services.secretMask }

  /// Records a background process started by this task, before it is relied on.
  public func record(_ service: ServiceProcess) async throws {
    try await services.record(service)
  }

  /// Forgets a background process that has ended.
  public func forgetService(key: String) async throws {
    try await services.forgetService(key: key)
  }

  /// The recorded background processes of this node, newest first.
  public func recordedServices() async throws -> [ServiceRecord] {
    try await services.recorded(for: node.name)
  }
}

/// A background process as a node starts it.
public struct ServiceProcess: Sendable, Hashable {
  public var pid: Int
  public var startTime: String
  public var stopsAtRunEnd: Bool

  public init(pid: Int, startTime: String, stopsAtRunEnd: Bool) {
    self.pid = pid
    self.startTime = startTime
    self.stopsAtRunEnd = stopsAtRunEnd
  }
}

/// Whose a note is: the task's, the thread's, or the thread's as long as it is in this store.
package enum NoteOwner: Sendable, Hashable {
  case task, thread, here
}

/// The runner's side of a task context; tests give their own.
package protocol TaskServices: Sendable {
  func print(_ text: String, to stream: OutputStream)
  func notes(of owner: NoteOwner) async throws -> JSONObject
  func note(_ name: String, _ value: JSON, of owner: NoteOwner) async throws -> JSON
  var resources: RunResources { get }
  func key(call: String) -> String

  /// What the task's child processes are told of it.
  var ownEnvironment: [String: String] { get }
  func mask(_ value: JSON) -> JSON
  var secretMask: SecretMask { get }
  func record(_ service: ServiceProcess) async throws
  func forgetService(key: String) async throws
  func recorded(for node: NodeName) async throws -> [ServiceRecord]
  func subgraph(of node: Node) -> StateGraph?
  func run(_ graph: StateGraph, inputs: @escaping @Sendable () async throws -> JSONObject) async throws -> NodeResult
  func emit(_ data: JSON)

  /// Why the attempt may not go on, once its time is up.
  var expiry: String? { get }

  /// The time that items of memory are dated with.
  var now: Timestamp { get }
  func items(_ query: MemoryQuery) async throws -> [MemoryItem]
  func change(_ change: MemoryChange) throws(NodeFailure)
}

/// Where no run is.
extension TaskServices {
  package var ownEnvironment: [String: String] { [:] }
  package func emit(_ data: JSON) {}
  package var expiry: String? { nil }
  package var secretMask: SecretMask { .none }
  package func subgraph(of node: Node) -> StateGraph? { nil }

  package func run(
    _ graph: StateGraph, inputs: @escaping @Sendable () async throws -> JSONObject
  ) async throws -> NodeResult {
    throw NodeFailure(.refused, "a graph runs inside another only in a run")
  }

  package var now: Timestamp { .now }

  package func items(_ query: MemoryQuery) async throws -> [MemoryItem] {
    throw NodeFailure(.refused, "memory: there is no store here")
  }

  package func change(_ change: MemoryChange) throws(NodeFailure) {
    throw NodeFailure(.refused, "memory: there is no store here")
  }
}

extension NodeFailure {
  /// A failed expression as the node's failure: names the key and the expression.
  public init(_ error: ExpressionError, key: String) {
    if case .limit = error.reason {
      self.init(.limit, "\(key): \(error)")
    } else {
      self.init(.expression, "\(key): \(error)")
    }
  }
}

extension TaskContext {
  /// A context without a runner, for tests of a node kind: prints go to `onPrint`, nothing is stored.
  package static func forTesting(
    _ node: Node, scope: Scope = Scope(), attempt: Int = 1, answers: [String: JSON] = [:],
    servers: OrderedDictionary<String, Field> = [:], folder: String, environment: [String: String],
    stopGrace: Duration = .seconds(5), clock: RunClock = .system, services: any TaskServices
  ) -> TaskContext {
    TaskContext(
      PlannedNode(node), scope: scope, id: TaskID(due: DueMark(checkpoint: 1), node: node.name), attempt: attempt,
      answers: answers,
      surroundings: TaskSurroundings(
        servers: servers, folder: folder, environment: environment, stopGrace: { stopGrace }, clock: clock),
      services: services)
  }
}
