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
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  /// In hex.
  var text: String {
    SHA256.hash(data: bytes).hex
  }
}

extension SHA256Digest {
  /// In lower case.
  var hex: String {
    unsafe String(unsafeUninitializedCapacity: SHA256.byteCount * 2) { digits in
      for (index, byte) in enumerated() {
        unsafe digits[2 * index] = Self.digit(byte >> 4)
        unsafe digits[2 * index + 1] = Self.digit(byte & 15)
      }
      return SHA256.byteCount * 2
    }
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
    checksum.bytes.reserveCapacity(1 << 10)
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
