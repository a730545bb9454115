public import Graph
public import GraphRuntime
import OrderedCollections

/// Makes a scenario of what a thread really did.
public struct ThreadRecording: Sendable {
  private let store: any Checkpointer
  private let graph: StateGraph

  /// `graph` is the one that the thread runs.
  public init(_ store: any Checkpointer, graph: StateGraph) {
    self.store = store
    self.graph = graph
  }

  /// The scenario as it stands in a file. Secrets are as they are stored: masked.
  ///
  /// What earlier attempts of a task failed with is not stored, so a task has its end alone.
  /// - Throws: ``RecordingError`` where the thread has no end to expect yet, ``RunRefusal`` where there is no such thread.
  public func scenario(of thread: ThreadID, named name: String) async throws -> JSON {
    let header = try await ThreadView(store).header(thread)
    guard [.done, .failed, .waiting].contains(header.status) else {
      throw RecordingError(thread: thread, status: header.status)
    }
    let line = try await Line(of: header, in: store)
    var scenario: JSONObject = ["name": .string(name)]
    let inputs = inputs(line.beginning)
    if !inputs.isEmpty { scenario["inputs"] = .object(inputs) }
    let scripts = scripts(line.tasks)
    if !scripts.isEmpty { scenario["nodes"] = .object(scripts) }
    let values = try await ThreadView(store).snapshot(thread).values
    var expect: JSONObject = [
      "status": .string(header.status.rawValue),
      "path": .array(line.tasks.filter(\.hasRun).map { .string($0.id.node) }),
    ]
    let facts = facts(values)
    if !facts.isEmpty { expect["that"] = .array(facts) }
    scenario["expect"] = .object(expect)
    return .object(scenario)
  }

  /// The state of the last input, and every task from there to the head.
  private struct Line {
    var beginning: JSONObject
    var tasks: [TaskRecord]

    init(of header: ThreadRecord, in store: any Checkpointer) async throws {
      let history = try await store.history(of: header.id, namespace: "", before: nil, limit: nil)
      let entries = Dictionary(history.map { ($0.record.number, $0) }, uniquingKeysWith: { first, _ in first })
      var ran: [[TaskRecord]] = [
        try await store.tasks(of: header.id, namespace: "", checkpoint: header.head)
      ]
      var number: Int? = header.head
      var first = header.head
      while let current = number, let entry = entries[current] {
        first = current
        if entry.record.source == .input { break }
        if entry.record.source == .step { ran.append(entry.ran) }
        number = entry.record.parent
      }
      beginning = try await store.checkpoint(first, of: header.id, namespace: "")?.values ?? [:]
      tasks = ran.reversed().flatMap(\.self)
    }
  }

  // MARK: What it was given

  private func inputs(_ values: JSONObject) -> JSONObject {
    let given = graph.inputs.compactMap { input in
      values[input.name.rawValue].map { (input, $0) }
    }.filter { $0.0.initial != $0.1 && $0.0.reducer.start != $0.1 }
    return JSONObject(given.map { ($0.0.name.rawValue, $0.1) })
  }

  // MARK: What happened

  private func scripts(_ tasks: [TaskRecord]) -> JSONObject {
    let byNode = OrderedDictionary(grouping: tasks.filter(\.hasRun), by: \.id.node)
    var scripts = JSONObject()
    for (name, tasks) in byNode {
      guard let node = graph.nodes[NodeName(rawValue: name)] else { continue }
      let script = tasks.contains(where: \.isFanOut) ? items(tasks, node) : turns(tasks, node)
      if let script { scripts[name] = script }
    }
    return scripts
  }

  /// Each item's turns by its index; `nil` where there is nothing to say.
  private func items(_ tasks: [TaskRecord], _ node: Node) -> JSON? {
    let byItem = Dictionary(grouping: tasks, by: \.id.index)
    let count = (byItem.keys.max() ?? 0) + 1
    let items = (0..<count).map { turns(byItem[$0] ?? [], node) }
    guard items.contains(where: { $0 != nil }) else { return nil }
    return ["items": .array(items.map { $0 ?? ["answer": .null] })]
  }

  /// One turn as it is, several as a list.
  private func turns(_ tasks: [TaskRecord], _ node: Node) -> JSON? {
    let turns = tasks.flatMap { self.turns($0, node) }
    guard let first = turns.first else { return nil }
    return turns.count == 1 ? .object(first) : .array(turns.map(JSON.object))
  }

  private func turns(_ task: TaskRecord, _ node: Node) -> [JSONObject] {
    var turns = task.questions.filter { !$0.isSpent }.compactMap(\.answer).map { ["answer": $0] as JSONObject }
    guard let outcome = outcome(task, node) else { return turns }
    var last = turns.popLast() ?? [:]
    for (key, value) in outcome { last[key] = value }
    return turns + [last]
  }

  private func outcome(_ task: TaskRecord, _ node: Node) -> JSONObject? {
    guard !node.isPlayedForReal, task.result != nil || task.error != nil else { return nil }
    let result = task.result ?? .null
    if result["checked"] == true, node.fields["check"] != nil { return ["checked": true] }
    let finding = result.finding(of: node).escaped
    guard task.status == .failed, node.kind != "verify", let error = task.error,
      RehearsalFormat.takes(failureOf: error.kind.rawValue)
    else { return task.status == .waiting ? nil : ["result": finding] }
    if error.kind == .refused, task.attempts == 0 { return nil }
    var outcome: JSONObject = [
      "fail": JSON.string(error.message).escaped, "kind": .string(error.kind.rawValue),
    ]
    if let code = result["exit"]?.intValue, (1...255).contains(code) { outcome["exit"] = .int(code) }
    if result != .null { outcome["result"] = finding }
    return outcome
  }

  // MARK: What came of it

  /// What can be told in a line: numbers, truths and short texts that are other than at the start.
  private func facts(_ values: JSONObject) -> [JSON] {
    let told = graph.channels.values.filter { !$0.isInput }.compactMap { channel -> JSON? in
      guard let value = values[channel.name.rawValue], value != (channel.initial ?? channel.reducer.start) else {
        return nil
      }
      switch value {
      case .bool, .int: break
      case .string(let text) where text.utf8.count <= 60 && !text.contains("***"): break
      default: return nil
      }
      return .string(".\(channel.name) == \(value.text)")
    }
    return told
  }
}

/// A thread of which no scenario can be made.
public struct RecordingError: Error, Sendable, CustomStringConvertible {
  var thread: ThreadID
  var status: ThreadStatus

  public var description: String {
    "thread \(thread) is \(status.rawValue), so what it should come to is not known yet; go on with: graphrun resume \(thread)"
  }
}

extension Node {
  /// A rehearsal does for real what it does.
  fileprivate var isPlayedForReal: Bool {
    switch kind {
    case "set", "ask", "wait": true
    case "verify": !["shell", "http", "mcp"].contains { fields[$0] != nil }
    default: false
    }
  }
}

extension JSON {
  /// What the probe found, without what was made of it.
  fileprivate func finding(of node: Node) -> JSON {
    guard node.kind == "verify", var object = objectValue else { return self }
    for key in ["held", "unmet"] { object.removeValue(forKey: key) }
    return .object(object)
  }

  /// With what looks like a template written so that it is none.
  fileprivate var escaped: JSON {
    switch self {
    case .string(let text): .string(text.replacing("${{", with: "$${{"))
    case .array(let items): .array(items.map(\.escaped))
    case .object(let object): .object(JSONObject(object.map { ($0.key, $0.value.escaped) }))
    default: self
    }
  }
}
