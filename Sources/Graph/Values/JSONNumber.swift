#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Why a number's text has no exact value here.
enum JSONNumberError: Error, CustomStringConvertible {
  case beyond64Bits(String)
  case tooLarge(String)
  case tooSmall(String)
  case inexact(String)
  case tooPrecise(String)

  var description: String {
    switch self {
    case .beyond64Bits(let text): "the integer \(text) does not fit 64 bits; write it as a string"
    case .tooLarge(let text): "the number \(text) is too large"
    case .tooSmall(let text): "the number \(text) is too close to zero"
    case .inexact(let text): "the number \(text) cannot be kept exactly; write it as an integer or a string"
    case .tooPrecise(let text): "the number \(text) has more digits than can be kept; write fewer, or a string"
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
    let decimal = Decimal(text)
    if value == 0, !decimal.digits.isEmpty { throw .tooSmall(shown) }
    guard decimal.isKept(by: value) else {
      throw decimal.exponent >= 0 ? .inexact(shown) : .tooPrecise(shown)
    }
    self = .number(value)
  }

  /// The parts of a number's text, to see whether a double holds all of it.
  private struct Decimal {
    /// From the first that is not zero to the last.
    var digits: ArraySlice<UInt8> = []

    /// Of ten, to be multiplied with the digits; one that fits no integer does not matter.
    var exponent = 0

    init(_ text: String) {
      let parts = text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") })
      guard let mantissa = parts.first else { return }
      exponent = parts.count > 1 ? Int(String(Substring(parts[1]))) ?? 0 : 0
      let halves = mantissa.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      exponent -= halves.count > 1 ? halves[1].count : 0
      digits = halves.joined().filter { (0x30...0x39).contains($0) }.drop { $0 == UInt8(ascii: "0") }
      while digits.last == UInt8(ascii: "0") {
        digits.removeLast()
        exponent += 1
      }
    }

    /// Whether `value`, the nearest double, is all that was written: printed with as many digits, it is the text again.
    ///
    /// So what a program printed of a double is taken with any number of digits, and nothing is changed in silence.
    func isKept(by value: Double) -> Bool {
      if digits.count <= 15, !value.isSubnormal { return true }
      if digits == Decimal(value.description).digits { return true }
      return digits.count <= Self.mostDigits && digits == Decimal(Self.printed(value, digits.count)).digits
    }

    /// No double has more.
    private static let mostDigits = 767

    private static func printed(_ value: Double, _ digits: Int) -> String {
      unsafe String(unsafeUninitializedCapacity: digits + 16) { buffer in
        unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
          let arguments: [any CVarArg] = [Int32(digits - 1), value]
          return unsafe withVaList(arguments) {
            Int(unsafe vsnprintf(buffer.baseAddress, buffer.count, "%.*e", $0))
          }
        }
      }
    }
  }
}
