import Crypto

/// SHA-256 over the columns of a row. Each is framed by its type and length, so that no two rows run into one text.
struct Checksum {
  private var hash = SHA256()

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      frame(1, UInt64(bytes.count))
      unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
    }
  }

  mutating func add(_ number: Int) { frame(2, UInt64(bitPattern: Int64(number))) }
  mutating func add(_ number: Double) { frame(3, number.bitPattern) }
  mutating func addNull() { frame(4, 0) }

  private mutating func frame(_ type: UInt8, _ value: UInt64) {
    var bytes = [type]
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    hash.update(data: bytes)
  }

  /// In hex.
  var text: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in hash.finalize() {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
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
