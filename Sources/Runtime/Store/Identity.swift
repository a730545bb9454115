public import Graph

/// The durable execution of a graph: what is resumed, looked at, forked.
public struct ThreadID: Name {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  public static var rule: String { "a letter or digit first, then letters, digits, '.', '_' and '-'; at most 128" }

  public static func allows(_ character: Unicode.Scalar, at index: Int) -> Bool {
    switch character {
    case "a"..."z", "A"..."Z", "0"..."9": true
    case ".", "_", "-": index > 0
    default: false
    }
  }
}

/// Which execution of a node: a thread's namespace, the checkpoint it became due at, the node, and its index.
///
/// Attempts and resumes of one task share it; loop turns, forks and fan-out items do not (DESIGN section 7, Identity).
public struct TaskID: Sendable, Hashable, Codable {
  /// Empty for the thread's own graph (see ``Namespace``).
  public var namespace: String

  /// When the task became due.
  public var due: DueMark

  public var node: String

  /// Running number among the tasks of `node` due together; 0 for one that an edge triggered.
  public var index: Int

  public init(namespace: String = "", due: DueMark, node: NodeName, index: Int = 0) {
    self.namespace = namespace
    self.due = due
    self.node = node.rawValue
    self.index = index
  }

  /// Stands for who gives the inputs, or changes the state from outside, where that makes `checkpoint`. No node has its name.
  static func outside(namespace: String = "", checkpoint: Int) -> TaskID {
    TaskID(namespace: namespace, due: DueMark(checkpoint: checkpoint), node: "input")
  }

  public var nodeName: NodeName { NodeName(rawValue: node) }

  /// How people and JSON name the task within its super-step: `node`, or `node[2]` in a fan-out.
  public func label(fanOut: Bool) -> String { fanOut ? "\(node)[\(index)]" : node }
}

/// The checkpoint at which a task became due.
public struct DueMark: Sendable, Hashable, Codable, CustomStringConvertible {
  public var checkpoint: Int

  /// Super-steps since `checkpoint` that were not stored (durability `exit`); 0 otherwise.
  public var offset: Int

  public init(checkpoint: Int, offset: Int = 0) {
    self.checkpoint = checkpoint
    self.offset = offset
  }

  public var description: String { offset == 0 ? "\(checkpoint)" : "\(checkpoint)+\(offset)" }
}

/// The exclusive right to change a thread, proven by a number that grows with every take-over (RELIABILITY R6).
public struct Fence: Sendable, Hashable {
  public var thread: ThreadID
  public var number: Int

  public init(thread: ThreadID, number: Int) {
    self.thread = thread
    self.number = number
  }
}
