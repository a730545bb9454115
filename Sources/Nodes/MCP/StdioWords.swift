import GraphRuntime

/// The last of what a server said on its standard error.
struct ErrorTail {
  static let kept = 64 << 10
  private(set) var bytes: [UInt8] = []

  /// There was more before.
  private(set) var isCut = false

  mutating func append(_ more: ArraySlice<UInt8>) {
    bytes.append(contentsOf: more)
    guard bytes.count > 2 * Self.kept else { return }
    bytes.removeFirst(bytes.count - Self.kept)
    isCut = true
  }
}

/// Lines on its standard output that are no messages.
struct OutputNoise {
  private(set) var first: String?

  /// What is wrong with the last line that looks like a message.
  private(set) var broken: String?
  private var count = 0
  private var isTold = false

  mutating func add(_ line: ArraySlice<UInt8>, broken reason: String?, _ mask: SecretMask) {
    count += 1
    if line.first == UInt8(ascii: "{") { broken = reason ?? broken }
    if first == nil { first = mask.excerpt(of: String(decoding: line, as: UTF8.self), 200) }
  }

  /// Said once.
  mutating func takeRemark() -> String? {
    guard let first, !isTold else { return nil }
    isTold = true
    return "\(count == 1 ? "a line" : "\(count) lines") on its standard output are no messages; the first: \(first)"
  }
}
