public import Graph

/// A moment on the wall clock, in milliseconds since 1970; for display only, never for order (RELIABILITY R20).
public struct Timestamp: Sendable, Hashable, Codable {
  public var milliseconds: Int

  public init(milliseconds: Int) {
    self.milliseconds = milliseconds
  }
}

/// What a thread is up to.
public enum ThreadStatus: String, Sendable, Hashable, Codable {
  case running, done, failed, waiting, stopped
}

/// A thread's header: one row, changed with every checkpoint.
public struct ThreadRecord: Sendable, Hashable {
  public var id: ThreadID
  public var graphName: String

  /// Which stored graph text the thread runs.
  public var graphHash: String

  /// Where the graph file was, for display and for resume to look at edits.
  public var graphPath: String?
  public var status: ThreadStatus

  /// Number of the newest checkpoint; 0 before the first.
  public var head: Int

  /// Step of the newest checkpoint.
  public var step: Int
  public var created: Timestamp
  public var updated: Timestamp

  /// One entry per due task at the head.
  public var next: [NodeName]

  /// Why the thread is `failed`.
  public var error: TaskError?

  public var durability: Durability

  public init(
    id: ThreadID, graphName: String, graphHash: String, graphPath: String?, status: ThreadStatus = .running,
    head: Int = 0, step: Int = 0, created: Timestamp, updated: Timestamp, next: [NodeName] = [],
    error: TaskError? = nil, durability: Durability = .sync
  ) {
    self.id = id
    self.graphName = graphName
    self.graphHash = graphHash
    self.graphPath = graphPath
    self.status = status
    self.head = head
    self.step = step
    self.created = created
    self.updated = updated
    self.next = next
    self.error = error
    self.durability = durability
  }
}

/// When what a super-step did reaches the disk (DESIGN rule 7).
public enum Durability: String, Sendable, Hashable, Codable, CaseIterable {
  case sync, async, exit
}

/// The process that runs, or last ran, a thread.
public struct OwnerRecord: Sendable, Hashable {
  public var pid: Int
  public var host: String

  /// Tells restarts of the machine apart.
  public var bootID: String

  public init(pid: Int, host: String, bootID: String) {
    self.pid = pid
    self.host = host
    self.bootID = bootID
  }
}

/// The text of a graph with the files it names, stored once per content.
public struct GraphRecord: Sendable, Hashable {
  /// SHA-256 of text and files, in hex.
  public var hash: String
  public var name: String
  public var text: String

  /// The texts of the graphs it includes, by path from its folder.
  public var files: [String: String]

  public init(hash: String, name: String, text: String, files: [String: String] = [:]) {
    self.hash = hash
    self.name = name
    self.text = text
    self.files = files
  }
}

/// Where a checkpoint came from.
public enum CheckpointSource: String, Sendable, Hashable, Codable {
  case input, step, update, fork
}

/// The end of a super-step: what it changed and what is due next.
public struct CheckpointRecord: Sendable, Hashable {
  public var namespace: String

  /// 1, 2, 3 … per thread and namespace, over all branches.
  public var number: Int
  public var parent: Int?
  public var step: Int
  public var source: CheckpointSource
  public var created: Timestamp

  /// What is due and what is gathering: everything the engine needs besides the values.
  public var agenda: Agenda

  /// What changed since `parent`.
  public var deltas: [ChannelDelta]

  public init(
    namespace: String = "", number: Int, parent: Int?, step: Int, source: CheckpointSource, created: Timestamp,
    agenda: Agenda, deltas: [ChannelDelta]
  ) {
    self.namespace = namespace
    self.number = number
    self.parent = parent
    self.step = step
    self.source = source
    self.created = created
    self.agenda = agenda
    self.deltas = deltas
  }
}

/// A change of one channel's value, as small as the reducer allows.
public struct ChannelDelta: Sendable, Hashable {
  public var channel: ChannelName
  public var change: Change

  public init(_ channel: ChannelName, _ change: Change) {
    self.channel = channel
    self.change = change
  }

  public enum Change: Sendable, Hashable {
    case set(JSON)
    case unset

    /// Items added at the end of a list.
    case append([JSON])

    /// Edits of a list, in order.
    case edit([ListEdit])

    /// Objects merged deeply, in order.
    case merge([JSON])
  }

  public enum ListEdit: Sendable, Hashable {
    case append(JSON)
    case put(Int, JSON)
    case remove(Int)
    case removeAll
  }
}

/// How a task stands.
public enum TaskStatus: String, Sendable, Hashable, Codable {
  /// Due and not begun; never stored.
  case pending

  /// Recorded as started and not ended: running, or in doubt when its runner is gone.
  case started
  case done, failed, waiting, skipped, cached
}

/// One execution of one node, from its first attempt to its end; replaced as a whole when it changes.
public struct TaskRecord: Sendable, Hashable {
  public var id: TaskID

  /// The checkpoint whose state the task sees (its super-step ends in this checkpoint's child).
  public var checkpoint: Int

  /// Place among the super-step's tasks, which is the order writes land in.
  public var ordinal: Int
  public var isFanOut: Bool
  public var status: TaskStatus

  /// Attempts started so far.
  public var attempts: Int

  /// Seconds from the first start to the end.
  public var seconds: Double?
  public var result: JSON?
  public var writes: [ChannelWrite]

  /// Where the task's routes lead.
  public var triggers: [Trigger]
  public var error: TaskError?

  /// Set when the failure was routed to a handler by `on-error`.
  public var handler: NodeName?

  /// Questions the task asked, in order, with their answers.
  public var questions: [Question]

  /// The result of an effect that may not be repeated, until what it writes has landed.
  public var kept: JSON?

  /// Not before this moment may the next attempt start (a retry's wait).
  public var notBefore: Timestamp?

  /// Set while the task runs, or ran, before its super-step. Such a task has no row of its own yet (see ``Ledger``).
  var ahead: AheadMark?

  public init(id: TaskID, checkpoint: Int, ordinal: Int, isFanOut: Bool = false, status: TaskStatus = .started) {
    self.id = id
    self.checkpoint = checkpoint
    self.ordinal = ordinal
    self.isFanOut = isFanOut
    self.status = status
    attempts = 0
    writes = []
    triggers = []
    questions = []
  }

  public var label: String { id.label(fanOut: isFanOut) }
}

/// A value a task wrote to a channel.
public struct ChannelWrite: Sendable, Hashable {
  public var channel: ChannelName
  public var value: JSON

  public init(_ channel: ChannelName, _ value: JSON) {
    self.channel = channel
    self.value = value
  }
}

/// A piece of what a task printed.
public struct OutputRecord: Sendable, Hashable {
  public var namespace: String
  public var checkpoint: Int
  public var step: Int
  public var node: NodeName
  public var task: String
  public var attempt: Int
  public var stream: OutputStream
  public var text: String

  public init(
    namespace: String = "", checkpoint: Int, step: Int, node: NodeName, task: String, attempt: Int,
    stream: OutputStream, text: String
  ) {
    self.namespace = namespace
    self.checkpoint = checkpoint
    self.step = step
    self.node = node
    self.task = task
    self.attempt = attempt
    self.stream = stream
    self.text = text
  }
}

public enum OutputStream: String, Sendable, Hashable, Codable {
  case stdout, stderr, token, thinking
}

/// What a task wrote down while it ran (see ``TaskContext/remember(_:_:)``).
public struct NoteRecord: Sendable, Hashable {
  /// The task's idempotency key; empty for what belongs to the thread.
  public var key: String
  public var name: String
  public var value: JSON

  public init(key: String, name: String, value: JSON) {
    self.key = key
    self.name = name
    self.value = value
  }
}

/// A background process that outlives its task (`detach`).
public struct ServiceRecord: Sendable, Hashable {
  public var thread: ThreadID

  /// Key of the task that started it.
  public var key: String
  public var node: NodeName
  public var pid: Int

  /// When the process started as the kernel tells it, so that a reused pid is not taken for it.
  public var startTime: String
  public var bootID: String
  public var stopsAtRunEnd: Bool

  public init(
    thread: ThreadID, key: String, node: NodeName, pid: Int, startTime: String, bootID: String, stopsAtRunEnd: Bool
  ) {
    self.thread = thread
    self.key = key
    self.node = node
    self.pid = pid
    self.startTime = startTime
    self.bootID = bootID
    self.stopsAtRunEnd = stopsAtRunEnd
  }
}

/// A result kept by `cache`, store-wide.
public struct CacheRecord: Sendable, Hashable {
  public var key: String

  /// Who made it, so that it can be cleared.
  public var thread: ThreadID
  public var node: NodeName
  public var result: JSON
  public var created: Timestamp
  public var expires: Timestamp?

  public init(
    key: String, thread: ThreadID, node: NodeName, result: JSON, created: Timestamp, expires: Timestamp?
  ) {
    self.key = key
    self.thread = thread
    self.node = node
    self.result = result
    self.created = created
    self.expires = expires
  }
}

/// Numbers that no checkpoint of a thread has, though later ones exist.
public struct CheckpointGap: Sendable, Hashable {
  public enum Reason: String, Sendable, Hashable, Codable {
    /// Removed by `prune`.
    case pruned

    /// In the thread this one was forked from, on other branches.
    case elsewhere

    /// Could not be read when the store was salvaged.
    case lost
  }

  public var namespace: String
  public var numbers: ClosedRange<Int>
  public var reason: Reason

  public init(namespace: String = "", numbers: ClosedRange<Int>, reason: Reason) {
    self.namespace = namespace
    self.numbers = numbers
    self.reason = reason
  }
}
