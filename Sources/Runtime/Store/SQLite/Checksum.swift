import Crypto

/// SHA-256 over the columns of a row. Each is framed by its type and length, so that no two rows run into one text.
enum Checksum {
  /// In hex.
  static func of(_ table: String, _ columns: [Column], and more: [String] = []) -> String {
    let start = [Column.text(table)]
    let end = more.map(Column.text)
    let count = [start, columns, end].reduce(0) { $0 + $1.reduce(0) { $0 + frame + $1.textBytes } }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      for column in start { unsafe column.append(to: buffer, at: &filled) }
      for column in columns { unsafe column.append(to: buffer, at: &filled) }
      for column in end { unsafe column.append(to: buffer, at: &filled) }
    }
    return SHA256.hash(data: bytes).hex
  }

  /// Bytes of a type and a length or a number.
  fileprivate static let frame = 9
}

extension Column {
  fileprivate var textBytes: Int {
    if case .text(let text) = self { text.utf8.count } else { 0 }
  }

  fileprivate func append(to buffer: UnsafeMutableBufferPointer<UInt8>, at end: inout Int) {
    let (type, value): (UInt8, UInt64) =
      switch self {
      case .text(let text): (1, UInt64(text.utf8.count))
      case .int(let number): (2, UInt64(bitPattern: Int64(number)))
      case .double(let number): (3, number.bitPattern)
      case .null: (4, 0)
      }
    unsafe buffer[end] = type
    unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
      of: value.littleEndian, toByteOffset: end + 1, as: UInt64.self)
    end += Checksum.frame
    guard case .text(var text) = self else { return }
    text.withUTF8 { bytes in
      _ = unsafe UnsafeMutableBufferPointer(rebasing: buffer[end...]).update(fromContentsOf: bytes)
      end += bytes.count
    }
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
