import Crypto

/// SHA-256 over the columns of a row. Each is framed by its type and length, so that no two rows run into one text.
struct Checksum {
  private var bytes: [UInt8] = []

  mutating func add(_ text: String) {
    frame(1, UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func add(_ number: Int) { frame(2, UInt64(bitPattern: Int64(number))) }
  mutating func add(_ number: Double) { frame(3, number.bitPattern) }
  mutating func addNull() { frame(4, 0) }

  private mutating func frame(_ type: UInt8, _ value: UInt64) {
    bytes.append(type)
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  /// In hex.
  var text: String {
    var digits: [UInt8] = []
    digits.reserveCapacity(64)
    for byte in SHA256.hash(data: bytes) {
      digits.append(Self.digit(byte >> 4))
      digits.append(Self.digit(byte & 15))
    }
    return String(decoding: digits, as: UTF8.self)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

/// One column of a row as the store writes and reads it.
enum Column: Sendable, Hashable {
  case null
  case int(Int)
  case double(Double)
  case text(String)

  init(_ text: String?) { self = text.map(Column.text) ?? .null }
  init(_ number: Int?) { self = number.map(Column.int) ?? .null }
  init(_ flag: Bool) { self = .int(flag ? 1 : 0) }
}

extension Checksum {
  static func of(_ table: String, _ columns: [Column], and more: [String] = []) -> String {
    var checksum = Checksum()
    checksum.add(table)
    for column in columns {
      switch column {
      case .null: checksum.addNull()
      case .int(let number): checksum.add(number)
      case .double(let number): checksum.add(number)
      case .text(let text): checksum.add(text)
      }
    }
    for text in more { checksum.add(text) }
    return checksum.text
  }
}

extension Column: CustomStringConvertible {
  var description: String {
    switch self {
    case .null: "-"
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    case .text(let text): text
    }
  }
}
