public import Graph

/// What went wrong in a task, as data that routes, stores and programs use.
public struct TaskError: Sendable, Hashable {
  public var node: NodeName?

  /// Which of a fan-out's tasks it was, by its label: `count[6]`; `nil` where the node is enough.
  public var task: String?
  public var kind: ErrorKind
  public var message: String

  /// What the node had when it failed (a shell's exit and output, a probe's evidence).
  public var result: JSON?

  public init(
    node: NodeName? = nil, task: String? = nil, kind: ErrorKind, message: String, result: JSON? = nil
  ) {
    self.node = node
    self.task = task
    self.kind = kind
    self.message = message
    self.result = result
  }

  /// `{node?, task?, kind, message}`, with `result` where a handler sees it.
  public func json(withResult: Bool = false) -> JSON {
    var object = JSONObject()
    if let node { object["node"] = .string(node.rawValue) }
    if let task { object["task"] = .string(task) }
    object["kind"] = .string(kind.rawValue)
    object["message"] = .string(message)
    if withResult, let result { object["result"] = result }
    return .object(object)
  }
}

/// The kinds of failure, as `retry.on`, `$error.kind` and `--json` spell them.
public enum ErrorKind: String, Sendable, Hashable, Codable, CaseIterable {
  case exit, signal, timeout, spawn, connection, http, model, tool, swift
  case parse, expect, expression, type, conflict, undeclared, route, limit, refused, `protocol`, store
}
