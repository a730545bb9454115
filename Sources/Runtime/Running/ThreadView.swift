public import Graph

/// What a stored thread looks like from outside, in the shapes of DESIGN section 5.
public struct ThreadView: Sendable {
  private let store: any Checkpointer
  private let reader: GraphReader

  /// `reader` reads stored graph texts: it must know the node kinds they use.
  public init(_ store: any Checkpointer, reader: GraphReader = GraphReader()) {
    self.store = store
    self.reader = reader
  }

  /// The thread's header as others see it: `running` only while somebody runs it.
  ///
  /// - Throws: ``RunRefusal/unknownThread(_:)``.
  public func header(_ id: ThreadID) async throws -> ThreadRecord {
    guard var header = try await store.thread(id) else { throw RunRefusal.unknownThread(id) }
    if header.status == .running, try await store.owner(of: id) == nil { header.status = .stopped }
    return header
  }

  /// Every thread's header, newest change first.
  public func headers() async throws -> [ThreadRecord] {
    var headers: [ThreadRecord] = []
    for header in try await store.threads() { headers.append(try await self.header(header.id)) }
    return headers.sorted { $0.updated.milliseconds > $1.updated.milliseconds }
  }

  /// The thread to go on with when none is named: the unfinished one that changed last.
  public func newestUnfinished() async throws -> ThreadRecord? {
    try await headers().first { $0.status != .done }
  }

  /// A checkpoint with its state and tasks; `number` nil is the head.
  ///
  /// At the head the values include the writes of finished tasks of the super-step that did not end.
  public func snapshot(_ id: ThreadID, at number: Int? = nil) async throws -> Snapshot {
    let header = try await header(id)
    let stored = try await store.existing(number, of: header)
    let record = stored.record
    let tasks = record.due(with: try await store.tasks(of: id, namespace: "", checkpoint: record.number))
    let graph = try await self.graph(header)
    let isHead = record.number == header.head
    var values = stored.values
    if isHead, let graph { values = values.adding(tasks, channels: graph.channels, thread: id) }
    let status = isHead ? header.status : record.agenda.due.isEmpty ? .done : .running
    return Snapshot(
      header: header, status: status, record: record, values: values, outputs: await graph?.outputs(of: values),
      tasks: tasks,
      next: isHead ? tasks.filter { !$0.isFinished }.map(\.id.nodeName) : record.agenda.nodes,
      subgraphs: try await SubgraphView.all(inside: tasks, of: id, graph: graph, in: store))
  }

  /// Numbers of checkpoints that the thread does not have any more, or never had.
  public func gaps(_ id: ThreadID) async throws -> [CheckpointGap] { try await store.gaps(of: id, namespace: "") }

  /// The graph a thread runs, as stored; `nil` when its text can no longer be read.
  public func graph(_ header: ThreadRecord) async throws -> StateGraph? {
    guard let record = try await store.graph(header.graphHash) else {
      throw StoreError.damaged("thread \(header.id): the text of its graph is missing")
    }
    return try await Evaluation.run { [reader] in reader.stored(record, path: header.graphPath) }
  }

  /// Checkpoints, newest first, as `history` shows them; those of subgraphs stand behind what followed them.
  public func historyWithSubgraphs(_ id: ThreadID, before: Int? = nil, limit: Int? = nil) async throws -> [HistoryLine]
  {
    let namespaces = try await store.namespaces(of: id).map(Namespace.init(_:)).filter { !$0.path.isEmpty }
    let inside = Dictionary(grouping: namespaces.reversed(), by: \.parent)
    let all = try await with(inside, in: "", try await history(id, before: before, limit: limit))
    return limit.map { Array(all.prefix($0)) } ?? all
  }

  private func with(
    _ inside: [String: [Namespace]], in namespace: String, _ lines: [HistoryLine]
  ) async throws -> [HistoryLine] {
    var all: [HistoryLine] = []
    for line in lines {
      for inner in inside[namespace] ?? [] where inner.due == line.entry.record.number {
        all += try await with(inside, in: inner.path, history(line.thread, of: inner))
      }
      all.append(line)
    }
    return all
  }

  private func history(_ id: ThreadID, of namespace: Namespace) async throws -> [HistoryLine] {
    try await store.history(of: id, namespace: namespace.path, before: nil, limit: nil).map { entry in
      var entry = entry
      entry.ran.removeAll { !$0.isFinished }
      let next = entry.record.agenda.nodes
      return HistoryLine(thread: id, entry: entry, status: next.isEmpty ? .done : .running, next: next)
    }
  }

  /// Checkpoints, newest first, as `history` shows them.
  public func history(_ id: ThreadID, before: Int? = nil, limit: Int? = nil) async throws -> [HistoryLine] {
    let header = try await header(id)
    return try await store.history(of: id, namespace: "", before: before, limit: limit).map { entry in
      let isHead = entry.record.number == header.head
      var entry = entry
      entry.ran.removeAll { !$0.isFinished }
      return HistoryLine(
        thread: id, entry: entry,
        status: isHead ? header.status : entry.record.agenda.due.isEmpty ? .done : .running,
        next: isHead ? header.next : entry.record.agenda.nodes)
    }
  }
}

/// A checkpoint as `show` shows it.
public struct Snapshot: Sendable {
  public var header: ThreadRecord
  public var status: ThreadStatus
  public var record: CheckpointRecord
  public var values: JSONObject
  public var outputs: JSONObject?
  public var tasks: [TaskRecord]
  public var next: [NodeName]

  /// What runs, or ran, inside the tasks.
  public var subgraphs: [TaskID: SubgraphView]

  /// `{thread,graph,status,checkpoint,parent,step,source,created,values,next,tasks}`.
  public var json: JSON {
    var object: JSONObject = [
      "thread": header.id.json, "graph": .string(header.graphName), "status": .string(status.rawValue),
      "checkpoint": .int(record.number), "parent": record.parent.map(JSON.int) ?? .null, "step": .int(record.step),
      "source": .string(record.source.rawValue), "created": .string(record.created.iso8601), "values": .object(values),
      "next": .array(next.map(\.json)), "tasks": subgraphs.json(of: tasks),
    ]
    if let outputs { object["outputs"] = .object(outputs) }
    if let error = header.error, record.number == header.head { object["error"] = error.json() }
    return .object(object)
  }
}

/// A checkpoint as `history` shows it.
public struct HistoryLine: Sendable {
  public var thread: ThreadID
  public var entry: HistoryEntry
  public var status: ThreadStatus
  public var next: [NodeName]

  /// `{thread,checkpoint,parent,step,source,created,status,ran,changed,next,namespace?}`.
  public var json: JSON {
    let record = entry.record
    let ran: [JSON] = entry.ran.map { task in
      [
        "node": task.id.nodeName.json, "task": .string(task.label), "status": .string(task.status.rawValue),
        "attempts": .int(task.attempts), "seconds": task.seconds.map(JSON.number) ?? .null,
      ]
    }
    var object: JSONObject = [
      "thread": thread.json, "checkpoint": .int(record.number), "parent": record.parent.map(JSON.int) ?? .null,
      "step": .int(record.step), "source": .string(record.source.rawValue), "created": .string(record.created.iso8601),
      "status": .string(status.rawValue), "ran": .array(ran),
      "changed": .array(entry.changed.map { .string($0.rawValue) }), "next": .array(next.map(\.json)),
    ]
    if !record.namespace.isEmpty { object["namespace"] = .string(record.namespace) }
    return .object(object)
  }
}

extension TaskRecord {
  /// `{node,task,index?,status,attempts,error?,result?,interrupt?,interrupts?}`; `interrupts` where several are open.
  public var json: JSON {
    var object: JSONObject = ["node": id.nodeName.json, "task": .string(label)]
    if isFanOut { object["index"] = .int(id.index) }
    object["status"] = .string(status.rawValue)
    object["attempts"] = .int(attempts)
    if let seconds { object["seconds"] = .number(seconds) }
    if let error { object["error"] = error.json() }
    if let result { object["result"] = result }
    let questions = [self].openQuestions
    if let question = questions.first { object["interrupt"] = question.json }
    if questions.count > 1 { object["interrupts"] = .array(questions.map(\.json)) }
    return .object(object)
  }
}

extension ThreadRecord {
  /// `{thread,graph,status,checkpoint,step,created,updated,next}`.
  public var json: JSON {
    var object: JSONObject = [
      "thread": id.json, "graph": .string(graphName), "status": .string(status.rawValue), "checkpoint": .int(head),
      "step": .int(step), "created": .string(created.iso8601), "updated": .string(updated.iso8601),
      "next": .array(next.map(\.json)),
    ]
    if let error { object["error"] = error.json() }
    return .object(object)
  }
}

extension OutputRecord {
  /// `{step,node,task,attempt,stream,text,namespace?}`.
  public var json: JSON {
    var object: JSONObject = [
      "step": .int(step), "node": node.json, "task": .string(task), "attempt": .int(attempt),
      "stream": .string(stream.rawValue), "text": .string(text),
    ]
    if !namespace.isEmpty { object["namespace"] = .string(namespace) }
    return .object(object)
  }
}
