public import Foundation
public import Graph
import GraphNodes
public import GraphRuntime
import OrderedCollections

/// Runs the threads of one graph, and looks at them.
public struct Runner: Sendable {
  public let graph: StateGraph

  /// What is beneath: the engine as the command line has it too.
  public let engine: Engine

  /// How far runs may be ahead of who reads their events.
  public var pace = EventPace()

  private let isOwner: Bool

  /// - Parameters:
  ///   - kinds: node kinds of one's own, beside graphrun's.
  ///   - reader: knows the formats of such kinds where graph files use them.
  ///   - environment: where secrets and `$env` come from, and what children inherit.
  /// - Throws: ``StoreError`` where the store cannot be opened, ``GraphMistakes`` where a node's kind is unknown.
  public init(
    _ graph: StateGraph, store: Store = .memory, kinds: [any NodeKind] = [], reader: GraphReader = GraphReader(),
    environment: [String: String] = ProcessInfo.processInfo.environment, clock: RunClock = .system
  ) async throws {
    let known = NodeRegistry(BuiltInNodes.all + kinds)
    let unknown = graph.withSubgraphs.flatMap(\.nodes.values).filter { known[$0.kind] == nil }
    guard unknown.isEmpty else {
      throw GraphMistakes(
        graph: graph.name,
        mistakes: unknown.map {
          "node \($0.name): no node kind is called \"\($0.kind)\"; give it to the runner (kinds:)"
        })
    }
    var reader = reader
    reader.known.append(graph)
    self.graph = graph
    isOwner = store.isOwned
    engine = Engine(
      store: try await store.open(), kinds: known, reader: reader, environment: environment, clock: clock)
  }

  // MARK: Running

  /// Runs the graph on a new thread, or with a new input on a finished one.
  ///
  /// - Parameter inputs: `topic.write("bees")`.
  /// - Throws: ``GraphRuntime/RunRefusal`` when nothing was begun.
  public func start(
    thread: ThreadID, _ inputs: Write..., durability: Durability = .sync, abandon: Bool = false,
    options: RunOptions = RunOptions()
  ) async throws -> Run {
    try await start(
      thread: thread, inputs: JSONObject(inputs.map { ($0.channel.rawValue, try $0.checked().value) }),
      durability: durability, abandon: abandon, options: options)
  }

  /// The same with inputs as JSON.
  public func start(
    thread: ThreadID, inputs: JSONObject, durability: Durability = .sync, abandon: Bool = false,
    options: RunOptions = RunOptions()
  ) async throws -> Run {
    try await run(thread, options) { [engine, graph] options, stop, observe in
      try await engine.start(
        graph, thread: thread, inputs: inputs, durability: durability, abandon: abandon, options: options, stop: stop,
        observe: observe)
    }
  }

  /// Goes on with a thread that was stopped, failed or waits; what has finished does not run again. What changed in the
  /// graph since is told as a `notice`, or refused (DESIGN rule 10).
  public func resume(
    _ thread: ThreadID, answers: [Answer] = [], options: RunOptions = RunOptions()
  ) async throws -> Run {
    try await run(thread, options) { [self] options, stop, observe in
      for line in try await changes(of: thread) {
        observe(RunEvent(thread: thread, time: engine.clock.now(), kind: .notice("the graph changed: \(line)")))
      }
      return try await engine.resume(
        thread, graph: graph, answers: answers, options: options, stop: stop, observe: observe)
    }
  }

  /// Resumes a waiting thread with the answer to its question.
  ///
  /// - Parameter id: which question; `nil` where only one is open.
  public func answer(
    _ thread: ThreadID, _ answer: some Encodable, to id: String? = nil, options: RunOptions = RunOptions()
  ) async throws -> Run {
    try await resume(thread, answers: [Answer(id: id, value: try Coding.json(answer))], options: options)
  }

  private func run(
    _ thread: ThreadID, _ options: RunOptions,
    _ body: @escaping @Sendable (RunOptions, StopControl, @escaping Engine.Observer) async throws -> RunEnd
  ) async throws -> Run {
    let buffer = EventBuffer(pace)
    let stop = StopControl()
    var options = options
    options.beforeStep = { await buffer.catchUp() }
    Task { [options] in
      do {
        buffer.finish(.success(try await body(options, stop) { buffer.put($0) }))
      } catch {
        buffer.finish(.failure(error))
      }
    }
    let run = Run(thread: thread, buffer: buffer, stop: stop, clock: engine.clock)
    try await buffer.begun()
    return run
  }

  /// What differs between the graph as the thread has it and as it is now.
  private func changes(of thread: ThreadID) async throws -> [String] {
    guard let header = try await engine.store.thread(thread), header.graphHash != graph.record.hash,
      let old = try await engine.store.graph(header.graphHash), let new = graph.source?.text
    else { return [] }
    return StateGraph.differences(fromOutline: old.text, to: new)
  }

  // MARK: Looking

  private var view: ThreadView { ThreadView(engine.store, reader: engine.reader) }

  /// A thread's state: at its head, or at an older checkpoint.
  public func state(_ thread: ThreadID, at checkpoint: Int? = nil) async throws -> Snapshot {
    try await view.snapshot(thread, at: checkpoint)
  }

  /// A thread's checkpoints, newest first.
  public func history(_ thread: ThreadID, before: Int? = nil, limit: Int? = nil) async throws -> [HistoryLine] {
    try await view.history(thread, before: before, limit: limit)
  }

  /// The threads of the store, newest change first.
  public func threads() async throws -> [ThreadRecord] { try await view.headers() }

  /// What a thread's tasks printed.
  public func log(_ thread: ThreadID) async throws -> [OutputRecord] {
    try await engine.store.output(of: thread).byAttempt
  }

  // MARK: Changing

  /// Writes to a thread's state from outside; with `node`, as if that node had written: its edges are followed.
  @discardableResult
  public func update(_ thread: ThreadID, _ writes: Write..., as node: NodeName? = nil) async throws -> ThreadRecord {
    try await engine.update(thread, try Self.update(writes, node), graph: graph)
  }

  /// Grows a branch from an older checkpoint, which becomes the head; ``resume(_:answers:options:)`` runs it.
  @discardableResult
  public func fork(
    _ thread: ThreadID, at checkpoint: Int, _ writes: Write..., as node: NodeName? = nil
  ) async throws -> ThreadRecord {
    try await engine.fork(thread, at: checkpoint, update: try Self.update(writes, node), graph: graph)
  }

  private static func update(_ writes: [Write], _ node: NodeName?) throws -> StateUpdate {
    StateUpdate(values: JSONObject(try writes.map { ($0.channel.rawValue, try $0.checked().value) }), node: node)
  }

  /// Lets go of the store, once no run is under way.
  public func close() async throws {
    if isOwner { try await engine.store.close() }
  }
}
