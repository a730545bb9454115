import Graph
import OrderedCollections

/// Stores what happens in a run, in order, as its durability asks, and tells each event once its storing is done.
actor Ledger {
  /// Something to tell, and where it happened.
  struct Event: Sendable {
    var namespace: String
    var kind: RunEvent.Kind
  }

  nonisolated let mode: Durability
  nonisolated var thread: ThreadID { fence.thread }
  private let store: any Checkpointer
  private let fence: Fence
  private let clock: RunClock
  private let observe: Engine.Observer?

  /// `async`: what waits to be written.
  private var queue: [Batch] = []
  private var writer: Task<Void, Never>?
  private var failure: StoreError?

  /// `exit`: what is stored at the end.
  private var unsaved = UnsavedRun()

  private struct Batch {
    var changes: [StoreChange]
    var events: [Event]
  }

  init(store: any Checkpointer, fence: Fence, mode: Durability, clock: RunClock, observe: Engine.Observer?) {
    self.store = store
    self.fence = fence
    self.mode = mode
    self.clock = clock
    self.observe = observe
  }

  /// Whether anybody listens: else no event need be made.
  nonisolated var isHeard: Bool { observe != nil }

  /// Tells an event that nothing has to be stored for.
  nonisolated func tell(_ event: Event) {
    observe?(RunEvent(thread: fence.thread, time: clock.now(), namespace: event.namespace, kind: event.kind))
  }

  /// Stores at once, whatever the durability: admissions, answers, intents (T0, T1), what a task must remember.
  func write(_ changes: [StoreChange], telling events: [Event]) async throws(StoreError) {
    try await drain()
    if mode == .exit { unsaved.note(recorded: changes) }
    try await commit(Batch(changes: changes, events: events))
  }

  /// Tasks ended while siblings run (T2).
  func tasksEnded(_ tasks: [TaskRecord], others: [StoreChange], telling events: [Event]) async throws(StoreError) {
    try await keep(tasks.map(StoreChange.task) + others, telling: events)
  }

  /// A task that goes on has printed something. It is given where the store does not know of its attempt.
  func printed(_ output: [OutputRecord], by task: TaskRecord?) async throws(StoreError) {
    try await keep((task.map { [.task($0)] } ?? []) + [.output(output)], telling: [])
  }

  /// A super-step ended (T3). A subgraph has no header.
  func stepEnded(
    tasks: [TaskRecord], others: [StoreChange], checkpoint: StoredCheckpoint, header: ThreadRecord?,
    telling events: [Event]
  ) async throws(StoreError) {
    let ended = tasks.map(StoreChange.task) + others
    guard mode == .exit else {
      let end = [.checkpoint(checkpoint.record, values: checkpoint.values), header.map(StoreChange.thread)]
      return try await keep(ended + end.compactMap(\.self), telling: events)
    }
    unsaved.keep(ended)
    unsaved.land(checkpoint)
    for event in events { if case .checkpoint = event.kind { continue } else { tell(event) } }
  }

  /// A subgraph begins inside `task`.
  func begin(_ checkpoint: StoredCheckpoint, in task: TaskRecord) async throws(StoreError) {
    guard mode == .exit else {
      return try await keep([.task(task), .checkpoint(checkpoint.record, values: checkpoint.values)], telling: [])
    }
    unsaved.land(checkpoint)
  }

  /// A subgraph's run ends, and the thread's goes on.
  func pause(tasks: [TaskRecord], others: [StoreChange], telling events: [Event]) async throws(StoreError) {
    let changes = tasks.map(StoreChange.task) + others
    if changes.isEmpty { return events.forEach(tell) }
    try await keep(changes, telling: events)
  }

  /// The thread's run ends: everything is stored when this returns.
  func close(
    tasks: [TaskRecord], others: [StoreChange], header: ThreadRecord, telling events: [Event]
  ) async throws(StoreError) {
    try await drain()
    var changes = tasks.map(StoreChange.task) + others
    var told: [Event] = []
    if mode == .exit {
      unsaved.keep(changes)
      changes = unsaved.changes(at: header)
      told = unsaved.checkpoints.map { record in
        Event(
          namespace: record.namespace,
          kind: .checkpoint(checkpoint: record.number, step: record.step, next: record.agenda.nodes))
      }
    }
    changes.append(.thread(header))
    try await commit(Batch(changes: changes, events: events + told))
  }

  /// Returns once all that was to be written is.
  func settle() async throws(StoreError) { try await drain() }

  nonisolated var complaint: String? { store.complaint }
  func cached(_ key: String) async throws -> JSON? { try await store.cached(key, now: clock.now()) }
  func notes(key: String) async throws -> [NoteRecord] { try await store.notes(of: fence.thread, key: key) }

  /// Whether every checkpoint after `first` up to `last`, the newest, is the end of a super-step.
  func isOneLine(from first: Int, to last: Int, in namespace: String) async throws -> Bool {
    guard first < last else { return first == last }
    let since = try await store.history(of: fence.thread, namespace: namespace, before: nil, limit: last - first)
    return since.allSatisfy { $0.record.source == .step }
  }

  /// What a task finds that made `changes` of its own, which are not stored yet.
  func items(_ query: MemoryQuery, over changes: [MemoryChange]) async throws -> [MemoryItem] {
    try await drain()
    let unsaved = unsaved.others.compactMap { if case .memory(let change) = $0 { change } else { nil } }
    let now = clock.now()
    return try await query.items(over: unsaved + changes, at: now) { [store] in try await store.items($0, now: now) }
  }

  func services() async throws -> [ServiceRecord] { try await store.services(of: fence.thread) }

  /// Where the subgraph `namespace` stands; `nil` before it began.
  func position(in namespace: String) async throws -> StoredCheckpoint? {
    try await drain()
    if let newest = unsaved.newest(in: namespace) { return newest }
    let stored = try await store.checkpoint(nil, of: fence.thread, namespace: namespace)
    if stored != nil { unsaved.note(stored: namespace) }
    return stored
  }

  /// What is known of the tasks due at `checkpoint` of `namespace`. In durability `exit` attempts may have been
  /// recorded for a checkpoint that was to come after it.
  func tasks(in namespace: String, at checkpoint: Int) async throws -> [TaskRecord] {
    try await drain()
    var tasks = try await store.tasks(of: fence.thread, namespace: namespace, checkpoint: checkpoint)
    guard mode == .exit else { return tasks }
    tasks += try await store.tasks(of: fence.thread, namespace: namespace, checkpoint: checkpoint + 1)
    return tasks + unsaved.tasks(in: namespace)
  }

  /// Stores, now or later, what need not be on the disk before the run goes on in `async` and `exit`.
  private func keep(_ changes: [StoreChange], telling events: [Event]) async throws(StoreError) {
    switch mode {
    case .sync: try await commit(Batch(changes: changes, events: events))
    case .async: try enqueue(Batch(changes: changes, events: events))
    case .exit:
      unsaved.keep(changes)
      events.forEach(tell)
    }
  }

  private func commit(_ batch: Batch) async throws(StoreError) {
    if let failure { throw failure }
    do {
      let hasAhead = batch.changes.contains(where: \.isAhead)
      let changes = hasAhead ? batch.changes.compactMap { $0.stored(for: fence.thread) } : batch.changes
      try await store.commit(changes, fence: fence)
    } catch {
      let failure = StoreError(error)
      self.failure = failure
      throw failure
    }
    batch.events.forEach(tell)
  }

  private func enqueue(_ batch: Batch) throws(StoreError) {
    if let failure { throw failure }
    queue.append(batch)
    guard writer == nil else { return }
    writer = Task { await self.writeQueue() }
  }

  /// Writes what waits, all of it in one transaction at a time, until nothing waits.
  private func writeQueue() async {
    while !queue.isEmpty, failure == nil {
      let batch = Batch(changes: queue.flatMap(\.changes), events: queue.flatMap(\.events))
      queue = []
      try? await commit(batch)
    }
    writer = nil
  }

  private func drain() async throws(StoreError) {
    while let writer { await writer.value }
    if let failure { throw failure }
  }
}

extension StoreError {
  /// `error` as the store's: what is no ``StoreError`` already is told as it is.
  init(_ error: any Error) {
    self = (error as? StoreError) ?? .unusable("the store failed: \(error)")
  }
}
