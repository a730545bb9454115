/// Writes values as YAML that reads back as the same, in the style people write it.
public enum YAMLText {
  /// `text` on one line: bare where nothing could mistake it, else in quotes.
  public static func scalar(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  /// `value` as a block, its lines indented by `indent`; small lists and maps stay on one line.
  public static func block(_ value: JSON, indent: Int = 0) -> String {
    let margin = String(repeating: " ", count: indent)
    switch value {
    case .object(let object) where !fits(value, indent):
      return object.map { "\(margin)\(scalar($0.key)):\(member($0.value, indent))" }.joined(separator: "\n")
    case .array(let items) where !fits(value, indent):
      return items.map { item($0, indent, margin) }.joined(separator: "\n")
    case .string(let text): return margin + (literal(text, indent + 2) ?? scalar(text))
    default: return margin + flow(value)
    }
  }

  /// What stands behind a key's colon.
  private static func member(_ value: JSON, _ indent: Int) -> String {
    if case .string(let text) = value { return " " + (literal(text, indent + 2) ?? scalar(text)) }
    return fits(value, indent) ? " " + flow(value) : "\n" + block(value, indent: indent + 2)
  }

  /// An item with its dash, the first line of what it is right behind it.
  private static func item(_ value: JSON, _ indent: Int, _ margin: String) -> String {
    let inner = block(value, indent: indent + 2)
    return "\(margin)- " + inner.dropFirst(indent + 2)
  }

  /// Columns a line of a list or a map may take.
  private static let width = 100

  private static func fits(_ value: JSON, _ indent: Int) -> Bool {
    switch value {
    case .object(let object) where object.isEmpty: true
    case .array(let items) where items.isEmpty: true
    case .object, .array: flow(value).count + indent <= width && !value.hasLines
    default: true
    }
  }

  /// `value` on one line.
  public static func flow(_ value: JSON) -> String {
    switch value {
    case .string(let text): return scalar(text)
    case .array(let items): return "[" + items.map(flow).joined(separator: ", ") + "]"
    case .object(let object) where object.isEmpty: return "{}"
    case .object(let object):
      return "{ " + object.map { "\(scalar($0.key)): \(flow($0.value))" }.joined(separator: ", ") + " }"
    default: return value.text
    }
  }

  // MARK: Texts

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, text.utf8.count <= width, CoreSchema.type(of: text) == .string else {
      return false
    }
    let marks = " _./@%+~()=<>;^$"
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      scalar.isLetter || scalar.isDigit || scalar == "-" || marks.unicodeScalars.contains(scalar)
    }
    return isPlain && (first.isLetter || first == "/" || first == ".") && text.last != " "
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      default: quoted += isPrintable(scalar) ? String(scalar) : escape(scalar)
      }
    }
    return quoted + "\""
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
    return "\\" + mark + String(repeating: "0", count: width - digits.count) + digits
  }

  /// As a literal block of several lines; `nil` where it would not read back as the same.
  private static func literal(_ text: String, _ indent: Int) -> String? {
    let body = text.hasSuffix("\n") ? text.dropLast() : text[...]
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 1, let first = lines.first, let last = lines.last, !first.isEmpty, !last.isEmpty,
      first.first?.isWhitespace == false, text.unicodeScalars.allSatisfy({ isPrintable($0) || $0 == "\n" }),
      !lines.contains(where: { $0.last == " " || ($0.first == " " && $0.allSatisfy { $0 == " " }) })
    else { return nil }
    let margin = String(repeating: " ", count: indent)
    return (text.hasSuffix("\n") ? "|\n" : "|-\n") + lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7F, 0xA0..<0x2028, 0x202A..<0xD800, 0xE000..<0xFEFF, 0xFF00..<0xFFFE, 0x10000...0x10FFFF:
      scalar.properties.generalCategory != .format
    default: false
    }
  }
}

extension JSON {
  /// A text in it has several lines.
  fileprivate var hasLines: Bool {
    switch self {
    case .string(let text): text.contains("\n")
    case .array(let items): items.contains(where: \.hasLines)
    case .object(let object): object.contains { $0.value.hasLines }
    default: false
    }
  }
}
