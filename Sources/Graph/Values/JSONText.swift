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
  /// Lists and objects inside one another.
  public static let depth = 128
  public static let stringBytes = 16 << 20
  /// Keys of one object.
  public static let keys = 100_000
}

extension JSON {
  /// Reads one JSON text (RFC 8259), keeping key order and exact numbers.
  ///
  /// - Throws: ``JSONTextError`` on bad syntax, duplicate keys, lone surrogates, numbers that cannot be kept exactly
  ///   (beyond 64-bit integers, overflowing doubles), or a limit of ``JSONLimits``.
  public init(parsing text: String) throws(JSONTextError) {
    self = try JSONParser.parse(Array(text.utf8))
  }

  /// As `init(parsing:)`, with another limit of depth: for texts of ours that hold values of the deepest kind.
  package init(parsing text: String, depth: Int) throws(JSONTextError) {
    self = try JSONParser.parse(Array(text.utf8), depth: depth)
  }

  /// Reads one JSON text in UTF-8; as `init(parsing:)` of a string, and bytes that are not UTF-8 are refused.
  public init(parsing bytes: some Sequence<UInt8>) throws(JSONTextError) {
    self = try JSONParser.parse(Array(bytes))
  }

  /// Compact JSON text, keys in their order, non-ASCII as is.
  public var text: String {
    // Most lists of a record are empty.
    if case .array(let items) = self, items.isEmpty { return "[]" }
    return String(decoding: utf8, as: UTF8.self)
  }

  /// ``text`` as UTF-8 bytes, which costs less.
  public var utf8: [UInt8] {
    var writer = JSONWriter()
    writer.write(self)
    return writer.bytes
  }

  /// Indented by two spaces, for people.
  public var prettyText: String {
    var writer = JSONWriter()
    writer.writePretty(self, indent: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension JSON {
  /// What a person types so that it is read as this value: a string bare, unless it would be read as JSON.
  public var typed: String {
    guard case .string(let text) = self, (try? JSON(parsing: text)) == nil else { return self.text }
    return text
  }
}

extension JSON {
  /// Whether no more than `depth` lists and objects are inside one another.
  func isNested(atMost depth: Int) -> Bool {
    switch self {
    case .null, .bool, .int, .double, .string: true
    case .array(let items): depth > 0 && items.allSatisfy { $0.isNested(atMost: depth - 1) }
    case .object(let object): depth > 0 && object.allSatisfy { $0.value.isNested(atMost: depth - 1) }
    }
  }
}
