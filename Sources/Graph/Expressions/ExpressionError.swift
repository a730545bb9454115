/// Why an expression gave no value.
public struct ExpressionError: Error, Sendable, Hashable {
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

  /// The expression; for a mistake in a template's own form, the template.
  public var source: String

  public init(_ reason: Reason, source: String) {
    self.reason = reason
    self.source = source
  }
}

extension ExpressionError {
  /// What is wrong, without the expression.
  public var message: String {
    switch reason {
    case .syntax(let message, _), .forbidden(let message, _), .failed(let message), .limit(let message): message
    }
  }

  /// UTF-8 offset of the mistake, where known.
  public var offset: Int? {
    switch reason {
    case .syntax(_, let offset), .forbidden(_, let offset): offset
    case .failed, .limit: nil
    }
  }
}

extension ExpressionError: CustomStringConvertible {
  /// The expression, shortened to a line, and what is wrong with it.
  public var description: String {
    let line = source.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let shown = line.count > 80 ? "\(line.prefix(79))…" : line
    return shown.isEmpty ? message : "\(shown): \(message)"
  }
}
