/// Writes JSON text as UTF-8.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  /// Room for a short text, which need not be moved then as it grows.
  init() { bytes.reserveCapacity(96) }

  mutating func write(_ value: JSON) {
    switch value {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .int(let value): write(value.description)
    case .double(let value): write(value)
    case .string(let value): writeString(value)
    case .array(let items):
      write(byte: UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        if index > 0 { write(byte: UInt8(ascii: ",")) }
        write(item)
      }
      write(byte: UInt8(ascii: "]"))
    case .object(let object): write(object)
    }
  }

  mutating func write(_ object: JSONObject) {
    write(byte: UInt8(ascii: "{"))
    var isFirst = true
    for (key, value) in object {
      if !isFirst { write(byte: UInt8(ascii: ",")) }
      isFirst = false
      writeString(key)
      write(byte: UInt8(ascii: ":"))
      write(value)
    }
    write(byte: UInt8(ascii: "}"))
  }

  mutating func write(byte: UInt8) {
    bytes.append(byte)
  }

  /// Raw text, already JSON.
  mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// The shortest text that reads back as the same double.
  mutating func write(_ value: Double) {
    precondition(value.isFinite, "a JSON number is finite: \(value) has no JSON text")
    write(value.description)
  }

  mutating func writeString(_ value: String) {
    var value = value
    write(byte: UInt8(ascii: "\""))
    value.withUTF8 { unsafe writeEscaped(UnsafeRawBufferPointer($0)) }
    write(byte: UInt8(ascii: "\""))
  }

  /// A string's inside.
  mutating func writeEscaped(_ text: UnsafeRawBufferPointer) {
    let escaped = unsafe text.count(where: Self.needsEscape)
    reserve(text.count + escaped * 5)
    guard escaped > 0 else { return unsafe bytes.append(contentsOf: text) }
    unsafe text.forEach { byte in
      if Self.needsEscape(byte) { bytes += Self.escapes[Int(byte)] } else { bytes.append(byte) }
    }
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  /// Room for a long text at once: to double on the way there would take half as much memory again.
  private mutating func reserve(_ count: Int) {
    let needed = bytes.count + count
    guard count > 64 << 10, needed > bytes.capacity else { return }
    bytes.reserveCapacity(needed + needed / 8)
  }

  /// By byte, what stands for it in a string.
  private static let escapes: [[UInt8]] = (0...UInt8.max).map { byte in
    switch byte {
    case UInt8(ascii: "\""): Array("\\\"".utf8)
    case UInt8(ascii: "\\"): Array("\\\\".utf8)
    case 0x0A: Array("\\n".utf8)
    case 0x0D: Array("\\r".utf8)
    case 0x09: Array("\\t".utf8)
    case 0x08: Array("\\b".utf8)
    case 0x0C: Array("\\f".utf8)
    case 0..<0x20: Array(((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8)
    default: []
    }
  }
}

extension JSONWriter {
  mutating func writePretty(_ value: JSON, indent: Int) {
    switch value {
    case .array(let items) where !items.isEmpty:
      write(byte: UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        newLine(indent + 1, comma: index > 0)
        writePretty(item, indent: indent + 1)
      }
      newLine(indent)
      write(byte: UInt8(ascii: "]"))
    case .object(let object) where !object.isEmpty:
      write(byte: UInt8(ascii: "{"))
      for (index, member) in object.enumerated() {
        newLine(indent + 1, comma: index > 0)
        writeString(member.key)
        write(": ")
        writePretty(member.value, indent: indent + 1)
      }
      newLine(indent)
      write(byte: UInt8(ascii: "}"))
    default: write(value)
    }
  }

  private mutating func newLine(_ indent: Int, comma: Bool = false) {
    if comma { write(byte: UInt8(ascii: ",")) }
    write(byte: 0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: indent * 2))
  }
}
