import Synchronization

/// The jq engine behind expressions: one helper process, shared (docs/decisions/0001).
public struct JQ: Sendable {
  /// The mistakes among `expressions` (nil: fine), compiled together. Also warms the engine for them.
  ///
  /// - Throws: ``JQError`` where there is no helper to ask.
  public static func check(_ expressions: [Expression]) throws -> [ExpressionError?] {
    let mistakes = try client.withLock { client throws(JQError) in
      try client.check(expressions.filter { $0.plan.native == nil && $0.plan.code == nil })
    }
    return expressions.map { mistakes[$0] }
  }

  /// The argument that makes the `graphrun` executable serve jq on its standard input, a socket, instead of parsing a
  /// command line.
  public static let helperArgument = "--jq-helper"

  /// Serves jq until standard input ends; called by the executable's entry point. Returns the exit code.
  public static func serve() -> Int32 {
    JQServer.serve()
  }

  /// The release of the linked library, as far as what it can do tells: it does not say itself.
  ///
  /// - Throws: ``ExpressionError`` where the helper does not answer.
  package static func version() throws(ExpressionError) -> String {
    let has = "def has($name): any(.[]; . == $name); builtins"
    let release = "if has(\"trimstr/1\") then \"1.8\" elif has(\"pick/1\") then \"1.7\" else \"1.6\" end"
    return try Expression("\(has) | \(release)").evaluate(in: Scope()).stringValue ?? "?"
  }

  /// The values, or one more than `count` of them where there are more.
  static func evaluate(_ expression: Expression, in scope: Scope, atMost count: Int) throws(ExpressionError) -> [JSON] {
    let input = try JQInput(expression, scope)
    return try client.withLock { client throws(ExpressionError) in
      try client.evaluate(expression, input, all: count > 1)
    }
  }

  /// Ends the helper, if one runs; the next expression starts another.
  static func endHelper() {
    client.withLock { $0.endHelper() }
  }

  private static let client = Mutex(JQClient())
}

/// Expressions cannot be evaluated at all.
public struct JQError: Error, Sendable, Hashable, CustomStringConvertible {
  public var message: String

  public var description: String { "cannot start jq: \(message)" }
}
