/// A string with `${{ expr }}` in it.
public struct Template: Sendable, Hashable {
  public enum Part: Sendable, Hashable {
    case text(String)
    case expression(Expression)
  }

  public enum Quoting: Sendable, Hashable {
    case none
    /// Every inserted value is quoted for the shell as jq's `@sh` does; NUL is refused.
    case shell
  }

  public var parts: [Part]

  public init(parts: [Part]) {
    self.parts = parts
  }

  /// - Throws: ``ExpressionError`` whose offsets count from the start of `text`.
  public init(parsing text: String) throws(ExpressionError) {
    fatalError()
  }

  /// The string, or the value itself where the template is exactly one `${{ }}` (and quoting is none).
  public func evaluate(in scope: Scope, quoting: Quoting = .none) throws(ExpressionError) -> JSON {
    fatalError()
  }

  public var expressions: [Expression] {
    parts.compactMap { part in
      if case .expression(let expression) = part { expression } else { nil }
    }
  }
}
