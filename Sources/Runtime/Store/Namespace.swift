public import Graph

/// Where in which subgraph something is.
///
/// The thread's own graph has the empty namespace. A subgraph's is the path of the tasks it runs in, each with the
/// checkpoint at which it became due: `review@3/check[1]@2`. So every loop turn, fan-out item and fork has its own.
public struct Namespace: Sendable, Hashable {
  public let path: String

  public init(_ path: String) {
    self.path = path
  }

  /// That of the graph which runs inside `task`.
  public init(inside task: TaskID, isFanOut: Bool) {
    let own = "\(task.label(fanOut: isFanOut))@\(task.due)"
    path = task.namespace.isEmpty ? own : "\(task.namespace)/\(own)"
  }

  /// The tasks on the way, outermost first, as people name them: `["review", "check[1]"]`.
  public var labels: [String] { parts.map { String($0.prefix { $0 != "@" }) } }

  /// The nodes of those tasks.
  public var nodes: [NodeName] { parts.map { NodeName(rawValue: String($0.prefix { $0 != "@" && $0 != "[" })) } }

  /// The namespace of the task that this one runs in; empty for the thread's own.
  public var parent: String { parts.dropLast().joined(separator: "/") }

  /// The checkpoint of ``parent`` at which that task became due.
  public var due: Int? {
    guard let part = parts.last, let at = part.firstIndex(of: "@") else { return nil }
    return Int(part[part.index(after: at)...].prefix { $0 != "+" })
  }

  /// A task of this namespace as people name it from the thread's own graph: `review/check[1]/ask`.
  public func shown(_ task: String) -> String { (labels + [task]).joined(separator: "/") }

  /// Whether `other` is that of a graph which runs somewhere inside this one.
  func contains(_ other: String) -> Bool {
    other != path && (path.isEmpty || other.hasPrefix(path + "/"))
  }

  private var parts: [Substring] { path.split(separator: "/") }
}

extension TaskRecord {
  /// The namespace of the graph that runs inside the task, if it runs one.
  public var inside: Namespace { Namespace(inside: id, isFanOut: isFanOut) }
}
