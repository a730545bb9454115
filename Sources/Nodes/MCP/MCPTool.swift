import Crypto
import Foundation
import Graph

/// A tool as its server describes it.
struct MCPTool: Sendable, Hashable {
  var name: String
  var title: String?
  var description: String?

  /// What arguments must fit, as the server wrote it.
  var inputSchema: JSON

  /// What arguments are held to; its `inlined` is what a model is shown.
  var parameters: ForeignSchema

  /// What structured results fit, as the server wrote it.
  var outputSchema: JSON?
  var annotations = Annotations()

  /// What the server says of the tool's effects. Hints: worth something only where the graph trusts the server.
  struct Annotations: Sendable, Hashable {
    var isReadOnly = false
    var isDestructive = true
    var isIdempotent = false
    var isOpenWorld = true

    init() {}

    init(_ hints: JSON?) {
      isReadOnly = hints?["readOnlyHint"]?.boolValue ?? isReadOnly
      isDestructive = hints?["destructiveHint"]?.boolValue ?? isDestructive
      isIdempotent = hints?["idempotentHint"]?.boolValue ?? isIdempotent
      isOpenWorld = hints?["openWorldHint"]?.boolValue ?? isOpenWorld
    }

    /// Calling the tool again does no harm.
    var mayRepeat: Bool { isReadOnly || isIdempotent }
  }

  /// Changes with what a person or a model has read of the tool: name, description and schemas, whatever the order of
  /// their keys.
  var fingerprint: String {
    let described: JSON = [
      "name": .string(name), "description": description.map(JSON.string) ?? .null, "input": inputSchema.withSortedKeys,
      "output": outputSchema?.withSortedKeys ?? .null,
    ]
    return SHA256.hash(data: Data(described.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

extension MCPTool {
  /// Why the tool does not take `arguments`; `nil` when it does.
  func objection(to arguments: JSONObject) -> String? {
    let violations = parameters.violations(of: .object(arguments))
    return violations.isEmpty ? nil : violations.prefix(5).map(\.description).joined(separator: "; ")
  }
}

extension JSON {
  /// Equal values give equal texts.
  var withSortedKeys: JSON {
    switch self {
    case .null, .bool, .int, .double, .string: self
    case .array(let items): .array(items.map(\.withSortedKeys))
    case .object(let object):
      .object(JSONObject(object.sorted { $0.key < $1.key }.map { ($0.key, $0.value.withSortedKeys) }))
    }
  }
}
