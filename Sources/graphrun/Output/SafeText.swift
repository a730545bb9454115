/// Text from outside as a terminal or a log may show it (RELIABILITY S40): nothing in it is obeyed.
enum SafeText {
  /// `text` on one line.
  static func line(_ text: String) -> String { clean(text, keepingLines: false) }

  /// `text` with its line breaks.
  static func lines(_ text: String) -> String { clean(text, keepingLines: true) }

  private static func clean(_ text: String, keepingLines: Bool) -> String {
    var text = text
    return text.withUTF8 { unsafe clean($0, keepingLines: keepingLines) }
  }

  private static func clean(_ bytes: UnsafeBufferPointer<UInt8>, keepingLines: Bool) -> String {
    guard unsafe bytes.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else {
      return unsafe String(decoding: bytes, as: UTF8.self)
    }
    var shown: [UInt8] = []
    shown.reserveCapacity(bytes.count)
    var place = 0
    while place < bytes.count {
      let byte = unsafe bytes[place]
      if byte == 0x1B, let end = unsafe endOfStyle(bytes, after: place) {
        place = end
      } else if byte < 0x80 {
        append(byte, to: &shown, keepingLines: keepingLines)
        place += 1
      } else {
        let end = unsafe endOfScalar(bytes, from: place)
        let text = unsafe String(decoding: bytes[place..<end], as: UTF8.self)
        for scalar in text.unicodeScalars { shown += Array((isObeyed(scalar) ? spelled(scalar) : String(scalar)).utf8) }
        place = end
      }
    }
    return String(decoding: shown, as: UTF8.self)
  }

  private static func append(_ byte: UInt8, to shown: inout [UInt8], keepingLines: Bool) {
    switch byte {
    case UInt8(ascii: "\n") where keepingLines: shown.append(byte)
    case UInt8(ascii: "\t"): shown += [0x20, 0x20]
    case 0x20..<0x7F: shown.append(byte)
    default: shown += asciiSpellings[Int(byte)]
    }
  }

  private static let asciiSpellings = (0..<0x80).map { Array(spelled(Unicode.Scalar(UInt8($0))).utf8) }

  private static func endOfScalar(_ bytes: UnsafeBufferPointer<UInt8>, from place: Int) -> Int {
    var end = place + 1
    while end < bytes.count, unsafe bytes[end] & 0xC0 == 0x80 { end += 1 }
    return end
  }

  /// Colours change nothing but looks; they are left out.
  private static func endOfStyle(_ bytes: UnsafeBufferPointer<UInt8>, after escape: Int) -> Int? {
    var place = escape + 1
    guard place < bytes.count, unsafe bytes[place] == UInt8(ascii: "[") else { return nil }
    place += 1
    let parameters = (UInt8(ascii: "0")...UInt8(ascii: "9"))
    while place < bytes.count, place - escape <= 22,
      unsafe parameters.contains(bytes[place]) || bytes[place] == UInt8(ascii: ";")
    {
      place += 1
    }
    guard place < bytes.count, unsafe bytes[place] == UInt8(ascii: "m") else { return nil }
    return place + 1
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true
    case 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F:
      true
    default: false
    }
  }

  private static func spelled(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\u{1B}": return "\\e"
    default:
      let hex = String(scalar.value, radix: 16)
      let digits = scalar.value < 0x100 ? 2 : 4
      return (digits == 2 ? "\\x" : "\\u") + String(repeating: "0", count: max(0, digits - hex.count)) + hex
    }
  }
}
