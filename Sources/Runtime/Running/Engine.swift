public import Foundation
public import Graph
import OrderedCollections

/// What a run is asked to do differently.
public struct RunOptions: Sendable {
  /// Super-steps allowed in this run; `nil` is the graph's own `max-steps`.
  public var maxSteps: Int?

  /// Checkpoints the thread may have; a run that is allowed more super-steps than that may make as many (RELIABILITY R15).
  public var maxCheckpoints = 51_200

  /// Stop after the super-step in which this node finished.
  public var until: NodeName?

  /// Stop before the super-step in which one of these is due. A resume's first super-step is run in any case: it may be
  /// the one that the run before stopped at.
  public var breakBefore: Set<NodeName> = []

  /// Stop after the super-step in which one of these finished, as with ``until``.
  public var breakAfter: Set<NodeName> = []

  /// Approves every `approve:` of this run.
  public var approveAll = false

  /// How long running tasks may go on after the first stop request.
  public var grace: Duration = .seconds(10)

  /// What is told besides: ``StreamMode/values``, ``StreamMode/updates``.
  public var streams: Set<StreamMode> = []

  /// Waited for before each super-step: where who watches a run can hold it up.
  public var beforeStep: (@Sendable () async -> Void)?

  public init() {}

  /// ``until`` and ``breakAfter``.
  var stopAfter: Set<NodeName> { breakAfter.union(until.map { [$0] } ?? []) }

  /// The run is to stop at a certain point.
  var hasBreaks: Bool { !breakBefore.isEmpty || !stopAfter.isEmpty }
}

/// Starts and resumes threads.
public struct Engine: Sendable {
  public var store: any Checkpointer
  public var kinds: NodeRegistry

  /// Reads stored graph texts: it must know the node kinds they use.
  public var reader: GraphReader

  /// The user's environment: where secrets and `$env` come from, and what children inherit.
  public var environment: [String: String]
  public var clock: RunClock

  /// Told which of a node's routes was taken, by its place; the node is `nil` for the graph's start.
  public typealias RouteObserver = @Sendable (NodeName?, Int) -> Void
  public var onRoute: RouteObserver = { _, _ in }

  public init(
    store: any Checkpointer, kinds: NodeRegistry, reader: GraphReader = GraphReader(),
    environment: [String: String] = ProcessInfo.processInfo.environment,
    clock: RunClock = .system
  ) {
    self.store = store
    self.kinds = kinds
    self.reader = reader
    self.environment = environment
    self.clock = clock
  }

  /// Tells every event once it is stored. Called from any task, one call at a time per task; must not block long.
  public typealias Observer = @Sendable (RunEvent) -> Void

  /// Runs `graph` on a new thread, or with a new input on a finished one (DESIGN rule 17).
  ///
  /// - Throws: ``RunRefusal`` when nothing was begun, ``StoreError`` when the store could not go on.
  public func start(
    _ graph: StateGraph, thread: ThreadID, inputs: JSONObject = [:], durability: Durability = .sync,
    abandon: Bool = false, options: RunOptions = RunOptions(), stop: StopControl = StopControl(),
    observe: Observer? = nil
  ) async throws -> RunEnd {
    let secrets = try self.secrets(of: graph)
    try check(options, graph)
    return try await withThread(thread) { fence in
      let known = try await store.thread(thread)
      if let known {
        guard known.graphName == graph.name else {
          throw RunRefusal.otherGraph(thread, runs: known.graphName, given: graph.name)
        }
        guard known.status == .done || abandon else { throw RunRefusal.unfinished(thread, known.status.seen) }
      }
      let before = known == nil ? nil : try await store.checkpoint(nil, of: thread, namespace: "")
      let admission = try Admission(
        graph: graph, inputs: inputs, before: before, environment: environment, mask: mask(of: graph), now: clock.now(),
        thread: thread)
      onRoute(nil, admission.route)
      let context = context(graph, fence, secrets, durability, options, stop, observe, died: nil)
      if let known { try await endOrphans(known, context) }
      let header = admission.header(thread: thread, known: known, durability: durability)
      try await context.ledger.write(
        [
          .graph(graph.record), .thread(header),
          .checkpoint(admission.checkpoint, values: admission.values.storable(graph.channels)),
        ], telling: [.runStart(graph: graph.name)])
      return try await drive(
        context, options, durability, header, StoredCheckpoint(record: admission.checkpoint, values: admission.values),
        [], isResume: false)
    }
  }

  /// Goes on with `thread`, running only what has not finished.
  ///
  /// `graph` is what to run: the stored graph, or an edited one, which is checked against what is due. The thread may first
  /// branch off at checkpoint `number` and take in `update`; where anything is refused, neither has happened.
  /// - Throws: ``RunRefusal`` when nothing was begun, ``StoreError`` when the store could not go on.
  public func resume(
    _ thread: ThreadID, graph: StateGraph, from number: Int? = nil, update: StateUpdate = StateUpdate(),
    answers: [Answer] = [], options: RunOptions = RunOptions(), stop: StopControl = StopControl(),
    observe: Observer? = nil
  ) async throws -> RunEnd {
    let secrets = try self.secrets(of: graph)
    try check(options, graph)
    return try await withKnownThread(thread) { fence in
      guard let known = try await store.thread(thread) else { throw RunRefusal.unknownThread(thread) }
      let start = try await beginning(known, from: number, update, graph)
      var header = start.header
      let answers = try await newAnswers(answers.masked(by: mask(of: graph)), beside: start.tasks, of: thread)
      if header.status == .done, start.changes.isEmpty {
        guard answers.isEmpty else { throw RunRefusal.noQuestion(thread) }
        return await RunEnd(done: header, values: start.position.values, graph: graph)
      }
      var tasks = start.tasks
      if options.approveAll { tasks.approve(except: answers) }
      tasks = try Answer.place(answers, in: tasks, of: thread)
      let context = context(
        graph, fence, secrets, header.durability, options, stop, observe,
        died: known.status == .running ? fence.number - 1 : nil)
      try await endOrphans(known, context)
      header.graphHash = graph.record.hash
      header.graphPath = graph.source?.path ?? header.graphPath
      header.status = .running
      header.error = nil
      header.updated = clock.now()
      try await context.ledger.write(
        [.graph(graph.record), .thread(header)] + start.changes + tasks.map(StoreChange.task),
        telling: [.runStart(graph: graph.name)])
      return try await drive(context, options, header.durability, header, start.position, tasks, isResume: true)
    }
  }

  // MARK: Pieces

  /// What is known of the tasks due at the head, also of a run in durability `exit` that never stored its checkpoint.
  func knownTasks(_ header: ThreadRecord) async throws -> [TaskRecord] {
    var tasks = try await store.tasks(of: header.id, namespace: "", checkpoint: header.head)
    if header.durability == .exit {
      tasks += try await store.tasks(of: header.id, namespace: "", checkpoint: header.head + 1)
    }
    return tasks
  }

  /// Runs `body` as the thread's one runner.
  func withThread<Value: Sendable>(_ thread: ThreadID, _ body: (Fence) async throws -> Value) async throws -> Value {
    let fence = try await store.acquire(thread, owner: .current)
    do {
      let value = try await body(fence)
      try await store.release(fence)
      return value
    } catch {
      try? await store.release(fence)
      throw error
    }
  }

  /// As ``withThread(_:_:)``, for a thread that must exist: nothing is made for one that does not.
  func withKnownThread<Value: Sendable>(_ thread: ThreadID, _ body: (Fence) async throws -> Value) async throws -> Value
  {
    guard try await store.thread(thread) != nil else { throw RunRefusal.unknownThread(thread) }
    return try await withThread(thread, body)
  }

  private func drive(
    _ context: RunContext, _ options: RunOptions, _ durability: Durability, _ header: ThreadRecord,
    _ position: StoredCheckpoint, _ tasks: [TaskRecord], isResume: Bool
  ) async throws -> RunEnd {
    var run = ThreadRun(
      context: context, options: options, durability: durability, header: header, position: position, tasks: tasks,
      isResume: isResume, looksBack: isResume)
    do {
      var end = try await run.drive()
      end = end.masked(by: context.mask)
      await letGo(context)
      context.ledger.tell(.runEnd(end))
      return end
    } catch {
      await letGo(context)
      if StoreError(error) != .fenced { await noteStoreFailure(context, StoreError(error)) }
      throw error
    }
  }

  /// Writes down why the run could not go on, with the room the store keeps for that.
  private func noteStoreFailure(_ context: RunContext, _ error: StoreError) async {
    await store.releaseReserve()
    guard var header = try? await store.thread(context.thread) else { return }
    header.status = .stopped
    header.error = TaskError(kind: .store, message: error.description)
    header.updated = clock.now()
    try? await store.commit([.thread(header)], fence: context.fence)
  }

  /// Closes what the tasks shared, and ends the background processes that were to live only as long as the run.
  private func letGo(_ context: RunContext) async {
    await context.resources.close()
    guard let services = try? await context.ledger.services() else { return }
    for service in services where service.stopsAtRunEnd {
      await service.end(in: store)
      try? await context.ledger.write([.serviceEnded(key: service.key)])
    }
  }

  /// Ends what a runner that died left running (RELIABILITY R7), before anything in doubt may run again.
  private func endOrphans(_ header: ThreadRecord, _ context: RunContext) async throws {
    guard header.status == .running else { return }
    let orphans = Orphans.find(runsOf: OwnerRecord.runMarker(header.id), in: store.identity)
    guard !orphans.isEmpty else { return }
    let pids = orphans.map { "\($0.pid)" }.joined(separator: ", ")
    context.ledger.tell(.notice("the runner before this one left processes running (\(pids)); ending them"))
    await Orphans.end(orphans)
  }

  private func context(
    _ graph: StateGraph, _ fence: Fence, _ secrets: JSONObject, _ durability: Durability, _ options: RunOptions,
    _ stop: StopControl, _ observe: Observer?, died: Int?
  ) -> RunContext {
    var child = environment
    for name in graph.allSecrets { child[name] = nil }
    child[Orphans.outerVariable] = Orphans.outer(in: environment)
    child[Orphans.storeVariable] = store.identity
    child[Orphans.runVariable] = OwnerRecord.runMarker(fence.thread) + "\(fence.number)"
    return RunContext(
      plan: GraphPlan(graph), kinds: kinds, fence: fence,
      ledger: NamespaceLedger(
        Ledger(store: store, fence: fence, mode: durability, clock: clock, observe: observe)), stop: stop,
      clock: clock, mask: mask(of: graph), secrets: secrets, userEnvironment: environment, childEnvironment: child,
      options: options, died: died, onRoute: onRoute)
  }

  private func secrets(of graph: StateGraph) throws(RunRefusal) -> JSONObject {
    let names = graph.allSecrets
    let unset = names.filter { (environment[$0] ?? "").isEmpty }
    guard unset.isEmpty else { throw .secretUnset(unset) }
    var secrets = JSONObject()
    for name in names {
      let value = environment[name] ?? ""
      guard value.utf8.count >= SecretMask.shortest else { throw .secretTooShort(name) }
      secrets[name] = .string(value)
    }
    return secrets
  }

  /// Of those of the graph's secrets that are set: what only changes a thread needs none.
  func mask(of graph: StateGraph) -> SecretMask { SecretMask(graph.allSecrets.compactMap { environment[$0] }) }

  private func check(_ options: RunOptions, _ graph: StateGraph) throws(RunRefusal) {
    for name in (options.breakBefore.union(options.stopAfter)).sorted() where graph.nodes[name] == nil {
      throw .unknownNode(name, known: Array(graph.nodes.keys))
    }
  }

  /// The graph that the thread ran so far; `nil` where this program cannot read it.
  func earlierGraph(_ header: ThreadRecord) async throws -> StateGraph? {
    guard let record = try await store.graph(header.graphHash) else { return nil }
    return try await Evaluation.run { [reader] in reader.stored(record, path: header.graphPath) }
  }
}

extension GraphReader {
  /// Reads what a thread keeps of its graph, which was at `path`.
  public func read(_ record: GraphRecord, path: String?) -> Reading {
    read(record.text, path: path, files: record.files)
  }

  /// The graph that `record` was kept of, which was at `path`; `nil` where this program cannot read it.
  public func stored(_ record: GraphRecord, path: String?) -> StateGraph? {
    stored(record.text, path: path, files: record.files)
  }
}

extension OwnerRecord {
  /// This process.
  public static let current = OwnerRecord(
    pid: Int(ProcessInfo.processInfo.processIdentifier), host: ProcessInfo.processInfo.hostName,
    bootID: ProcessIdentity.bootID)

  /// What the environment of a thread's children begins with on this machine; the fence number follows.
  static func runMarker(_ thread: ThreadID) -> String { "\(ProcessIdentity.bootID).\(thread)." }

  /// The thread in the mark of a process that was started since the machine was.
  static func thread(ofMark mark: String) -> ThreadID? {
    let boot = "\(ProcessIdentity.bootID)."
    guard mark.hasPrefix(boot), let end = mark.lastIndex(of: ".") else { return nil }
    let start = mark.index(mark.startIndex, offsetBy: boot.count)
    return start < end ? ThreadID(checking: String(mark[start..<end])) : nil
  }
}

extension ServiceRecord {
  /// Whether the very process that was recorded still runs.
  public var isAlive: Bool {
    bootID == ProcessIdentity.bootID && ProcessIdentity(pid: pid, startTime: startTime).isAlive
  }

  /// Ends the service and everything it started.
  public func end(in store: any Checkpointer) async {
    guard isAlive else { return }
    let processes = Orphans.find(service: key, in: store.identity)
    await Orphans.end(processes.isEmpty ? [ProcessIdentity(pid: pid, startTime: startTime)] : processes)
  }
}

extension ThreadStatus {
  /// As others see it: what says `running` with nobody running it was stopped.
  public var seen: ThreadStatus { self == .running ? .stopped : self }
}

extension StateGraph {
  /// What the store keeps of the graph.
  public var record: GraphRecord {
    let text = source?.text ?? name
    let files = source?.files ?? [:]
    return GraphRecord(hash: TaskKey.graph(text, files: files), name: name, text: text, files: files)
  }

  /// The secrets of the graph and of those that run inside it, each once.
  var allSecrets: [String] { Array(OrderedSet(withSubgraphs.flatMap(\.secrets))) }
}

extension StoredCheckpoint {
  /// With the values of channels that are never stored, and of channels `graph` has and the checkpoint had not, at their start.
  func with(defaultsOf graph: StateGraph) -> StoredCheckpoint {
    var copy = self
    for channel in graph.channels.values where copy.values[channel.name.rawValue] == nil {
      guard let value = channel.initial ?? channel.reducer.start else { continue }
      copy.values[channel.name.rawValue] = value
    }
    return copy
  }
}

extension RunEnd {
  fileprivate init(done header: ThreadRecord, values: JSONObject, graph: StateGraph) async {
    self.init(
      status: .done, checkpoint: header.head, step: header.step, values: values,
      outputs: await graph.outputs(of: values),
      next: [], error: nil, errors: [], interrupts: [], signal: nil)
  }

  fileprivate func masked(by mask: SecretMask) -> RunEnd {
    guard !mask.isEmpty else { return self }
    var copy = self
    copy.values = mask.mask(values)
    copy.outputs = outputs.map { mask.mask($0) }
    return copy
  }
}
