/// Writes JSON text as UTF-8.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

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
    write(byte: UInt8(ascii: "\""))
    if Self.needsEscape(value) {
      writeEscaped(value.utf8)
    } else {
      write(value)
    }
    write(byte: UInt8(ascii: "\""))
  }

  private static func needsEscape(_ text: String) -> Bool {
    let quick = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in unsafe bytes.contains(where: needsEscape) }
    return quick ?? text.utf8.contains(where: needsEscape)
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  /// A string's inside.
  mutating func writeEscaped(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { writeEscaped(byte) }
  }

  private mutating func writeEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): write("\\\"")
    case UInt8(ascii: "\\"): write("\\\\")
    case 0x0A: write("\\n")
    case 0x0D: write("\\r")
    case 0x09: write("\\t")
    case 0x08: write("\\b")
    case 0x0C: write("\\f")
    case 0..<0x10: write("\\u000" + String(byte, radix: 16))
    case 0x10..<0x20: write("\\u00" + String(byte, radix: 16))
    default: write(byte: byte)
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
