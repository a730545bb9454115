/// Text from outside as a terminal or a log may show it (RELIABILITY S40): nothing in it is obeyed.
enum SafeText {
  /// `text` on one line.
  static func line(_ text: String) -> String { clean(text, keepingLines: false) }

  /// `text` with its line breaks.
  static func lines(_ text: String) -> String { clean(text, keepingLines: true) }

  private static func clean(_ text: String, keepingLines: Bool) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else { return text }
    var shown = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      if scalar == "\u{1B}", let end = endOfStyle(rest) {
        rest = rest[end...]
      } else if scalar == "\n", keepingLines {
        shown.append(scalar)
      } else if scalar == "\t" {
        shown.append(contentsOf: "  ".unicodeScalars)
      } else if isObeyed(scalar) {
        shown.append(contentsOf: spelled(scalar).unicodeScalars)
      } else {
        shown.append(scalar)
      }
    }
    return String(shown)
  }

  /// Colours change nothing but looks; they are left out.
  private static func endOfStyle(_ text: Substring.UnicodeScalarView) -> String.Index? {
    guard text.first == "[" else { return nil }
    let rest = text.dropFirst()
    let parameters = rest.prefix { ("0"..."9").contains($0) || $0 == ";" }
    guard parameters.count <= 20, parameters.endIndex < rest.endIndex, rest[parameters.endIndex] == "m" else {
      return nil
    }
    return rest.index(after: parameters.endIndex)
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
