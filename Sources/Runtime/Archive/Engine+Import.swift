import Graph
import OrderedCollections
import Synchronization

extension Engine {
  /// Makes threads of the export in the file at `path`. Everything is looked at before anything is stored; nothing runs.
  ///
  /// - Parameter name: another name for the one thread in the file.
  /// - Returns: the headers of the new threads.
  /// - Throws: ``ArchiveError`` for what is wrong with the file, ``RunRefusal/threadExists(_:)``, ``StoreError``.
  public func importThreads(from path: String, as name: ThreadID? = nil) async throws -> [ThreadRecord] {
    let plans = try ArchiveCheck.plans(for: path, as: name, reader: reader)
    for plan in plans where try await store.thread(plan.header.id) != nil {
      throw RunRefusal.threadExists(plan.header.id)
    }
    for (index, plan) in plans.enumerated() {
      try await withThread(plan.header.id) { fence in
        guard try await store.thread(plan.header.id) == nil else { throw RunRefusal.threadExists(plan.header.id) }
        try await store.assemble(fence) { put in
          var reader = try ArchiveReader(path)
          for _ in 0..<index { _ = try reader.thread { _, _ in } }
          _ = try reader.thread { part, _ in
            if !part.isLocal { try put(plan.adapted(part)) }
          }
          try put(.note(.imported(plan.source)))
        }
      }
    }
    return plans.map(\.header)
  }
}

/// What becomes of one thread of an export.
struct ImportPlan: Sendable {
  /// The name it was exported under.
  var source: ThreadID
  var header: ThreadRecord

  /// What was written down under a task's old key is found under its new one.
  var keys: [String: String] = [:]

  func adapted(_ part: ThreadPart) -> ThreadPart {
    switch part {
    case .thread: return .thread(header)
    case .note(var note):
      note.key = keys[note.key] ?? note.key
      return .note(note)
    default: return part
    }
  }
}

/// Looks an export over as if somebody hostile had written it: what a store takes for granted is checked here.
struct ArchiveCheck {
  private let reader: GraphReader
  private var header: ThreadRecord?
  private var graph: GraphRecord?
  private var lines: [String: Line] = [:]
  private var unfinished: [TaskRecord] = []

  /// What is known of the tasks that are due, by their namespace.
  private var newest: [String: [TaskRecord]] = [:]

  /// How many checkpoints of a namespace grow from each.
  private typealias Children = [String: [Int: Int]]

  fileprivate struct Line {
    var children: [Int: Int] = [:]

    /// Ascending, and those that are still ahead.
    var gaps: [ClosedRange<Int>] = []
    var gapsPassed = 0

    /// The newest so far, and its state.
    var head: CheckpointRecord?
    var values: JSONObject = [:]

    /// Of checkpoints that others, still to come, grow from.
    var states: [Int: JSONObject] = [:]
  }

  private init(reader: GraphReader, children: Children) {
    self.reader = reader
    for (namespace, counts) in children { lines[namespace, default: Line()].children = counts }
  }

  static func plans(for path: String, as name: ThreadID?, reader: GraphReader) throws -> [ImportPlan] {
    var ahead = try ArchiveReader(path)
    var archive = try ArchiveReader(path)
    var plans: [ImportPlan] = []
    while let children = try children(&ahead) {
      var check = ArchiveCheck(reader: reader, children: children)
      let source = try archive.thread { part, line in
        do { try check.take(part) } catch {
          throw ArchiveError(file: path, line: line, message: "\(error)")
        }
      }
      guard let source else { break }
      do { plans.append(try check.plan(source, name)) } catch { throw archive.error("\(error)") }
    }
    guard !plans.isEmpty else { throw archive.error("there is no thread in it", line: 1) }
    guard name == nil || plans.count == 1 else {
      throw archive.error("\(plans.count) threads are in it, so one name is not enough; leave --thread out", line: 1)
    }
    guard Set(plans.map(\.header.id)).count == plans.count else {
      throw archive.error("it holds one thread twice", line: 1)
    }
    return plans
  }

  /// The file is read once more for this, so that only states that are still needed are kept.
  private static func children(_ archive: inout ArchiveReader) throws -> Children? {
    var children: Children = [:]
    let source = try archive.thread { part, _ in
      if case .checkpoint(let record, nil) = part, let parent = record.parent {
        children[record.namespace, default: [:]][parent, default: 0] += 1
      }
    }
    return source == nil ? nil : children
  }

  private mutating func take(_ part: ThreadPart) throws(Malformed) {
    switch part {
    case .thread(let record):
      guard header == nil else { throw Malformed("a second header") }
      header = record
    case .graph(let record): try take(record)
    case .gap(let gap): try lines[gap.namespace, default: Line()].take(gap)
    case .checkpoint(let record, let values):
      try lines[record.namespace, default: Line()].take(record, values)
      newest[record.namespace]?.removeAll { $0.checkpoint < record.number }
    case .task(let task):
      if !task.isFinished { unfinished.append(task) }
      let namespace = task.id.namespace
      if task.checkpoint >= lines[namespace]?.head?.number ?? 0 { newest[namespace, default: []].append(task) }
    case .note, .output: break
    }
    do { try part.change.map { try [$0].checkLimits() } } catch { throw Malformed("\(error)") }
  }

  private mutating func take(_ record: GraphRecord) throws(Malformed) {
    guard graph == nil else { throw Malformed("a second graph") }
    guard record.hash == record.computedHash else { throw Malformed("the graph's hash is not its text's") }
    graph = record
  }

  private func plan(_ source: ThreadID, _ name: ThreadID?) throws(Malformed) -> ImportPlan {
    guard var header else { throw Malformed("the thread has no header") }
    guard let graph, graph.hash == header.graphHash else {
      throw Malformed("the text of the thread's graph is missing")
    }
    guard header.id == source else { throw Malformed("the header is of another thread: \(header.id)") }
    try checkHead(header, graph)
    header.id = name ?? source
    if header.status == .running { header.status = .stopped }
    var plan = ImportPlan(source: source, header: header)
    guard header.id != source else { return plan }
    for task in unfinished { plan.keys[TaskKey.key(source, task.id)] = TaskKey.key(header.id, task.id) }
    return plan
  }

  /// The newest checkpoint is what the header says, and a state that the graph can have.
  private func checkHead(_ header: ThreadRecord, _ record: GraphRecord) throws(Malformed) {
    guard let line = lines[""], let head = line.head, head.number == header.head, head.step == header.step else {
      throw Malformed("the newest checkpoint is not the thread's head \(header.head)")
    }
    guard (header.status == .done) == head.agenda.due.isEmpty else {
      throw Malformed("the thread is \(header.status.rawValue) with \(head.agenda.due.count) tasks due")
    }
    let reading = record.read(by: reader)
    guard let graph = reading.graph else {
      let problem = reading.problems.first { $0.severity == .error }
      throw Malformed("its graph is not valid: \(problem?.description(in: record.name) ?? "unreadable")")
    }
    guard graph.name == header.graphName else { throw Malformed("its graph is called \(graph.name)") }
    try check(graph, in: "")
  }

  /// What runs in `namespace`, and what runs inside its tasks, can go on where it stands.
  private func check(_ graph: StateGraph, in namespace: String) throws(Malformed) {
    guard let line = lines[namespace], let head = line.head else { return }
    let tasks = newest[namespace] ?? []
    let position = StoredCheckpoint(record: head, values: line.values)
    let objections = GraphChange.objections(to: graph, at: position, from: nil, tasks: tasks)
    if let objection = objections.first ?? StateWeight(line.values).objection {
      throw Malformed(namespace.isEmpty ? objection : "inside \(namespace): \(objection)")
    }
    let finished = Set(tasks.filter(\.isFinished).map(\.id))
    for due in head.agenda.due where !finished.contains(due.id) {
      guard let inner = graph.nodes[due.id.nodeName].flatMap(graph.subgraph) else { continue }
      try check(inner, in: Namespace(inside: due.id, isFanOut: due.item != nil).path)
    }
  }
}

extension ArchiveCheck.Line {
  fileprivate mutating func take(_ gap: CheckpointGap) throws(Malformed) {
    guard head == nil, gap.numbers.lowerBound > gaps.last?.upperBound ?? 0 else { throw Malformed("out of order") }
    gaps.append(gap.numbers)
  }

  fileprivate mutating func take(_ record: CheckpointRecord, _ given: JSONObject?) throws(Malformed) {
    let newest = head?.number ?? 0
    guard record.number > newest else { throw Malformed("checkpoint \(record.number) comes after \(newest)") }
    var expected = newest + 1
    while gapsPassed < gaps.count, gaps[gapsPassed].lowerBound == expected {
      expected = gaps[gapsPassed].upperBound + 1
      gapsPassed += 1
    }
    guard expected == record.number else {
      throw Malformed("checkpoint \(min(expected, record.number)) is missing, or told to be gone")
    }
    values = if let given { given } else { try grown(record) }
    head = record
    if children[record.number] != nil { states[record.number] = values }
  }

  /// The state of its parent, kept only while others grow from that too, with what `record` changed.
  private mutating func grown(_ record: CheckpointRecord) throws(Malformed) -> JSONObject {
    var values: JSONObject = [:]
    if let parent = record.parent {
      guard let state = states[parent] else { throw Malformed("its parent \(parent) is missing") }
      values = state
      self.values = [:]
      children[parent, default: 1] -= 1
      if children[parent] == 0 { states[parent] = nil }
    }
    for delta in record.deltas {
      do { try delta.apply(to: &values) } catch { throw Malformed("checkpoint \(record.number): \(error)") }
    }
    return values
  }
}

extension GraphRecord {
  var computedHash: String { TaskKey.graph(text, files: files) }

  /// The graph, without a folder: nothing outside of the texts is looked at.
  func read(by reader: GraphReader) -> Reading { reader.read(text, path: nil, files: files) }
}
