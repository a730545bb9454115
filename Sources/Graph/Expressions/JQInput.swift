/// What an expression is sent: the part of the scope that it can read.
struct JQInput {
  private let state: JSONObject
  private let variables: JSONObject

  /// - Throws: ``ExpressionError`` naming an integer that jq would change.
  init(_ expression: Expression, _ scope: Scope) throws(ExpressionError) {
    state =
      switch expression.reads {
      case .everything: scope.state
      case .channels(let names): scope.state.filtered(names)
      }
    variables = scope.variables.filtered(expression.variables)
    if let place = Self.inexact(in: .object(state))
      ?? Self.inexact(in: .object(variables)).map({ "$" + $0.dropFirst() })
    {
      throw ExpressionError(
        .failed("\(place) is an integer that jq cannot hold exactly; keep it as a string"), source: expression.source)
    }
  }

  /// `[index, state, variables, most]`
  func text(index: Int, atMost most: Int) -> [UInt8] {
    var writer = JSONWriter()
    writer.write("[\(index),")
    writer.write(state)
    writer.write(byte: UInt8(ascii: ","))
    writer.write(variables)
    writer.write(",\(most)]")
    return writer.bytes
  }

  /// The path of the first integer that a double cannot hold.
  private static func inexact(in value: JSON) -> String? {
    switch value {
    case .null, .bool, .double, .string: return nil
    case .int: return JQNumbers.inexact(value) == nil ? nil : ""
    case .array(let items):
      for (index, item) in items.enumerated() {
        if let path = inexact(in: item) { return "[\(index)]\(path)" }
      }
    case .object(let object):
      for (key, value) in object {
        if let path = inexact(in: value) { return ".\(key)\(path)" }
      }
    }
    return nil
  }
}

extension JSONObject {
  fileprivate func filtered(_ names: Set<String>) -> JSONObject {
    JSONObject(filter { names.contains($0.key) }.map { ($0.key, $0.value) })
  }
}
