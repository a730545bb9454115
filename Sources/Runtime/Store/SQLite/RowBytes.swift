import Crypto
import Graph

/// The columns of a row one after the other, as its checksum is over them, and as they are bound: texts are copied once for both.
///
/// Each is framed by its type and length, so that no two rows run into one text; the name of the table comes first.
struct RowBytes: Sendable {
  private var bytes: [UInt8]

  /// Behind the name of the table.
  private let start: Int

  /// Bytes of a type and a length or a number.
  private static let frame = 9

  /// Room for what may be added: checksums and a few numbers.
  private static let spare = 256

  init(_ table: String, _ columns: [Column]) {
    let name = Column.text(table)
    start = Self.size(of: name)
    let count = columns.reduce(start) { $0 + Self.size(of: $1) }
    bytes = unsafe [UInt8](unsafeUninitializedCapacity: count + Self.spare) { buffer, end in
      unsafe Self.write(name, to: buffer, at: &end)
      for column in columns { unsafe Self.write(column, to: buffer, at: &end) }
    }
  }

  /// A row that ends with its checksum.
  static func sealed(_ table: String, _ columns: [Column]) -> RowBytes {
    var row = RowBytes(table, columns)
    row.append(row.checksum())
    return row
  }

  var count: Int { bytes.count }

  /// Adds a column of text.
  mutating func append(_ text: String) {
    bytes.append(1)
    unsafe withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { unsafe bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ columns: [Column]) {
    let added = RowBytes("", columns)
    bytes.append(contentsOf: added.bytes[added.start...])
  }

  /// SHA-256 in hex, over the name of the table, the columns, and `more` texts.
  func checksum(and more: [String] = []) -> String {
    guard !more.isEmpty else { return SHA256.hash(data: bytes).hex }
    let end = RowBytes("", more.map(Column.text))
    var hash = SHA256()
    hash.update(data: bytes)
    hash.update(data: end.bytes[end.start...])
    return hash.finalize().hex
  }

  /// The same over the columns from byte `first` on, as if they were all of a row of `table`.
  func checksum(_ table: String, from first: Int) -> String {
    var hash = SHA256()
    hash.update(data: RowBytes(table, []).bytes)
    hash.update(data: bytes[first...])
    return hash.finalize().hex
  }

  /// A column where it stands; its text is there as long as the call it is given to.
  @unsafe
  enum Placed {
    case null
    case int(Int64)
    case double(Double)
    case text(UnsafeRawBufferPointer)
  }

  /// Calls `each` with every column, then `use` while their texts stay where they are.
  func withColumns(_ each: (Placed) throws -> Void, _ use: () throws -> Void) rethrows {
    try unsafe bytes.withUnsafeBytes { bytes in
      var place = start
      while place < bytes.count {
        let value = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 1, as: UInt64.self))
        let type = unsafe bytes[place]
        place += Self.frame
        switch type {
        case 1:
          let end = place + Int(value)
          try unsafe each(.text(UnsafeRawBufferPointer(rebasing: bytes[place..<end])))
          place = end
        case 2: try unsafe each(.int(Int64(bitPattern: value)))
        case 3: try unsafe each(.double(Double(bitPattern: value)))
        default: try unsafe each(.null)
        }
      }
      try use()
    }
  }

  private static func size(of column: Column) -> Int {
    if case .text(let text) = column { frame + text.utf8.count } else { frame }
  }

  private static func write(_ column: Column, to buffer: UnsafeMutableBufferPointer<UInt8>, at end: inout Int) {
    let (type, value): (UInt8, UInt64) =
      switch column {
      case .text(let text): (1, UInt64(text.utf8.count))
      case .int(let number): (2, UInt64(bitPattern: Int64(number)))
      case .double(let number): (3, number.bitPattern)
      case .null: (4, 0)
      }
    unsafe buffer[end] = type
    unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
      of: value.littleEndian, toByteOffset: end + 1, as: UInt64.self)
    end += frame
    guard case .text(var text) = column else { return }
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
