/// What a JSON text broke: a syntax rule or a limit (RELIABILITY R15).
public struct JSONTextError: Error, Sendable, Hashable, CustomStringConvertible {
  /// 1-based line and column (in characters) of the offence.
  public var line: Int
  public var column: Int
  public var message: String

  public init(line: Int, column: Int, message: String) {
    self.line = line
    self.column = column
    self.message = message
  }

  public var description: String { "line \(line), column \(column): \(message)" }
}

/// Limits that hold at every door (RELIABILITY R15).
public enum JSONLimits {
  public static let depth = 128
  public static let stringBytes = 16 << 20
  public static let keys = 100_000
}

extension JSON {
  /// Reads one JSON text (RFC 8259), keeping key order and exact numbers.
  ///
  /// - Throws: ``JSONTextError`` on bad syntax, duplicate keys, lone surrogates, numbers that cannot be kept exactly
  ///   (beyond 64-bit integers, overflowing doubles), or a limit of ``JSONLimits``.
  public init(parsing text: String) throws(JSONTextError) {
    fatalError()
  }

  public init(parsing bytes: some Sequence<UInt8>) throws(JSONTextError) {
    fatalError()
  }

  /// Compact JSON text, keys in their order, non-ASCII as is.
  public var text: String { fatalError() }

  /// Indented by two spaces, for people.
  public var prettyText: String { fatalError() }
}
