import GraphRuntime

/// What is kept of a stream that may never end: its beginning and its end, in bounded memory.
///
/// Bytes are read straight into the ring that keeps the end, so a flood is not copied.
@safe struct OutputCapture: ~Copyable {
  private var head: [UInt8] = []
  private let headLimit: Int
  private let tailLimit: Int
  /// Begins with a page and holds whole ones: a pipe's bytes then lie in their page as they lie in ours, and the kernel
  /// copies them nearly twice as fast.
  private let ring: UnsafeMutableRawBufferPointer
  private let ringSize: Int
  private var position = 0

  private static let page = 4096

  /// Bytes seen so far.
  private(set) var count = 0

  /// - Parameter limit: bytes kept; a quarter of them is the beginning.
  init(limit: Int) {
    headLimit = limit / 4
    tailLimit = limit - headLimit
    ringSize = (max(tailLimit, 256 << 10) + Self.page - 1) / Self.page * Self.page
    unsafe ring = .allocate(byteCount: ringSize, alignment: Self.page)
  }

  deinit { unsafe ring.deallocate() }

  @unsafe enum Reading {
    case bytes(UnsafeRawBufferPointer)
    case nothingNow
    case end
  }

  /// One read of what is there; the bytes are valid until the next.
  mutating func read(from descriptor: Int32) -> Reading {
    if position == ringSize { position = 0 }
    let free = unsafe UnsafeMutableRawBufferPointer(rebasing: ring[position..<min(ringSize, position + (256 << 10))])
    guard let size = unsafe Platform.read(descriptor, into: free) else { return unsafe Reading.nothingNow }
    guard size > 0 else { return unsafe Reading.end }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: free[..<size])
    if head.count < headLimit { unsafe head.append(contentsOf: bytes.prefix(headLimit - head.count)) }
    position += size
    count += size
    return unsafe Reading.bytes(bytes)
  }

  /// The last `limit` bytes there are.
  func tail(_ limit: Int) -> [UInt8] {
    let size = min(limit, count, ringSize)
    let start = position - size
    if start >= 0 { return unsafe Array(ring[start..<position]) }
    return unsafe Array(ring[(ringSize + start)...]) + Array(ring[..<position])
  }

  consuming func finish(mask: SecretMask) -> CapturedOutput {
    let size = min(count - head.count, tailLimit)
    return CapturedOutput(head: head, tail: tail(size), omitted: count - head.count - size, mask: mask)
  }
}

/// What a stream printed, without its middle where that was too much.
struct CapturedOutput: Sendable {
  /// The text, masked; U+FFFD stands for what is no UTF-8, a line in the middle for what was left out.
  let text: String

  /// The text as it was printed, to be parsed: the values are masked then.
  let unmasked: String

  /// Bytes left out.
  var omitted: Int

  /// Not all of it was UTF-8.
  var isBinary: Bool

  init(head: [UInt8], tail: [UInt8], omitted: Int, mask: SecretMask = .none) {
    guard omitted > 0 else {
      let bytes = head + tail
      let valid = String(validating: bytes, as: UTF8.self)
      unmasked = valid ?? String(decoding: bytes, as: UTF8.self)
      text = mask.mask(unmasked)
      isBinary = valid == nil
      self.omitted = 0
      return
    }
    // The cuts may have gone through secrets and characters: those are dropped, not marked.
    let (beginning, ending) = (mask.mask(beginning: head), mask.mask(end: tail))
    let start = beginning.bytes.dropLast(UTF8Cut.incompleteSuffix(of: beginning.bytes))
    let end = ending.bytes.drop { $0 & 0xC0 == 0x80 }
    let (first, last) = (String(validating: start, as: UTF8.self), String(validating: end, as: UTF8.self))
    isBinary = first == nil || last == nil
    let omitted = omitted + beginning.dropped + ending.dropped
    self.omitted = omitted
    text =
      (first ?? String(decoding: start, as: UTF8.self)) + "\n[… \(ByteCount(omitted)) left out …]\n"
      + (last ?? String(decoding: end, as: UTF8.self))
    unmasked = text
  }

  /// The end of what a stream printed, all of it where it is not cut.
  init(end bytes: [UInt8], isCut: Bool, mask: SecretMask) {
    self.init(head: [], tail: isCut ? mask.mask(end: bytes).bytes : bytes, omitted: 0, mask: mask)
  }

  /// The last lines that say something, for a message: at most `count`, at most 2 KiB.
  func lastLines(_ count: Int = 5) -> String {
    let lines = text.suffix(2048).split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
    return lines.suffix(count).joined(separator: "\n")
  }

  /// The same of a program that prints stack traces: without their frames, as long as there is anything else, since the
  /// frames of one trace push the cause in front of it out.
  func lastWords(_ count: Int) -> String {
    let lines = text.suffix(8192).split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
    let words = lines.filter { !Self.isFrame($0) }
    return String((words.isEmpty ? lines : words).suffix(count).joined(separator: "\n").suffix(2048))
  }

  /// Frames are indented. Python draws errors that come in groups behind a bar: `  | ValueError: …`, `  |   File …`.
  private static func isFrame(_ line: Substring) -> Bool {
    let rest = line.drop(while: \.isWhitespace)
    guard rest.hasPrefix("| ") else { return rest.startIndex != line.startIndex }
    return rest.dropFirst(2).first?.isWhitespace == true
  }
}

/// Where UTF-8 may be cut.
enum UTF8Cut {
  /// How many bytes at the end are the beginning of a character that has not come whole (0 to 3).
  static func incompleteSuffix(of bytes: some BidirectionalCollection<UInt8>) -> Int {
    var length = 0
    for byte in bytes.reversed().prefix(4) {
      length += 1
      switch byte {
      case 0x80..<0xC0: continue
      case 0xC2..<0xE0: return length < 2 ? length : 0
      case 0xE0..<0xF0: return length < 3 ? length : 0
      case 0xF0..<0xF5: return length < 4 ? length : 0
      default: return 0
      }
    }
    return 0
  }
}

/// A size as people read it: `12 bytes`, `1.5 MB`.
package struct ByteCount: CustomStringConvertible {
  var bytes: Int

  package init(_ bytes: Int) { self.bytes = bytes }

  package var description: String {
    guard bytes >= 1000 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var (value, unit) = (bytes, 0)
    while value >= 1_000_000 {
      value /= 1000
      unit += 1
    }
    let tenths = (value + 50) / 100
    return "\(tenths / 10).\(tenths % 10) \(["kB", "MB", "GB", "TB", "PB"][unit])"
  }
}
