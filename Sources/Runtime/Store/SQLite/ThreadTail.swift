import Graph

/// What the last commits of a thread left behind, so that the next need not look it up. It is good as long as the fence and the
/// count of commits tell that nobody else changed the thread since.
struct ThreadTail: Sendable {
  /// Whether anything may be noted down for a task; `nil` where that was not looked up.
  var hasNotes: Bool?

  /// The newest checkpoint of each namespace.
  private var lines: [String: Newest] = [:]

  struct Newest: Sendable {
    let number: Int
    let line: CheckpointLine

    /// What is stored of the tasks that see it; `nil` where that has to be looked up.
    private var tasks: [StoredTask]?

    /// Whether tasks may be stored that see a later one.
    private(set) var hasLaterTasks: Bool

    /// More tasks than that are not remembered.
    private static let most = 64

    /// - Parameter hasTasks: tasks that see it, or a later one, may be stored already.
    init(number: Int, line: CheckpointLine, hasTasks: Bool) {
      self.number = number
      self.line = line
      tasks = hasTasks ? nil : []
      hasLaterTasks = hasTasks
    }

    /// Whether a task that is stored changes anything here.
    fileprivate func heeds(_ task: EncodedTask) -> Bool {
      task.checkpoint > number ? !hasLaterTasks : task.checkpoint == number && tasks != nil
    }

    /// A task was stored, for the first time or again.
    fileprivate mutating func note(_ task: StoredTask, at checkpoint: Int) {
      if checkpoint > number { hasLaterTasks = true }
      guard checkpoint == number, let stored = tasks else { return }
      let others = stored.filter { $0.id != task.id }
      tasks = others.count < Self.most ? others + [task] : nil
    }

    /// The checksums of the tasks that see it, in the order of ``SQL/taskChecksums``.
    var taskChecksums: [String]? {
      tasks.map { $0.sorted(by: StoredTask.precedes).map(\.checksum) }
    }
  }

  /// What a checkpoint's checksum takes from a task.
  struct StoredTask: Sendable {
    let id: TaskID
    let ordinal: Int
    let checksum: String

    /// As SQLite compares: texts by their bytes.
    fileprivate static func precedes(_ left: StoredTask, _ right: StoredTask) -> Bool {
      if left.ordinal != right.ordinal { return left.ordinal < right.ordinal }
      if !left.id.node.hasSameBytes(as: right.id.node) {
        return left.id.node.utf8.lexicographicallyPrecedes(right.id.node.utf8)
      }
      return (left.id.index, left.id.due.checkpoint, left.id.due.offset)
        < (right.id.index, right.id.due.checkpoint, right.id.due.offset)
    }
  }

  /// More namespaces than that are not remembered.
  private static let most = 64

  /// A task was stored, for the first time or again.
  mutating func note(_ task: EncodedTask) {
    guard lines[task.id.namespace]?.heeds(task) == true else { return }
    lines[task.id.namespace]?.note(task.stored, at: task.checkpoint)
  }

  subscript(namespace: String) -> Newest? {
    get { lines[namespace] }
    set {
      if lines.count >= Self.most, lines[namespace] == nil { lines = [:] }
      lines[namespace] = newValue
    }
  }
}
