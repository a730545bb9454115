import Graph
import Synchronization

/// Stores what happens in a run, in order, as its durability asks, and tells each event once its storing is done.
actor Ledger {
  typealias Observer = @Sendable (RunEvent) -> Void

  private let store: any Checkpointer
  private let fence: Fence
  private let mode: Durability
  private let clock: RunClock
  private let observe: Observer

  /// `async`: what waits to be written.
  private var queue: [Batch] = []
  private var writer: Task<Void, Never>?
  private var failure: StoreError?

  /// `exit`: what the one checkpoint at the end will hold.
  private var unsaved = Unsaved()

  private struct Batch {
    var changes: [StoreChange]
    var events: [RunEvent.Kind]
  }

  private struct Unsaved {
    var checkpoint: CheckpointRecord?
    var values: JSONObject = [:]
    var tasks: [TaskID: TaskRecord] = [:]
    var recorded: Set<TaskID> = []
    var outputs: [OutputRecord] = []
    var others: [StoreChange] = []
  }

  init(store: any Checkpointer, fence: Fence, mode: Durability, clock: RunClock, observe: @escaping Observer) {
    self.store = store
    self.fence = fence
    self.mode = mode
    self.clock = clock
    self.observe = observe
  }

  /// Tells an event that nothing has to be stored for.
  nonisolated func tell(_ kind: RunEvent.Kind) {
    observe(RunEvent(thread: fence.thread, time: clock.now(), kind: kind))
  }

  /// Stores at once, whatever the durability: admissions, answers, intents (T0, T1), what a task must remember.
  func write(_ changes: [StoreChange], telling events: [RunEvent.Kind] = []) async throws(StoreError) {
    try await drain()
    if mode == .exit {
      for case .task(let task) in changes { unsaved.recorded.insert(task.id) }
    }
    try await commit(Batch(changes: changes, events: events))
  }

  /// A task ended while siblings run (T2).
  func taskEnded(_ task: TaskRecord, others: [StoreChange], telling events: [RunEvent.Kind]) async throws(StoreError) {
    switch mode {
    case .sync: try await commit(Batch(changes: [.task(task)] + others, events: events))
    case .async: try enqueue(Batch(changes: [.task(task)] + others, events: events))
    case .exit:
      keep([.task(task)] + others)
      events.forEach(tell)
    }
  }

  /// A super-step ended (T3).
  func stepEnded(
    tasks: [TaskRecord], others: [StoreChange], checkpoint: CheckpointRecord, values: JSONObject, header: ThreadRecord,
    telling events: [RunEvent.Kind]
  ) async throws(StoreError) {
    let changes =
      tasks.map(StoreChange.task) + others
      + [.checkpoint(checkpoint, values: values), .thread(header)]
    switch mode {
    case .sync: try await commit(Batch(changes: changes, events: events))
    case .async: try enqueue(Batch(changes: changes, events: events))
    case .exit:
      keep(tasks.map(StoreChange.task) + others)
      unsaved.checkpoint = checkpoint
      unsaved.values = values
      for kind in events { if case .checkpoint = kind { continue } else { tell(kind) } }
    }
  }

  /// The run ends: everything is stored when this returns.
  func close(
    tasks: [TaskRecord], others: [StoreChange], header: ThreadRecord, telling events: [RunEvent.Kind]
  ) async throws(StoreError) {
    try await drain()
    var changes = tasks.map(StoreChange.task) + others
    var told: [RunEvent.Kind] = []
    if mode == .exit {
      keep(changes)
      changes = unsavedChanges(at: header)
      if let checkpoint = unsaved.checkpoint {
        told = [.checkpoint(checkpoint: checkpoint.number, step: checkpoint.step, next: checkpoint.agenda.nodes)]
      }
    }
    changes.append(.thread(header))
    try await commit(Batch(changes: changes, events: events + told))
  }

  /// Returns once all that was to be written is.
  func settle() async throws(StoreError) { try await drain() }

  func cached(_ key: String) async throws -> JSON? { try await store.cached(key, now: clock.now()) }
  func notes(key: String) async throws -> [NoteRecord] { try await store.notes(of: fence.thread, key: key) }

  /// What a task finds that made `changes` of its own, which are not stored yet.
  func items(_ query: MemoryQuery, over changes: [MemoryChange]) async throws -> [MemoryItem] {
    try await drain()
    let unsaved = unsaved.others.compactMap { if case .memory(let change) = $0 { change } else { nil } }
    let now = clock.now()
    return try await query.items(over: unsaved + changes, at: now) { [store] in try await store.items($0, now: now) }
  }

  func services() async throws -> [ServiceRecord] { try await store.services(of: fence.thread) }

  private func keep(_ changes: [StoreChange]) {
    for change in changes {
      switch change {
      case .task(let task): unsaved.tasks[task.id] = task
      case .output(let records): unsaved.outputs += records
      default: unsaved.others.append(change)
      }
    }
  }

  /// The one checkpoint, the tasks at it, and those whose attempts were recorded on the way.
  private func unsavedChanges(at header: ThreadRecord) -> [StoreChange] {
    var changes: [StoreChange] = []
    if let checkpoint = unsaved.checkpoint { changes.append(.checkpoint(checkpoint, values: unsaved.values)) }
    let tasks = unsaved.tasks.values.filter { $0.checkpoint == header.head || unsaved.recorded.contains($0.id) }
    changes += tasks.sorted { ($0.checkpoint, $0.ordinal) < ($1.checkpoint, $1.ordinal) }.map(StoreChange.task)
    if !unsaved.outputs.isEmpty { changes.append(.output(unsaved.outputs)) }
    return changes + unsaved.others
  }

  private func commit(_ batch: Batch) async throws(StoreError) {
    if let failure { throw failure }
    do {
      try await store.commit(batch.changes, fence: fence)
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
