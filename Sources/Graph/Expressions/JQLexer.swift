/// Cuts a jq expression into tokens as jq 1.6 does, and checks that its brackets match.
///
/// What it lets through cannot end the parentheses that ``JQProgram`` puts around it.
struct JQLexer {
  struct Failure: Error {
    var reason: ExpressionError.Reason
    init(_ reason: ExpressionError.Reason) { self.reason = reason }
  }

  static let maxDepth = 100
  static let maxBytes = 64 << 10

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// The text with spaces where comments were.
  private(set) var blanked: [UInt8]

  init(_ source: String) {
    bytes = Array(source.utf8)
    blanked = bytes
  }

  mutating func tokens() throws(Failure) -> [JQToken] {
    guard bytes.count <= Self.maxBytes else { throw syntax("longer than \(Self.maxBytes >> 10) KiB", at: 0) }
    let tokens = try nested()
    guard position == bytes.count else {
      throw syntax("unexpected \"\(Unicode.Scalar(bytes[position]))\"", at: position)
    }
    return tokens
  }

  /// Up to a closing bracket, which is left, or the end.
  private mutating func nested() throws(Failure) -> [JQToken] {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maxDepth else { throw syntax("nested too deep", at: position) }
    var tokens: [JQToken] = []
    while true {
      skipSpaceAndComments()
      guard let byte = peek, byte != 0x29, byte != 0x5D, byte != 0x7D else { return tokens }
      let start = position
      tokens.append(JQToken(kind: try kind(byte), offset: start))
    }
  }

  private mutating func kind(_ byte: UInt8) throws(Failure) -> JQToken.Kind {
    let start = position
    switch byte {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): return try group(byte)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    case UInt8(ascii: "@"):
      position += 1
      return .format(takeWord())
    case UInt8(ascii: "$"):
      position += 1
      skipSpaceAndComments()
      let name = takeWord()
      guard !name.isEmpty else { throw syntax("a \"$\" without a name", at: start) }
      return .variable(name)
    case UInt8(ascii: "."):
      guard let next = peek(1) else { break }
      if Self.startsWord(next) {
        position += 1
        return .field(takeName())
      }
      if Self.isDigit(next) { return .number(try number()) }
    default:
      if Self.startsWord(byte) { return .word(takeWord()) }
    }
    return .symbol(try symbol())
  }

  private static let symbols = [
    "?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=", ">=", "..",
    ".", "?", "=", ";", ",", ":", "|", "+", "-", "*", "/", "%", "<", ">",
  ]

  private static let remedies: [Unicode.Scalar: String] = [
    "'": "texts are in double quotes", "&": "write and", "!": "write (… | not)", "`": "texts are in double quotes",
  ]

  private mutating func symbol() throws(Failure) -> String {
    guard let symbol = Self.symbols.first(where: { bytes[position...].starts(with: $0.utf8) }) else {
      let character = String(decoding: bytes[position...].prefix(4), as: UTF8.self).unicodeScalars.first ?? "?"
      let remedy = Self.remedies[character].map { "; " + $0 } ?? ""
      throw syntax("\(shown(String(character))) has no meaning here\(remedy)", at: position)
    }
    position += symbol.utf8.count
    return symbol
  }

  private mutating func group(_ byte: UInt8) throws(Failure) -> JQToken.Kind {
    guard let bracket = JQToken.Bracket(rawValue: byte) else { preconditionFailure("no bracket: \(byte)") }
    let start = position
    position += 1
    let inner = try nested()
    try close(bracket.closing, openedAt: start)
    return .group(bracket, inner)
  }

  private mutating func close(_ closing: UInt8, openedAt start: Int) throws(Failure) {
    guard let byte = peek else {
      throw syntax("\"\(Unicode.Scalar(bytes[start]))\" is not closed", at: start)
    }
    guard byte == closing else {
      throw syntax("\"\(Unicode.Scalar(byte))\" where \"\(Unicode.Scalar(closing))\" is due", at: position)
    }
    position += 1
  }

  // MARK: Strings

  private mutating func string() throws(Failure) -> [JQToken.StringPart] {
    let start = position
    var parts: [JQToken.StringPart] = []
    position += 1
    var text = position
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        parts.append(.text(Array(bytes[text..<position])))
        position += 1
        return parts
      case UInt8(ascii: "\\") where peek(1) == UInt8(ascii: "("):
        parts.append(.text(Array(bytes[text..<position])))
        let opening = position + 1
        position += 2
        parts.append(.interpolation(try nested()))
        try close(0x29, openedAt: opening)
        text = position
      case UInt8(ascii: "\\"): position += 2
      case 0: throw syntax("a NUL character", at: position)
      default: position += 1
      }
    }
    throw syntax("a string without its closing quote", at: start)
  }

  // MARK: Words and numbers

  private mutating func number() throws(Failure) -> JSON {
    let start = position
    skipDigits()
    if peek == UInt8(ascii: ".") {
      position += 1
      skipDigits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      let sign = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-") ? 1 : 0
      if let digit = peek(1 + sign), Self.isDigit(digit) {
        position += 1 + sign
        skipDigits()
      }
    }
    guard peek != UInt8(ascii: ".") else { throw syntax("a number with two points", at: start) }
    do {
      return try JSON(number: String(decoding: bytes[start..<position], as: UTF8.self))
    } catch let problem {
      throw syntax(problem.description, at: start)
    }
  }

  /// A name, with jq's module prefixes (`a::b`).
  private mutating func takeWord() -> String {
    var word = takeName()
    while peek == UInt8(ascii: ":"), peek(1) == UInt8(ascii: ":"), let next = peek(2), Self.startsWord(next) {
      position += 2
      word += "::" + takeName()
    }
    return word
  }

  private mutating func takeName() -> String {
    let start = position
    while let byte = peek, Self.startsWord(byte) || (position > start && Self.isDigit(byte)) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func skipDigits() {
    while let byte = peek, Self.isDigit(byte) { position += 1 }
  }

  private mutating func skipSpaceAndComments() {
    while let byte = peek {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case UInt8(ascii: "#"):
        while let byte = peek, byte != 0x0A {
          blanked[position] = 0x20
          position += 1
        }
      default: return
      }
    }
  }

  private static func startsWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func peek(_ ahead: Int) -> UInt8? {
    position + ahead < bytes.count ? bytes[position + ahead] : nil
  }

  private func syntax(_ message: String, at offset: Int) -> Failure {
    Failure(.syntax(message, offset: offset))
  }
}
