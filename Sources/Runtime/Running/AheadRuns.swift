import Graph

/// The tasks of a run that were started before their super-step.
struct AheadRuns: Sendable {
  let foresight: Foresight
  let crew = AheadCrew()

  /// An earlier run may have left notes of such tasks.
  let looksBack: Bool

  private(set) var running: Set<TaskID> = []

  /// Those that have ended, until their super-step comes.
  private(set) var ended: [TaskID: TaskRecord] = [:]

  /// Those that are to be run at their turn.
  private var givenUp: Set<TaskID> = []

  /// Nothing is known of what is due.
  var isIdle: Bool { !looksBack && running.isEmpty && ended.isEmpty }

  /// One failed: nothing more is started ahead.
  var hasFailed: Bool { ended.values.contains { $0.status == .failed } }

  /// So many super-steps after the one that runs may be looked at.
  var depth = 0

  init(_ foresight: Foresight, looksBack: Bool) {
    self.foresight = foresight
    self.looksBack = looksBack
  }

  /// Those that are not to be started.
  var known: Set<TaskID> { running.union(ended.keys).union(givenUp) }

  /// How far the task `id` came in an earlier run, as far as that counts.
  ///
  /// What saw the world counts only when that run died: after one that closed, the world is looked at again. The same is
  /// with counted attempts.
  func earlier(_ id: TaskID, in context: RunContext, head: Int) async throws(StoreError) -> TaskRecord? {
    guard looksBack, !running.contains(id), let task = try await context.ledger.taskAhead(id, head: head) else {
      return nil
    }
    let isTimeless = task.hasEndedWell && !foresight.seesWorld(id)
    return isTimeless || task.ahead?.run == context.died ? task : nil
  }

  /// What ended before its super-step, and nobody was told of it.
  var untold: [TaskRecord] {
    ended.values.filter { !($0.ahead?.isTold ?? false) }
      .sorted { ($0.checkpoint, $0.label) < ($1.checkpoint, $1.label) }
  }

  mutating func start(_ run: TaskRun, from record: TaskRecord) {
    running.insert(record.id)
    crew.start(run, from: record)
  }

  /// `record` has ended with something that counts.
  mutating func keep(_ record: TaskRecord) {
    running.remove(record.id)
    ended[record.id] = record
  }

  mutating func giveUp(_ id: TaskID) {
    running.remove(id)
    givenUp.insert(id)
  }

  /// The super-step of `id` has come.
  mutating func take(_ id: TaskID) -> TaskRecord? { ended.removeValue(forKey: id) }

  /// A super-step has landed in checkpoint `number`: what was found of later ones may be tried again, and what was to be due
  /// before and was not is of no use.
  mutating func landed(_ number: Int) {
    givenUp = []
    ended = ended.filter { $0.key.due.checkpoint >= number }
  }

  mutating func joined(_ id: TaskID) { running.remove(id) }
}
