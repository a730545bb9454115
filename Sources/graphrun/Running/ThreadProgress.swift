import Graph
import GraphRuntime

/// How far a thread is, on the line that led to a checkpoint.
struct ThreadProgress {
  let snapshot: Snapshot
  let graph: StateGraph
  let progress: GraphProgress

  /// - Throws: ``UsageError`` when the text of the thread's graph can no longer be read.
  init(_ reference: CheckpointReference, in store: SQLiteStore) async throws {
    let view = ThreadView(store)
    snapshot = try await view.snapshot(reference.thread, at: reference.number)
    guard let graph = try await view.graph(snapshot.header) else {
      throw UsageError(
        "the graph that thread \(reference.thread) runs can no longer be read; graphrun history \(reference.thread) shows its steps"
      )
    }
    self.graph = graph
    var nodes = Self.ended(try await view.history(reference.thread), before: snapshot.record.number)
    let isHead = snapshot.record.number == snapshot.header.head
    for name in Set(snapshot.tasks.map(\.id.nodeName)) {
      let tasks = snapshot.tasks.filter { $0.id.nodeName == name }
      nodes[name] = isHead ? Self.standing(tasks) : GraphProgress.Node(.due)
    }
    progress = GraphProgress(nodes)
  }

  /// One line that says which thread, and where it stands.
  var title: String {
    let record = snapshot.record
    return
      "thread \(snapshot.header.id): \(snapshot.status.rawValue), checkpoint \(record.number), step \(record.step)"
  }

  /// The nodes that ended on the line which leads to `number`.
  private static func ended(_ history: [HistoryLine], before number: Int) -> [NodeName: GraphProgress.Node] {
    var tasks: [NodeName: [TaskRecord]] = [:]
    var wanted: Int? = number
    for line in history where line.entry.record.number == wanted {
      for task in line.entry.ran { tasks[task.id.nodeName, default: []].append(task) }
      wanted = line.entry.record.parent
    }
    return tasks.mapValues { tasks in
      let state: GraphProgress.State =
        tasks.allSatisfy { $0.status == .skipped } ? .skipped : tasks[0].status == .failed ? .failed : .done
      return GraphProgress.Node(state, note: note(tasks))
    }
  }

  /// What the tasks of one node that are due now amount to.
  private static func standing(_ tasks: [TaskRecord]) -> GraphProgress.Node {
    let ended = tasks.filter(\.isEnded)
    let counted = tasks.count > 1 ? "\(ended.count)/\(tasks.count)" : ""
    func holds(_ status: TaskStatus) -> TaskRecord? { tasks.first { $0.status == status } }
    if let failed = holds(.failed) {
      return GraphProgress.Node(.failed, note: [counted, failed.error?.brief ?? ""].filter { !$0.isEmpty }.spoken)
    }
    if holds(.waiting) != nil {
      return GraphProgress.Node(.waiting, note: [counted, "asks"].filter { !$0.isEmpty }.spoken)
    }
    if holds(.started) != nil { return GraphProgress.Node(.running, note: counted) }
    if ended.count == tasks.count { return GraphProgress.Node(.done, note: note(tasks)) }
    return GraphProgress.Node(ended.isEmpty ? .due : .running, note: counted)
  }

  private static func note(_ tasks: [TaskRecord]) -> String {
    let seconds = tasks.compactMap(\.seconds)
    let total = seconds.isEmpty ? "" : spoken(seconds.reduce(0, +))
    return [tasks.count > 1 ? "×\(tasks.count)" : "", total].filter { !$0.isEmpty }.spoken
  }
}

extension TaskRecord {
  fileprivate var isEnded: Bool {
    switch status {
    case .done, .skipped, .cached: true
    case .pending, .started, .failed, .waiting: false
    }
  }
}

extension [String] {
  fileprivate var spoken: String { joined(separator: ", ") }
}
