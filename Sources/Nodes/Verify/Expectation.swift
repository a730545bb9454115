import Graph
import GraphRuntime

/// `{expect, message}`.
struct Expectation {
  var expression: Expression
  var message: Field?
  var key: String

  static func list(_ fields: NodeFields) throws -> [Expectation] {
    guard let that = fields["that"] else { return [] }
    guard case .list(let items) = that else { throw fields.failure("that", "must be a list of {expect, message}") }
    return try items.enumerated().map { index, item in
      guard case .expression(let expression) = item["expect"] else {
        throw fields.failure("that[\(index)].expect", "must be an expression")
      }
      return Expectation(expression: expression, message: item["message"], key: "that[\(index)]")
    }
  }

  /// `nil` when it holds.
  func unmet(_ task: TaskContext, result: JSON?) async throws -> Unmet? {
    let value = try await task.evaluate(.expression(expression), key: "\(key).expect", result: result)
    if value.isTruthy { return nil }
    var message: String?
    if let field = self.message {
      message = try await task.evaluate(field, key: "\(key).message", result: result).argumentText
    }
    var seen: [(String, JSON)] = []
    for source in ExpressionAnatomy.operands(of: expression.source) {
      guard let part = try? Expression(source),
        let value = try? await task.evaluate(.expression(part), key: key, result: result)
      else { continue }
      seen.append((source, value))
    }
    return Unmet(expectation: expression.source, message: message, seen: seen)
  }
}
