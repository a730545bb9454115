import Graph
import GraphRuntime

let us = OwnerRecord(pid: 4242, host: "here", bootID: "boot-1")
let them = OwnerRecord(pid: 4343, host: "there", bootID: "boot-2")

func at(_ milliseconds: Int) -> Timestamp { Timestamp(milliseconds: milliseconds) }

extension ThreadRecord {
  static func sample(_ id: ThreadID = "t", head: Int = 0, status: ThreadStatus = .running) -> ThreadRecord {
    ThreadRecord(
      id: id, graphName: "loop", graphHash: "abc", graphPath: "/graphs/loop.graph", status: status, head: head,
      step: max(0, head - 1), created: at(1_000), updated: at(2_000), next: ["a", "b"])
  }
}

extension CheckpointRecord {
  static func sample(
    _ number: Int, parent: Int? = nil, source: CheckpointSource = .step, _ deltas: [ChannelDelta] = [],
    namespace: String = "", agenda: Agenda = Agenda()
  ) -> CheckpointRecord {
    CheckpointRecord(
      namespace: namespace, number: number, parent: parent, step: number - 1,
      source: parent == nil ? .input : source, created: at(number * 1_000), agenda: agenda, deltas: deltas)
  }
}

extension TaskRecord {
  static func sample(
    _ node: NodeName, at checkpoint: Int, ordinal: Int = 0, index: Int = 0, namespace: String = "",
    status: TaskStatus = .done, result: JSON? = nil
  ) -> TaskRecord {
    var record = TaskRecord(
      id: TaskID(namespace: namespace, due: DueMark(checkpoint: checkpoint), node: node, index: index),
      checkpoint: checkpoint, ordinal: ordinal, status: status)
    record.result = result
    return record
  }

  /// A task with everything that a task can have.
  static func full(at checkpoint: Int) -> TaskRecord {
    var record = TaskRecord(
      id: TaskID(namespace: "", due: DueMark(checkpoint: checkpoint, offset: 3), node: "work", index: 2),
      checkpoint: checkpoint, ordinal: 5, isFanOut: true, status: .waiting)
    record.attempts = 3
    record.seconds = 0.1 + 0.2
    record.result = ["exit": 0, "stdout": "done\n"]
    record.writes = [ChannelWrite("draft", "text"), ChannelWrite("notes", [1, 2.5, .null])]
    record.triggers = [
      .edge("next"), .fanOut("each", items: [1, "two", .null], parallel: 4), .fanOut("none", items: [], parallel: nil),
    ]
    record.error = TaskError(node: "work", kind: .exit, message: "exit 3", result: ["exit": 3])
    record.handler = "rescue"
    record.questions = [
      Question(
        id: "q1", kind: .ask, prompt: "Go on?", choices: ["yes", "no"], schema: ["type": "string"], answer: "yes"),
      Question(id: "q2", kind: .doubt, prompt: "Did it happen?", answer: nil),
      Question(id: "q3", kind: .approve, prompt: "May it?", answer: JSON.null),
    ]
    record.kept = ["turn": 3, "calls": [["tool": "read"]]]
    record.notBefore = at(123_456)
    return record
  }
}

extension OutputRecord {
  static func sample(_ text: String, stream: OutputStream = .stdout, node: NodeName = "a") -> OutputRecord {
    OutputRecord(checkpoint: 1, step: 1, node: node, task: node.rawValue, attempt: 1, stream: stream, text: text)
  }
}

extension ServiceRecord {
  static func sample(_ key: String, thread: ThreadID = "t", pid: Int = 77) -> ServiceRecord {
    ServiceRecord(
      thread: thread, key: key, node: "serve", pid: pid, startTime: "123456", bootID: "boot-1", stopsAtRunEnd: true)
  }
}

extension Checkpointer {
  /// A new thread `id` with its first checkpoint, which holds `values`.
  func start(_ id: ThreadID = "t", _ values: JSONObject = [:]) async throws -> Fence {
    let fence = try await acquire(id, owner: us)
    let deltas = values.map { ChannelDelta(ChannelName(rawValue: $0.key), .set($0.value)) }
    try await commit([.thread(.sample(id, head: 1)), .checkpoint(.sample(1, deltas), values: values)], fence: fence)
    return fence
  }

  /// Adds a checkpoint below `parent` with `deltas`, and returns the state it ends with.
  @discardableResult
  func grow(
    _ number: Int, from parent: Int, _ deltas: [ChannelDelta], source: CheckpointSource = .step, fence: Fence
  ) async throws -> JSONObject {
    var values = try await checkpoint(parent, of: fence.thread, namespace: "")?.values ?? [:]
    for delta in deltas { try delta.apply(to: &values) }
    try await commit(
      [
        .thread(.sample(fence.thread, head: number)),
        .checkpoint(.sample(number, parent: parent, source: source, deltas), values: values),
      ], fence: fence)
    return values
  }

  func values(_ number: Int? = nil, of thread: ThreadID = "t") async throws -> JSONObject? {
    try await checkpoint(number, of: thread, namespace: "")?.values
  }

  func numbers(of thread: ThreadID = "t", before: Int? = nil, limit: Int? = nil) async throws -> [Int] {
    try await history(of: thread, namespace: "", before: before, limit: limit).map(\.record.number)
  }
}

extension CacheRecord {
  init(key: String, result: JSON, expires: Timestamp?) {
    self.init(key: key, thread: "t", node: "a", result: result, created: at(1), expires: expires)
  }
}
