import Graph
import GraphRuntime

/// The environment of a step: the run's, and what `env` adds; `null` takes a variable away.
struct ShellEnvironment {
  let fields: NodeFields

  init(_ fields: NodeFields) {
    self.fields = fields
  }

  func variables() async throws -> [String: String] {
    var variables = fields.task.environment
    guard let env = fields["env"] else { return variables }
    let entries: [(String, Field)]
    switch env {
    case .map(let map): entries = map.map { ($0.key, $0.value) }
    case .literal(.object(let object)): entries = object.map { ($0.key, .literal($0.value)) }
    default: throw fields.failure("env", "must be a map with constant names")
    }
    for (name, field) in entries {
      try check(name, field)
      let value = try await fields.task.evaluate(field, key: "\(fields.prefix)env.\(name)")
      variables[name] = value == .null ? nil : try fields.checked(value.argumentText, key: "env.\(name)")
    }
    return variables
  }

  private func check(_ name: String, _ field: Field) throws(NodeFailure) {
    let scalars = name.unicodeScalars
    guard scalars.first?.isASCIIDigit == false, scalars.allSatisfy({ $0.isASCIIWord }) else {
      throw fields.failure("env", "\"\(name)\" is no name for a variable: letters, digits and _, no digit first")
    }
    guard !Self.reserved.contains(name) else { throw fields.failure("env", "\(name) is graphrun's own") }
    if LoaderVariables.contains(name), !field.expressions.isEmpty {
      throw fields.failure("env.\(name)", "decides what programs run, so its value must be constant")
    }
  }

  private static let reserved: Set<String> = [
    Orphans.runVariable, Orphans.storeVariable, Orphans.serviceVariable, Orphans.keyVariable, Orphans.outerVariable,
  ]
}

extension Unicode.Scalar {
  var isASCIIDigit: Bool { ("0"..."9").contains(self) }
  var isASCIIWord: Bool { isASCIIDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_" }
}
