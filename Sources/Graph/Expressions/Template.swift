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
    parts = try TemplateParser.parts(of: text)
  }

  /// The string, or the value itself where the template is exactly one `${{ }}` (and quoting is none).
  public func evaluate(in scope: Scope, quoting: Quoting = .none) throws(ExpressionError) -> JSON {
    if quoting == .none, parts.count == 1, case .expression(let expression) = parts[0] {
      return try expression.evaluate(in: scope)
    }
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .expression(let expression):
        let value = try expression.evaluate(in: scope)
        result += quoting == .shell ? try Self.shellQuoted(value, expression) : value.stringValue ?? value.text
      }
    }
    return .string(result)
  }

  public var expressions: [Expression] {
    parts.compactMap { part in
      if case .expression(let expression) = part { expression } else { nil }
    }
  }

  /// Whether every expression in it ``Expression/isImmediate``.
  public var isImmediate: Bool {
    parts.allSatisfy { part in
      if case .expression(let expression) = part { expression.isImmediate } else { true }
    }
  }

  /// The string, where nothing in it is evaluated.
  public var constantText: String? {
    var result = ""
    for part in parts {
      guard case .text(let text) = part else { return nil }
      result += text
    }
    return result
  }

  /// Whether nothing in it is evaluated.
  public var isPlain: Bool { constantText != nil }
}

extension Template {
  private static func shellQuoted(_ value: JSON, _ expression: Expression) throws(ExpressionError) -> String {
    guard case .array(let items) = value else { return try shellWord(value, expression) }
    var words: [String] = []
    for item in items { words.append(try shellWord(item, expression)) }
    return words.joined(separator: " ")
  }

  private static func shellWord(_ value: JSON, _ expression: Expression) throws(ExpressionError) -> String {
    switch value {
    case .null, .bool, .int, .double: return value.text
    case .string(let text):
      guard !text.utf8.contains(0) else {
        throw ExpressionError(.failed("gives a NUL character, which no shell can take"), source: expression.source)
      }
      return "'" + text.replacing("'", with: "'\\''") + "'"
    case .array, .object:
      throw ExpressionError(
        .failed("an \(value.typeName) cannot be quoted for the shell; pick its parts, or use tojson"),
        source: expression.source)
    }
  }
}
