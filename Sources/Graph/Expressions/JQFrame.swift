/// One message between the runner and its jq helper: a 4-byte length, a kind, a 4-byte number, and bytes.
struct JQFrame {
  /// What the runner asks.
  enum Request: UInt8 {
    /// Compile the bytes as program `number`.
    case compile = 1
    /// Run program `number` on the JSON in the bytes.
    case evaluate
    /// Drop program `number`.
    case forget
  }

  /// What the helper answers.
  enum Reply: UInt8 {
    /// The bytes are a JSON list of the results; empty after `compile` and `forget`.
    case done = 1
    /// The bytes say what jq found wrong.
    case failed
    /// The result is larger than it may be.
    case tooLarge
  }

  static let headerBytes = 9

  /// Bound on either direction, as large as a checkpoint may be.
  static let maxBytes = 64 << 20

  var kind: UInt8
  var number: UInt32
  var body: [UInt8]

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headerBytes + body.count)
    Self.append(UInt32(body.count), to: &bytes)
    bytes.append(kind)
    Self.append(number, to: &bytes)
    bytes += body
    return bytes
  }

  /// The body's length, kind and number of a header.
  static func header(_ bytes: [UInt8]) -> (count: Int, kind: UInt8, number: UInt32) {
    (Int(integer(bytes[0..<4])), bytes[4], integer(bytes[5..<9]))
  }

  private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
    for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
