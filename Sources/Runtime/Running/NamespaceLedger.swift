import Graph

/// What the run of one graph, the thread's own or one inside of it, writes into the thread's ledger.
struct NamespaceLedger: Sendable {
  let ledger: Ledger
  let namespace: String

  init(_ ledger: Ledger, namespace: String = "") {
    self.ledger = ledger
    self.namespace = namespace
  }

  var mode: Durability { ledger.mode }
  var isHeard: Bool { ledger.isHeard }

  /// What to tell with something that is stored; nothing is made where nobody listens.
  func events(_ kinds: @autoclosure () -> [RunEvent.Kind]) -> [RunEvent.Kind] { isHeard ? kinds() : [] }

  func tell(_ kind: @autoclosure () -> RunEvent.Kind) {
    if isHeard { ledger.tell(event(kind())) }
  }

  func write(_ changes: [StoreChange], telling events: [RunEvent.Kind] = []) async throws(StoreError) {
    try await ledger.write(changes, telling: events.map(event))
  }

  func tasksEnded(
    _ tasks: [TaskRecord], others: [StoreChange], telling events: [RunEvent.Kind]
  ) async throws(StoreError) {
    try await ledger.tasksEnded(tasks, others: others, telling: events.map(event))
  }

  func printed(_ output: [OutputRecord], by task: TaskRecord?) async throws(StoreError) {
    try await ledger.printed(output, by: task)
  }

  func stepEnded(
    tasks: [TaskRecord], others: [StoreChange], checkpoint: CheckpointRecord, values: JSONObject, header: ThreadRecord,
    telling events: [RunEvent.Kind]
  ) async throws(StoreError) {
    try await ledger.stepEnded(
      tasks: tasks, others: others, checkpoint: StoredCheckpoint(record: checkpoint, values: values),
      header: namespace.isEmpty ? header : nil, telling: events.map(event))
  }

  /// The graph's run ends; with the thread's own everything is stored when this returns.
  func close(
    tasks: [TaskRecord], others: [StoreChange], header: ThreadRecord, telling events: [RunEvent.Kind]
  ) async throws(StoreError) {
    if namespace.isEmpty {
      try await ledger.close(tasks: tasks, others: others, header: header, telling: events.map(event))
    } else {
      try await ledger.pause(tasks: tasks, others: others, telling: events.map(event))
    }
  }

  /// Returns once all that was to be written is; a subgraph need not wait for that.
  func settle() async throws(StoreError) { if namespace.isEmpty { try await ledger.settle() } }

  func cached(_ key: String) async throws -> JSON? { try await ledger.cached(key) }
  func notes(key: String) async throws -> [NoteRecord] { try await ledger.notes(key: key) }

  /// How a task ended in an earlier run before its super-step had come; `nil` where that is not known, or the thread was
  /// changed since, so that checkpoint `head` belongs to another line.
  func taskAhead(_ id: TaskID, head: Int) async throws(StoreError) -> TaskRecord? {
    do {
      guard let task = AheadNote.task(in: try await notes(key: TaskKey.key(ledger.thread, id))), let mark = task.ahead
      else { return nil }
      return try await ledger.isOneLine(from: mark.head, to: head, in: namespace) ? task : nil
    } catch {
      throw StoreError(error)
    }
  }

  func items(_ query: MemoryQuery, over changes: [MemoryChange]) async throws -> [MemoryItem] {
    try await ledger.items(query, over: changes)
  }

  func services() async throws -> [ServiceRecord] { try await ledger.services() }

  /// A subgraph begins with `checkpoint` inside `task`.
  func begin(_ checkpoint: CheckpointRecord, values: JSONObject, in task: TaskRecord) async throws(StoreError) {
    try await ledger.begin(StoredCheckpoint(record: checkpoint, values: values), in: task)
  }

  /// Where a subgraph stands; `nil` before it began.
  func position() async throws -> StoredCheckpoint? { try await ledger.position(in: namespace) }

  /// What is known of the tasks due at `checkpoint` of a subgraph.
  func tasks(at checkpoint: Int) async throws -> [TaskRecord] {
    try await ledger.tasks(in: namespace, at: checkpoint)
  }

  private func event(_ kind: RunEvent.Kind) -> Ledger.Event { Ledger.Event(namespace: namespace, kind: kind) }
}
