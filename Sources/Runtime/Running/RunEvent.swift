public import Graph

/// Something that happened in a run; told only after what it tells is stored (RELIABILITY R3).
public struct RunEvent: Sendable, Hashable {
  public var thread: ThreadID
  public var time: Timestamp

  /// Which subgraph it happened in; empty for the thread's own graph.
  public var namespace: String
  public var kind: Kind

  public init(thread: ThreadID, time: Timestamp, namespace: String = "", kind: Kind) {
    self.thread = thread
    self.time = time
    self.namespace = namespace
    self.kind = kind
  }

  public enum Kind: Sendable, Hashable {
    case runStart(graph: String)
    case stepStart(step: Int, nodes: [NodeName])
    case taskStart(step: Int, node: NodeName, task: String, attempt: Int)
    case taskOutput(node: NodeName, task: String, stream: OutputStream, text: String)

    /// `delay` in seconds.
    case taskRetry(node: NodeName, task: String, attempt: Int, error: TaskError, delay: Double)
    case taskEnd(step: Int, node: NodeName, task: String, status: TaskStatus, seconds: Double, error: TaskError?)
    case checkpoint(checkpoint: Int, step: Int, next: [NodeName])
    case interrupt(node: NodeName, task: String, question: Question)

    /// The whole state a super-step ended with; where ``StreamMode/values`` is asked for.
    case values(step: Int, JSONObject)

    /// What a task wrote; where ``StreamMode/updates`` is asked for.
    case updates(step: Int, node: NodeName, task: String, [ChannelWrite])

    /// What a node's code told with ``TaskContext/emit(_:)``.
    case custom(node: NodeName, task: String, JSON)

    /// Something a person should know that changes nothing: an orphan ended, a channel grown large.
    case notice(String)
    case runEnd(RunEnd)
  }
}

/// How a run ended.
public struct RunEnd: Sendable, Hashable {
  public var status: ThreadStatus
  public var checkpoint: Int
  public var step: Int
  public var values: JSONObject

  /// The graph's declared outputs; `nil` where it declares none or they cannot be had yet.
  public var outputs: JSONObject?
  public var next: [NodeName]
  public var error: TaskError?

  /// Every unhandled failure of the super-step, `error` first.
  public var errors: [TaskError]

  /// Open questions with their nodes.
  public var interrupts: [OpenQuestion]

  /// The signal that stopped the run.
  public var signal: Int32?

  /// The store could not go on: nothing after the last stored checkpoint counts.
  public var storeError: StoreError?
}

/// A question that waits for its answer.
public struct OpenQuestion: Sendable, Hashable {
  public var node: NodeName
  public var task: String
  public var question: Question

  public init(node: NodeName, task: String, question: Question) {
    self.node = node
    self.task = task
    self.question = question
  }

  /// A question that `record` has; one from a subgraph is told as that of the task that asked it.
  init(_ question: Question, of record: TaskRecord) {
    let origin = question.origin
    self.init(
      node: origin?.node ?? record.id.nodeName,
      task: origin.map { Namespace($0.namespace).shown($0.task) } ?? record.label, question: question)
  }

  /// `{id, node, prompt, choices?, schema?, namespace?}`.
  public var json: JSON {
    var object: JSONObject = [
      "id": .string(question.id), "node": .string(node.rawValue), "prompt": .string(question.prompt),
      "kind": .string(question.kind.rawValue),
    ]
    if let choices = question.choices { object["choices"] = .array(choices) }
    if let schema = question.schema { object["schema"] = schema }
    if let origin = question.origin { object["namespace"] = .string(origin.namespace) }
    return .object(object)
  }
}

extension RunEvent {
  /// The event as `--json` prints it (DESIGN section 5).
  public var json: JSON {
    var object: JSONObject = [
      "event": .string(name), "thread": .string(thread.rawValue), "time": .string(time.iso8601),
    ]
    for (key, value) in details { object[key] = value }
    if !namespace.isEmpty { object["namespace"] = .string(namespace) }
    return .object(object)
  }

  private var name: String {
    switch kind {
    case .runStart: "run-start"
    case .stepStart: "step-start"
    case .taskStart: "task-start"
    case .taskOutput: "task-output"
    case .taskRetry: "task-retry"
    case .taskEnd: "task-end"
    case .checkpoint: "checkpoint"
    case .interrupt: "interrupt"
    case .values: "values"
    case .updates: "updates"
    case .custom: "custom"
    case .notice: "notice"
    case .runEnd: "run-end"
    }
  }

  private var details: JSONObject {
    switch kind {
    case .runStart(let graph): return ["graph": .string(graph)]
    case .stepStart(let step, let nodes): return ["step": .int(step), "nodes": .array(nodes.map(\.json))]
    case .taskStart(let step, let node, let task, let attempt):
      return ["step": .int(step), "node": node.json, "task": .string(task), "attempt": .int(attempt)]
    case .taskOutput(let node, let task, let stream, let text):
      return ["node": node.json, "task": .string(task), "stream": .string(stream.rawValue), "text": .string(text)]
    case .taskRetry(let node, let task, let attempt, let error, let delay):
      return [
        "node": node.json, "task": .string(task), "attempt": .int(attempt), "error": error.json(),
        "delay": .number(delay),
      ]
    case .taskEnd(let step, let node, let task, let status, let seconds, let error):
      var object: JSONObject = [
        "step": .int(step), "node": node.json, "task": .string(task), "status": .string(status.rawValue),
        "seconds": .number(seconds),
      ]
      if let error { object["error"] = error.json() }
      return object
    case .checkpoint(let checkpoint, let step, let next):
      return ["checkpoint": .int(checkpoint), "step": .int(step), "next": .array(next.map(\.json))]
    case .interrupt(let node, let task, let question):
      return OpenQuestion(node: node, task: task, question: question).json.objectValue ?? [:]
    case .values(let step, let values): return ["step": .int(step), "values": .object(values)]
    case .updates(let step, let node, let task, let writes):
      return [
        "step": .int(step), "node": node.json, "task": .string(task), "writes": .array(writes.map(\.json)),
      ]
    case .custom(let node, let task, let data):
      return ["node": node.json, "task": .string(task), "data": data]
    case .notice(let text): return ["text": .string(text)]
    case .runEnd(let end): return end.json
    }
  }
}

extension RunEnd {
  /// `{status, checkpoint, step, values, next, outputs?, error?, errors?, interrupts?}`.
  public var json: JSONObject {
    var object: JSONObject = [
      "status": .string(status.rawValue), "checkpoint": .int(checkpoint), "step": .int(step), "values": .object(values),
      "next": .array(next.map(\.json)),
    ]
    if let outputs { object["outputs"] = .object(outputs) }
    if let error { object["error"] = error.json() }
    if errors.count > 1 { object["errors"] = .array(errors.map { $0.json() }) }
    if !interrupts.isEmpty { object["interrupts"] = .array(interrupts.map(\.json)) }
    return object
  }
}

extension Name {
  public var json: JSON { .string(rawValue) }
}
