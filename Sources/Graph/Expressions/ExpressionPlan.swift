/// What an expression's text alone says of it.
final class ExpressionPlan: Sendable {
  /// The text for jq: comments blanked, so that nothing can swallow what is put behind it.
  let text: String
  let reads: Expression.Reads
  let variables: Set<String>
  let readsClock: Bool

  /// The expression without jq, where it is simple enough.
  let native: NativeExpression?

  /// The closure that is meant, where there is no text.
  let code: Expression.Code?

  init(_ source: String) throws(ExpressionError) {
    var lexer = JQLexer(source)
    let tokens: [JQToken]
    do throws(JQLexer.Failure) {
      tokens = try lexer.tokens()
      guard !tokens.isEmpty else { throw JQLexer.Failure(.syntax("the expression is empty", offset: 0)) }
      try ForbiddenWords.check(tokens)
      native = NativeParser.parse(tokens)
      if native?.literal == nil { try Self.checkNumbers(tokens) }
    } catch {
      throw ExpressionError(error.reason, source: source)
    }
    code = nil
    text = String(decoding: lexer.blanked, as: UTF8.self)
    reads = StateReads.of(tokens)
    let all = JQToken.flatten(tokens)
    variables = Set(all.compactMap(\.variable)).intersection(Scope.variableNames)
    readsClock = all.contains { $0.word == "now" }
  }

  init(code: @escaping Expression.Code) {
    self.code = code
    (text, reads, variables, readsClock, native) = ("", .everything, [], true, nil)
  }

  /// jq counts in doubles: an integer beyond them would change silently.
  private static func checkNumbers(_ tokens: [JQToken]) throws(JQLexer.Failure) {
    for token in JQToken.flatten(tokens) {
      guard case .number(let value) = token.kind, let inexact = JQNumbers.inexact(value) else { continue }
      throw JQLexer.Failure(
        .syntax("jq cannot hold \(inexact) exactly; write it as a string", offset: token.offset))
    }
  }
}

/// What jq 1.6 keeps exactly: doubles.
enum JQNumbers {
  static let exact = 1 << 53

  /// `value` where it is an integer that a double would change.
  static func inexact(_ value: JSON) -> Int? {
    guard case .int(let number) = value, number.magnitude > exact.magnitude else { return nil }
    return number
  }
}
