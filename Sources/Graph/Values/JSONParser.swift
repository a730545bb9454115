/// Reads one JSON text, byte by byte (docs/decisions/0002).
struct JSONParser {
  private let bytes: [UInt8]
  private let deepest: Int
  private var position = 0

  static func parse(_ bytes: [UInt8], depth: Int = JSONLimits.depth) throws(JSONTextError) -> JSON {
    var parser = JSONParser(bytes: bytes, deepest: depth)
    return try parser.document()
  }

  private init(bytes: [UInt8], deepest: Int) {
    self.bytes = bytes
    self.deepest = deepest
  }

  private mutating func document() throws(JSONTextError) -> JSON {
    skipSpace()
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("text after the end of the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONTextError) -> JSON {
    guard position < bytes.count else { throw error("the text ends where a value should be") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: throw error("a value cannot start with \(found)")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONTextError) -> JSON {
    let text = word.description
    guard bytes[position...].starts(with: text.utf8) else { throw error("a value cannot start with \(found)") }
    position += text.utf8.count
    return value
  }

  // MARK: Lists and objects

  private mutating func array(depth: Int) throws(JSONTextError) -> JSON {
    try enter(depth)
    var items: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(items) }
    while true {
      skipSpace()
      items.append(try value(depth: depth))
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(items) }
      guard take(UInt8(ascii: ",")) else { throw error("a list needs \",\" or \"]\" here, not \(found)") }
    }
  }

  private mutating func object(depth: Int) throws(JSONTextError) -> JSON {
    try enter(depth)
    var object = JSONObject()
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(object) }
    while true {
      skipSpace()
      try member(of: &object, depth: depth)
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(object) }
      guard take(UInt8(ascii: ",")) else { throw error("an object needs \",\" or \"}\" here, not \(found)") }
    }
  }

  private mutating func member(of object: inout JSONObject, depth: Int) throws(JSONTextError) {
    let start = position
    guard peek == UInt8(ascii: "\"") else { throw error("an object's key must be a string, not \(found)") }
    let key = try string()
    skipSpace()
    guard take(UInt8(ascii: ":")) else { throw error("a key needs \":\" after it, not \(found)") }
    skipSpace()
    let value = try value(depth: depth)
    guard object.insert(value, forKey: key) else { throw error("duplicate key \"\(key.prefix(80))\"", at: start) }
    guard object.count <= JSONLimits.keys else { throw error("an object of more than \(JSONLimits.keys) keys") }
  }

  private mutating func enter(_ depth: Int) throws(JSONTextError) {
    guard depth <= deepest else { throw error("nested deeper than \(deepest) levels") }
    position += 1
  }

  // MARK: Strings

  private mutating func string() throws(JSONTextError) -> String {
    position += 1
    let start = position
    var seen: UInt8 = 0
    while position < bytes.count {
      let byte = bytes[position]
      seen |= byte
      if byte == UInt8(ascii: "\"") {
        let text = try text(bytes[start..<position], from: start, isASCII: seen < 0x80)
        position += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw error("a control character in a string must be written \\u00\(hex(byte))") }
      position += 1
    }
    throw error("a string without its closing quote", at: start - 1)
  }

  /// The rest of a string that has an escape at ``position``.
  private mutating func escapedString(from start: Int) throws(JSONTextError) -> String {
    var buffer = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        let text = try text(buffer[...], from: start)
        position += 1
        return text
      case UInt8(ascii: "\\"): try escape(into: &buffer)
      case 0..<0x20: throw error("a control character in a string must be written \\u00\(hex(byte))")
      default:
        buffer.append(byte)
        position += 1
      }
    }
    throw error("a string without its closing quote", at: start - 1)
  }

  private mutating func escape(into buffer: inout [UInt8]) throws(JSONTextError) {
    guard position + 1 < bytes.count else { throw error("a string without its closing quote") }
    switch bytes[position + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(bytes[position + 1])
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"):
      buffer.append(contentsOf: UTF8.encode(try unicodeEscape()) ?? Unicode.UTF8.encodedReplacementCharacter)
      return
    default: throw error("unknown escape in a string")
    }
    position += 2
  }

  /// Consumes `\uXXXX`, or two of them that make a surrogate pair.
  private mutating func unicodeEscape() throws(JSONTextError) -> Unicode.Scalar {
    let start = position
    let high = try hexUnit()
    if let scalar = Unicode.Scalar(high) { return scalar }
    guard (0xD800..<0xDC00).contains(high), bytes[position...].starts(with: [0x5C, 0x75]) else {
      throw error("half of a surrogate pair", at: start)
    }
    let low = try hexUnit()
    guard (0xDC00..<0xE000).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    else { throw error("half of a surrogate pair", at: start) }
    return scalar
  }

  private mutating func hexUnit() throws(JSONTextError) -> UInt32 {
    guard position + 6 <= bytes.count else { throw error("\\u needs four hexadecimal digits") }
    var unit: UInt32 = 0
    for byte in bytes[position + 2..<position + 6] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("\\u needs four hexadecimal digits")
      }
      unit = unit << 4 | UInt32(digit)
    }
    position += 6
    return unit
  }

  private func text(
    _ slice: ArraySlice<UInt8>, from start: Int, isASCII: Bool = false
  ) throws(JSONTextError) -> String {
    guard slice.count <= JSONLimits.stringBytes else {
      throw error("a string longer than \(JSONLimits.stringBytes >> 20) MiB", at: start)
    }
    // Nothing to repair, and much faster for short ones.
    if isASCII { return String(decoding: slice, as: UTF8.self) }
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw error("a string that is not valid UTF-8", at: start)
    }
    return text
  }

  // MARK: Numbers

  private mutating func number() throws(JSONTextError) -> JSON {
    let start = position
    let isNegative = take(UInt8(ascii: "-"))
    let first = position
    skipDigits()
    guard position > first else { throw error("a number needs a digit here, not \(found)") }
    if bytes[first] == UInt8(ascii: "0"), position > first + 1 {
      throw error("a number does not start with 0", at: first)
    }
    if peek != UInt8(ascii: "."), peek != UInt8(ascii: "e"), peek != UInt8(ascii: "E"), position - first <= 18 {
      let magnitude = bytes[first..<position].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      if !isNegative { return .int(magnitude) }
      if magnitude > 0 { return .int(-magnitude) }
    }
    try fractionAndExponent()
    do {
      return try JSON(number: String(decoding: bytes[start..<position], as: UTF8.self))
    } catch let problem {
      throw error(problem.description, at: start)
    }
  }

  private mutating func fractionAndExponent() throws(JSONTextError) {
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
      try digits()
    }
  }

  private mutating func digits() throws(JSONTextError) {
    let start = position
    skipDigits()
    guard position > start else { throw error("a number needs a digit here, not \(found)") }
  }

  private mutating func skipDigits() {
    while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position += 1 }
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  // MARK: Errors

  /// What stands at ``position``, for messages.
  private var found: String {
    guard let byte = peek else { return "the end of the text" }
    if bytes[position...].starts(with: [0xEF, 0xBB, 0xBF]) { return "a byte order mark" }
    guard byte >= 0x20, byte != 0x7F else { return "the control character \\u00\(hex(byte))" }
    let character = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self).unicodeScalars
      .first
    return character.map { "\"\($0)\"" } ?? "this"
  }

  private func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  private func error(_ message: String) -> JSONTextError {
    error(message, at: position)
  }

  private func error(_ message: String, at offset: Int) -> JSONTextError {
    let before = bytes[..<min(offset, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let line = before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
    let column = before[lineStart...].reduce(1) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    return JSONTextError(line: line, column: column, message: message)
  }
}
