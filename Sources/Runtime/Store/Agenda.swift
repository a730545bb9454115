public import Graph

/// What a checkpoint leaves to do.
public struct Agenda: Sendable, Hashable {
  /// Tasks of the next super-step, in the order their writes will land.
  public var due: [DueTask]

  /// Who has arrived at each barrier since it last ran.
  public var arrivals: [NodeName: Set<NodeName>]

  /// Deferred nodes that were triggered and wait until nothing else can run, with the errors that led there.
  public var deferred: [NodeName: [TaskError]]

  public init(
    due: [DueTask] = [], arrivals: [NodeName: Set<NodeName>] = [:], deferred: [NodeName: [TaskError]] = [:]
  ) {
    self.due = due
    self.arrivals = arrivals
    self.deferred = deferred
  }
}

/// A task that is due.
public struct DueTask: Sendable, Hashable {
  public var id: TaskID

  /// The fan-out it belongs to; `nil` for a task an edge triggered.
  public var item: FanOutItem?

  /// The failures routed here by `on-error`, in declaration order.
  public var errors: [TaskError]

  public init(id: TaskID, item: FanOutItem? = nil, errors: [TaskError] = []) {
    self.id = id
    self.item = item
    self.errors = errors
  }
}

/// One item of a fan-out.
public struct FanOutItem: Sendable, Hashable {
  public var sender: NodeName

  /// `$item`.
  public var value: JSON

  /// `$index`: place in the sender's list.
  public var index: Int

  /// How many tasks of this fan-out run at once.
  public var parallel: Int?

  public init(sender: NodeName, value: JSON, index: Int, parallel: Int?) {
    self.sender = sender
    self.value = value
    self.index = index
    self.parallel = parallel
  }
}

/// Where a finished task leads.
public enum Trigger: Sendable, Hashable {
  case edge(NodeName)
  case fanOut(NodeName, items: [JSON], parallel: Int?)
}
