/// A jq expression: pure, bounded in time and memory, exact in its numbers (RELIABILITY R21).
public struct Expression: Sendable, Hashable {
  public let source: String

  /// - Throws: ``ExpressionError`` where the text is no expression or names what expressions may not use
  ///   (`env`, `input`, `halt`, `import` …). jq's own syntax is checked by ``JQ/check(_:)``.
  public init(_ source: String) throws(ExpressionError) {
    self.source = source
  }

  /// The one value this yields.
  ///
  /// Plain paths and literals never start jq.
  /// - Throws: ``ExpressionError`` on none, several, an error, or a limit.
  public func evaluate(in scope: Scope) throws(ExpressionError) -> JSON {
    fatalError()
  }

  /// All values this yields; one list stands for its items (`each`).
  public func items(in scope: Scope) throws(ExpressionError) -> [JSON] {
    fatalError()
  }
}

/// Why an expression gave no value.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: Sendable, Hashable {
    /// The text is no expression (`offset`: UTF-8 offset in the source where known).
    case syntax(String, offset: Int?)
    /// Something expressions may not use.
    case forbidden(String, offset: Int?)
    /// jq raised an error, or the number of results was wrong.
    case failed(String)
    /// Stopped for time or memory.
    case limit(String)
  }

  public var reason: Reason
  public var source: String

  public init(_ reason: Reason, source: String) {
    self.reason = reason
    self.source = source
  }

  public var description: String { "\(reason)" }
}

/// The jq engine behind expressions.
public struct JQ: Sendable {
  /// The mistakes among `expressions` (nil: fine), compiled together. Also warms the engine for them.
  public static func check(_ expressions: [Expression]) throws -> [ExpressionError?] {
    fatalError()
  }

  /// The argument that makes the `graphrun` executable serve jq on its standard streams instead of parsing a command line.
  public static let helperArgument = "--jq-helper"

  /// Serves jq until standard input ends; called by the executable's entry point. Returns the exit code.
  public static func serve() -> Int32 {
    fatalError()
  }
}
