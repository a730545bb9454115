import Graph
import OrderedCollections

/// What the runner does for a node while it runs.
struct RunServices: TaskServices {
  let run: RunContext
  let output: TaskOutput
  let memory: TaskMemory

  /// The task as it stands, its attempt begun.
  let record: TaskRecord

  private var task: TaskID { record.id }

  func print(_ text: String, to stream: OutputStream) { output.print(text, to: stream) }
  var resources: RunResources { run.resources }
  func key(call: String) -> String { TaskKey.key(run.thread, task, call: call) }
  var ownEnvironment: [String: String] { ["GRAPHRUN_IDEMPOTENCY_KEY": key(call: "")] }
  func mask(_ value: JSON) -> JSON { run.mask.mask(value) }
  var secretMask: SecretMask { run.mask }

  func notes(of owner: NoteOwner) async throws -> JSONObject {
    let notes = try await run.ledger.notes(key: key(of: owner)).filter { $0.name != AheadNote.name }
    return JSONObject(notes.map { ($0.name, $0.value) })
  }

  func note(_ name: String, _ value: JSON, of owner: NoteOwner) async throws -> JSON {
    let note = NoteRecord(key: key(of: owner), name: name, value: mask(value))
    try await run.ledger.write([.note(note)])
    return note.value
  }

  var expiry: String? { output.expiry ?? run.expiry() }
  var now: Timestamp { run.clock.now() }
  func change(_ change: MemoryChange) throws(NodeFailure) { try memory.add(change) }

  func items(_ query: MemoryQuery) async throws -> [MemoryItem] {
    try await run.ledger.items(query, over: memory.all)
  }

  func emit(_ data: JSON) {
    run.ledger.tell(.custom(node: task.nodeName, task: output.label, mask(data)))
  }

  private func key(of owner: NoteOwner) -> String {
    switch owner {
    case .task: TaskKey.key(run.thread, task)
    case .thread: ""
    case .here: NoteRecord.localKey
    }
  }

  func record(_ service: ServiceProcess) async throws {
    try await run.ledger.write([
      .service(
        ServiceRecord(
          thread: run.thread, key: key(of: .task), node: place(of: task.nodeName), pid: service.pid,
          startTime: service.startTime,
          bootID: ProcessIdentity.bootID, stopsAtRunEnd: service.stopsAtRunEnd))
    ])
  }

  func forgetService(key: String) async throws { try await run.ledger.write([.serviceEnded(key: key)]) }
  func recorded(for node: NodeName) async throws -> [ServiceRecord] {
    try await run.ledger.services().filter { $0.node == place(of: node) }
  }

  /// A node of a subgraph by its way there, so that it is not taken for one of the same name elsewhere.
  private func place(of node: NodeName) -> NodeName {
    NodeName(rawValue: Namespace(task.namespace).shown(node.rawValue))
  }

  func subgraph(of node: Node) -> StateGraph? { run.plan.graph.subgraph(of: node) }

  func run(
    _ graph: StateGraph, inputs: @escaping @Sendable () async throws -> JSONObject
  ) async throws -> NodeResult {
    try await Subgraph(graph, in: record, of: run, output: output).run(inputs: inputs)
  }
}
