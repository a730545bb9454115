import Graph

/// One thing done with a case's thread, which its first key says, and what must come of it.
struct Step: Sendable {
  enum Action: String, CaseIterable {
    // What a user does.
    case run, resume, fork, set, show, history, diff, log, threads, validate

    /// Any other command, word by word: `call: prune --keep 2`.
    case call

    /// Replaces parts of the graph file's text: `{old: new}`.
    case edit

    /// Puts files beside the graph: `{name: text}`; `null` takes one away.
    case write
  }

  let action: Action
  private let given: JSONObject

  /// The words of a `call`.
  let words: [String]

  /// What must come of it, by name (see README.md).
  let expected: JSONObject

  private static let expectations: Set<String> = [
    "ends", "exit", "says", "error", "values", "outputs", "next", "step", "checkpoint", "parent", "asks", "path",
    "checkpoints", "tasks", "history", "events", "files", "changes", "problems", "lines",
  ]

  private static let options: Set<String> = [
    "thread", "input", "durability", "max-steps", "until", "abandon", "yes", "answer", "answers", "from", "set", "as",
    "original", "at", "before", "limit", "to",
  ]

  init(_ json: JSON) throws {
    guard let first = json.objectValue?.keys.first, let action = Action(rawValue: first) else {
      throw CaseError("a step begins with one of \(Action.allCases.map(\.rawValue)), not \(json.text)")
    }
    self.action = action
    let value = json[first] ?? .null
    words = (value.stringValue ?? "").split(separator: " ").map(String.init)
    given = value.objectValue ?? [:]
    if ![.edit, .write, .call].contains(action), value != .null { try value.allow(Self.options) }
    var expected = json.objectValue ?? [:]
    expected.removeValue(forKey: first)
    try JSON.object(expected).allow(Self.expectations)
    self.expected = expected
  }

  subscript(option: String) -> JSON? { given[option] }

  var thread: String { given["thread"]?.stringValue ?? "t" }
  func isSet(_ option: String) -> Bool { given[option] == true }
  func object(_ option: String) -> JSONObject { given[option]?.objectValue ?? [:] }

  /// The texts of `edit` and `write`.
  var texts: [(key: String, value: String?)] { given.map { ($0.key, $0.value.stringValue) } }
}
