import Graph
import OrderedCollections

/// Durability `exit`: what a run leaves to be stored at its end.
struct UnsavedRun {
  /// The checkpoints of each namespace that end up in the store: where a graph began, and where it stands.
  private var lines: OrderedDictionary<String, [StoredCheckpoint]> = [:]

  /// Namespaces that the store had before.
  private var stored: Set<String> = []
  private var tasks: [TaskID: TaskRecord] = [:]

  /// From how many tasks on those are looked for that have passed.
  private var leastDropped = 64
  private var recorded: Set<TaskID> = []
  private var outputs: [OutputRecord] = []
  private(set) var others: [StoreChange] = []

  /// Tasks whose attempts are in the store already must get their end there too.
  mutating func note(recorded changes: [StoreChange]) {
    for case .task(let task) in changes { recorded.insert(task.id) }
  }

  mutating func note(stored namespace: String) { stored.insert(namespace) }

  mutating func keep(_ changes: [StoreChange]) {
    for change in changes {
      switch change {
      case .task(let task): tasks[task.id] = task
      case .output(let records): outputs += records
      default: others.append(change)
      }
    }
  }

  /// A graph came to `checkpoint`. What ran inside the tasks that led there has ended and is not kept, unless the
  /// store knows of it.
  mutating func land(_ checkpoint: StoredCheckpoint) {
    let namespace = checkpoint.record.namespace
    var line = lines[namespace] ?? []
    if line.last?.record.number == checkpoint.record.number { line.removeLast() }
    lines[namespace] = line + [checkpoint]
    if namespace.isEmpty { dropPassed() }
    let ended = lines.keys.filter { Namespace(namespace).contains($0) && !stored.contains($0) }
    guard !ended.isEmpty else { return }
    for namespace in ended { lines[namespace] = nil }
    tasks = tasks.filter { !ended.contains($0.key.namespace) || recorded.contains($0.key) }
  }

  /// Forgets tasks that led to the head, of which nothing would be stored. Looked for only now and then, so that a long run
  /// does not cost the square of its length.
  private mutating func dropPassed() {
    guard tasks.count >= leastDropped else { return }
    tasks = tasks.filter { !$0.key.namespace.isEmpty || recorded.contains($0.key) || !hasPassed($0.value) }
    leastDropped = 64 + 2 * tasks.count
  }

  func newest(in namespace: String) -> StoredCheckpoint? { lines[namespace]?.last }

  func tasks(in namespace: String) -> [TaskRecord] { tasks.values.filter { $0.id.namespace == namespace } }

  /// The checkpoints to store, in the order in which their graphs began.
  var checkpoints: [CheckpointRecord] { lines.values.joined().map(\.record) }

  /// Everything to store when the thread ends at `header`.
  func changes(at header: ThreadRecord) -> [StoreChange] {
    var changes = lines.values.joined().map { StoreChange.checkpoint($0.record, values: $0.values) }
    let kept = tasks.values.filter { task in
      let isDue =
        task.id.namespace.isEmpty
        ? task.checkpoint == header.head && !hasPassed(task) : lines[task.id.namespace] != nil
      return isDue || recorded.contains(task.id)
    }
    changes += kept.sorted { ($0.checkpoint, $0.ordinal) < ($1.checkpoint, $1.ordinal) }.map(StoreChange.task)
    if !outputs.isEmpty { changes.append(.output(outputs)) }
    return changes + others
  }

  /// Whether the task's super-step ended on the way to the thread's head: it led there, and nothing leads on from it.
  private func hasPassed(_ task: TaskRecord) -> Bool {
    guard task.isFinished, let head = lines[""]?.last?.record else { return false }
    return !head.agenda.due.contains { $0.id == task.id }
  }
}
