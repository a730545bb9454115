import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

/// A node kind that does what a test says, or gives its `result` field back.
struct Work: NodeKind {
  typealias Body = @Sendable (TaskContext) async throws -> NodeResult

  let name = "work"
  var bodies: [NodeName: Body] = [:]
  var checks: [NodeName: @Sendable () -> Bool] = [:]
  let log = Log()

  /// What it does only computes.
  var isInstant = false

  /// What its nodes depend on besides their fields; with less than everything they may run before their super-step.
  var sight = NodeSight.thread
  func sight(of node: Node) -> NodeSight { sight }
  func waits(_ node: Node) -> Bool { sight == .thread || node.fields["class"] == .literal("wait") }

  func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  static let format = NodeFormat(
    kind: "work", description: "What a test says.",
    fields: [FieldFormat("result", .value, "What it gives."), FieldFormat("class", .text, "Its effect class.")],
    shorthand: "result")

  func effectClass(of node: Node) -> EffectClass {
    if checks[node.name] != nil { return .check }
    guard case .literal(.string(let text))? = node.fields["class"] else { return .pure }
    return ["once": .once, "repeatable": .repeatable, "check": .check][text] ?? .pure
  }

  func run(_ task: TaskContext) async throws -> NodeResult {
    log.note("\(task.node.name)#\(task.attempt)", key: task.key)
    if let body = bodies[task.node.name] { return try await body(task) }
    return .result(try await task.value("result") ?? .null)
  }

  func check(_ task: TaskContext) async throws -> Bool? { checks[task.node.name]?() }

  /// What ran, in the order it began.
  final class Log: Sendable {
    private let entries = Mutex<[(run: String, key: String)]>([])
    var runs: [String] { entries.withLock { $0.map(\.run) } }
    var keys: [String] { entries.withLock { $0.map(\.key) } }
    func note(_ run: String, key: String) { entries.withLock { $0.append((run, key)) } }
    func count(_ node: String) -> Int { runs.count { $0.hasPrefix("\(node)#") } }
  }
}

/// A question asked by a `work` node.
func asks(_ text: String, choices: [JSON]? = nil, schema: JSON? = nil) -> Work.Body {
  { task in
    if let answer = task.answer() { return .result(answer) }
    return .ask([Prompt(text, choices: choices, schema: schema)])
  }
}

/// A thread of one graph on one store, with what its runs told.
final class Bench: Sendable {
  let graph: StateGraph
  let runner: Engine
  let work: Work
  let thread: ThreadID = "t"
  private let told = Mutex<[RunEvent]>([])
  private let reruns = Mutex(0)

  /// How often the test answered a doubt with rerun.
  var rerun: Int { reruns.withLock { $0 } }
  func reran(_ count: Int) { reruns.withLock { $0 += count } }

  init(
    _ text: String, files: [String: String] = [:], store: any Checkpointer = MemoryStore(),
    environment: [String: String] = [:],
    checks: [NodeName: @Sendable () -> Bool] = [:], sight: NodeSight = .thread, _ bodies: [NodeName: Work.Body] = [:]
  ) throws {
    graph = try Bench.read(text, files: files)
    work = Work(bodies: bodies, checks: checks, sight: sight)
    runner = Engine(
      store: store, kinds: NodeRegistry([work, Nested()]), reader: Bench.reader, environment: environment)
  }

  static let reader = GraphReader(kinds: [Work.format] + NodeFormat.builtIn.filter { $0.kind == "graph" })

  static func read(_ text: String, files: [String: String] = [:]) throws -> StateGraph {
    let reading = reader.read(text, files: files)
    return try #require(reading.graph, "\(reading.problems.map(\.message))")
  }

  func start(
    _ inputs: JSONObject = [:], durability: Durability = .sync, abandon: Bool = false,
    options: RunOptions = RunOptions(),
    stop: StopControl = StopControl()
  ) async throws -> RunEnd {
    try await runner.start(
      graph, thread: thread, inputs: inputs, durability: durability, abandon: abandon, options: options, stop: stop,
      observe: { [self] in hear($0) })
  }

  func resume(
    _ answers: [Answer] = [], graph: StateGraph? = nil, options: RunOptions = RunOptions()
  ) async throws -> RunEnd {
    try await runner.resume(
      thread, graph: graph ?? self.graph, answers: answers, options: options, observe: { [self] in hear($0) })
  }

  private func hear(_ event: RunEvent) { told.withLock { $0.append(event) } }

  var events: [RunEvent.Kind] { told.withLock { $0.map(\.kind) } }

  /// What was told of the subgraph `namespace`.
  func placed(_ namespace: String) -> [RunEvent.Kind] {
    told.withLock { $0.filter { $0.namespace == namespace }.map(\.kind) }
  }

  /// The nodes of each super-step that was begun.
  var steps: [[String]] {
    events.compactMap { if case .stepStart(_, let nodes) = $0 { nodes.map(\.rawValue) } else { nil } }
  }

  var view: ThreadView { ThreadView(runner.store, reader: Bench.reader) }
}

/// Opened once; who comes before that waits.
final class Gate: Sendable {
  private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

  var isOpen: Bool { state.withLock(\.isOpen) }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      let waiting = state.waiting
      state.waiting = []
      return waiting
    }
    waiting.forEach { $0.resume() }
  }

  func opened() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}
