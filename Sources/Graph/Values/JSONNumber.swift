/// Why a number's text has no exact value here.
enum JSONNumberError: Error, CustomStringConvertible {
  case beyond64Bits(String)
  case tooLarge(String)
  case tooSmall(String)
  case inexact(String)

  var description: String {
    switch self {
    case .beyond64Bits(let text): "the integer \(text) does not fit 64 bits; write it as a string"
    case .tooLarge(let text): "the number \(text) is too large"
    case .tooSmall(let text): "the number \(text) is too close to zero"
    case .inexact(let text): "the number \(text) cannot be kept exactly; write it as an integer or a string"
    }
  }
}

extension JSON {
  /// The value of a number's text, which must be well-formed: as JSON spells numbers, or as jq does (`.5`, `1.`).
  init(number text: String) throws(JSONNumberError) {
    let shown = text.utf8.count > 40 ? "\(text.prefix(40))…" : text
    let isInteger = text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
    if isInteger, text != "-0" {
      guard let value = Int(text) else { throw .beyond64Bits(shown) }
      self = .int(value)
      return
    }
    guard let value = Double(text), value.isFinite else { throw .tooLarge(shown) }
    if value == 0, Decimal(text).digits.contains(where: { $0 != UInt8(ascii: "0") }) { throw .tooSmall(shown) }
    if value.magnitude >= 0x1p53, value.magnitude < 0x1p63, let whole = Decimal(text).integer {
      guard Int(exactly: value)?.magnitude == whole.magnitude else { throw .inexact(shown) }
    }
    self = .number(value)
  }

  /// The parts of a number's text, to see whether a double holds all of it.
  private struct Decimal {
    var digits: [UInt8] = []
    var exponent = 0

    init(_ text: String) {
      let parts = text.split(whereSeparator: { $0 == "e" || $0 == "E" })
      guard let mantissa = parts.first else { return }
      exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      let halves = mantissa.split(separator: ".", omittingEmptySubsequences: false)
      digits = halves.joined().utf8.filter { (0x30...0x39).contains($0) }
      exponent -= halves.count > 1 ? halves[1].utf8.count : 0
      while digits.last == UInt8(ascii: "0") {
        digits.removeLast()
        exponent += 1
      }
    }

    /// The magnitude where it is integral and fits.
    var integer: UInt? {
      guard (0..<20).contains(exponent) else { return nil }
      return UInt(String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: exponent))
    }
  }
}
