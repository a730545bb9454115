import Graph
import GraphRuntime
import OrderedCollections

/// A node's fields, or those of a probe inside one, as one attempt sees them.
struct NodeFields: Sendable {
  let task: TaskContext
  let fields: OrderedDictionary<String, Field>

  /// What stands before a key in messages: `shell.` for a probe's.
  let prefix: String

  init(_ task: TaskContext) {
    self.init(task, task.node.fields, prefix: "")
  }

  init(_ task: TaskContext, _ fields: OrderedDictionary<String, Field>, prefix: String) {
    self.task = task
    self.fields = fields
    self.prefix = prefix
  }

  /// The fields of the map under `key`.
  func nested(_ key: String) -> NodeFields? {
    guard case .map(let inner) = fields[key] else { return nil }
    return NodeFields(task, inner, prefix: "\(prefix)\(key).")
  }

  subscript(key: String) -> Field? { fields[key] }

  func value(_ key: String, quoting: Template.Quoting = .none) async throws -> JSON? {
    guard let field = fields[key] else { return nil }
    return try await task.evaluate(field, key: prefix + key, quoting: quoting)
  }

  /// The field as text: a string as is, anything else as JSON; `nil` when it is not there or null.
  func text(_ key: String, quoting: Template.Quoting = .none) async throws -> String? {
    guard let value = try await value(key, quoting: quoting), value != .null else { return nil }
    return value.argumentText
  }

  /// The field as text for a program: without NUL, which would cut it short.
  func argument(_ key: String, quoting: Template.Quoting = .none) async throws -> String? {
    guard let text = try await text(key, quoting: quoting) else { return nil }
    return try checked(text, key: key)
  }

  /// A list's items, or the one value, as texts for a program.
  func arguments(_ key: String) async throws -> [String]? {
    guard let value = try await value(key), value != .null else { return nil }
    let items = value.arrayValue ?? [value]
    return try items.enumerated().map { try checked($0.element.argumentText, key: "\(key)[\($0.offset)]") }
  }

  func checked(_ text: String, key: String) throws(NodeFailure) -> String {
    guard text.utf8.contains(0) else { return text }
    throw failure(key, "a text for a program cannot contain NUL")
  }

  func integers(_ key: String) async throws -> [Int]? {
    guard let value = try await value(key), value != .null else { return nil }
    return try (value.arrayValue ?? [value]).map { item in
      guard let number = item.intValue else { throw failure(key, "\(item.summary) is no integer") }
      return number
    }
  }

  func bool(_ key: String) async throws -> Bool {
    guard let value = try await value(key), value != .null else { return false }
    guard let flag = value.boolValue else { throw failure(key, "\(value.summary) is neither true nor false") }
    return flag
  }

  /// The field's members; none when it is not there.
  func object(_ key: String) async throws -> JSONObject {
    guard let value = try await value(key), value != .null else { return [:] }
    guard let object = value.objectValue else { throw failure(key, "\(value.summary) is no map") }
    return object
  }

  func duration(_ key: String) async throws -> Duration? {
    guard let value = try await value(key), value != .null else { return nil }
    guard let text = value.stringValue, let duration = Duration(parsing: text) else {
      throw failure(key, "\(value.summary) is no duration; write 500ms, 2s, 10m or 1h")
    }
    return duration
  }

  func failure(_ key: String, _ message: String) -> NodeFailure {
    NodeFailure(.type, "\(prefix)\(key): \(message)", precedesEffect: true)
  }
}

extension JSON {
  /// A string as is, anything else as JSON.
  var argumentText: String { stringValue ?? text }

  /// The value, short enough for a message.
  var summary: String {
    let text = text
    return text.count <= 200 ? text : "\(text.prefix(200))…"
  }

  /// Seconds to the millisecond.
  static func seconds(_ value: Double) -> JSON { .number((value * 1000).rounded() / 1000) }
}
