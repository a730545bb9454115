/// A jq expression: pure, bounded in time and memory, exact in its numbers (RELIABILITY R21).
public struct Expression: Sendable {
  public let source: String

  /// What the text alone says; shared by copies.
  let plan: ExpressionPlan

  /// - Throws: ``ExpressionError`` where the text is no expression or names what expressions may not use
  ///   (`env`, `input`, `halt`, `import` …). jq's own syntax is checked by ``JQ/check(_:)``.
  public init(_ source: String) throws(ExpressionError) {
    self.source = source
    plan = try ExpressionPlan(source)
  }

  /// A closure in the place of an expression, in a graph made in Swift. Code cannot be compared: all of them are equal.
  public typealias Code = @Sendable (Scope) throws -> JSON

  public init(code: @escaping Code) {
    source = Self.codeSource
    plan = ExpressionPlan(code: code)
  }

  /// What stands for the text of a closure.
  public static let codeSource = "Swift code"

  /// The one value this yields.
  ///
  /// Plain paths, literals and simple conditions never start jq.
  /// - Throws: ``ExpressionError`` on none, several, an error, or a limit.
  public func evaluate(in scope: Scope) throws(ExpressionError) -> JSON {
    if let value = try native(in: scope) { return value }
    let values = try JQ.evaluate(self, in: scope, atMost: 1)
    guard let value = values.first else { throw ExpressionError(.failed("gives no value"), source: source) }
    guard values.count == 1 else {
      throw ExpressionError(.failed("gives more than one value; wrap it in [ ] for a list"), source: source)
    }
    return value
  }

  /// All values this yields; one list stands for its items (`each`).
  ///
  /// A stream is its values, and one value that is no list is a stream of one: `.missing` is one `null`,
  /// `empty` and `[]` are no items.
  public func items(in scope: Scope) throws(ExpressionError) -> [JSON] {
    let values =
      if let value = try native(in: scope) { [value] } else { try JQ.evaluate(self, in: scope, atMost: .max) }
    guard values.count == 1, case .array(let items) = values[0] else { return values }
    return items
  }

  /// What of the state this can read.
  public var reads: Reads { plan.reads }

  /// Whether the value is had without jq, and so at once, whatever the state (a few operations on values that they do
  /// not fit are left to jq even so).
  public var isImmediate: Bool { plan.native != nil || plan.code != nil }

  /// The variables this names, without the `$`.
  public var variables: Set<String> { plan.variables }

  /// Whether the value may depend on when it is asked for (`now`).
  public var readsClock: Bool { plan.readsClock }

  /// The value, where it can be had without jq.
  private func native(in scope: Scope) throws(ExpressionError) -> JSON? {
    if let code = plan.code {
      do {
        return try code(scope)
      } catch {
        throw ExpressionError(.failed("\(error)"), source: source)
      }
    }
    guard let native = plan.native else { return nil }
    do throws(NativeExpression.Failure) {
      return try native.evaluate(in: scope)
    } catch {
      guard case .failed(let message) = error else { return nil }
      throw ExpressionError(.failed(message), source: source)
    }
  }
}

extension Expression {
  public enum Reads: Sendable, Hashable {
    /// At most these keys of the state.
    case channels(Set<String>)
    /// Possibly all of it.
    case everything

    public func contains(_ channel: String) -> Bool {
      switch self {
      case .channels(let names): names.contains(channel)
      case .everything: true
      }
    }

    /// What this and `other` read; `nil` reads nothing.
    public func union(_ other: Reads?) -> Reads {
      switch (self, other) {
      case (_, nil): self
      case (.channels(let left), .channels(let right)?): .channels(left.union(right))
      default: .everything
      }
    }
  }
}

extension Expression: Hashable {
  public static func == (left: Expression, right: Expression) -> Bool { left.source == right.source }
  public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
