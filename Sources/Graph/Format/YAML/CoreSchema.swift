/// How plain scalars resolve: the YAML 1.2 core schema, except that a number with a leading zero is text.
enum CoreSchema {
  static func type(of text: String) -> YAMLType {
    switch text {
    case "", "~", "null", "Null", "NULL": .null
    case "true", "True", "TRUE", "false", "False", "FALSE": .bool
    default: isNumber(text) ? .number : .string
    }
  }

  /// `nil` for a number that JSON cannot hold exactly, for instance `.inf`, an integer of more than 64 bits, or a
  /// decimal with more digits than a double has.
  static func value(of text: String) -> JSON? {
    switch type(of: text) {
    case .null: .null
    case .bool: .bool(text.first == "t" || text.first == "T")
    case .number: number(text)
    case .string, .list, .map: .string(text)
    }
  }

  private static func isNumber(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 400 else { return false }
    guard first < 0x3A, first > 0x2A, first != 0x2C, first != 0x2F else { return false }
    return isSpecial(text) || radix(of: text) != nil || decimal(text) != nil
  }

  private static func isSpecial(_ text: String) -> Bool {
    let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.dropFirst()) : text
    return [".inf", ".Inf", ".INF"].contains(unsigned) || [".nan", ".NaN", ".NAN"].contains(text)
  }

  /// `0o17` and `0x1F`.
  private static func radix(of text: String) -> Int? {
    let digits = text.dropFirst(2)
    guard !digits.isEmpty else { return nil }
    if text.hasPrefix("0o") { return digits.allSatisfy { ("0"..."7").contains($0) } ? 8 : nil }
    if text.hasPrefix("0x") { return digits.allSatisfy { $0.isASCII && $0.isHexDigit } ? 16 : nil }
    return nil
  }

  /// The parts of a decimal number; `nil` where it is none, or has a leading zero.
  private static func decimal(_ text: String) -> (whole: Substring, isInteger: Bool)? {
    var rest = Substring(text)
    if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
    let whole = takeDigits(&rest)
    guard !(whole.count > 1 && whole.first == "0") else { return nil }
    var fraction: Substring = ""
    var isInteger = true
    if rest.first == "." {
      rest.removeFirst()
      fraction = takeDigits(&rest)
      isInteger = false
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    if rest.first == "e" || rest.first == "E" {
      rest.removeFirst()
      if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
      guard !takeDigits(&rest).isEmpty else { return nil }
      isInteger = false
    }
    return rest.isEmpty ? (whole, isInteger) : nil
  }

  private static func takeDigits(_ text: inout Substring) -> Substring {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    text = text[digits.endIndex...]
    return digits
  }

  private static func number(_ text: String) -> JSON? {
    if isSpecial(text) { return nil }
    if let radix = radix(of: text) { return Int(text.dropFirst(2), radix: radix).map { .int($0) } }
    let unsigned = text.hasPrefix("+") ? String(text.dropFirst()) : text
    if decimal(text)?.isInteger == true, unsigned != "-0" { return Int(unsigned).map { .int($0) } }
    return try? JSON(number: unsigned)
  }
}
