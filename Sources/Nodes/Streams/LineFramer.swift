/// Cuts a stream of bytes into lines, which end with LF or CRLF.
///
/// Works on bytes, so a character may be cut between two pieces; what a line holds is its user's to judge.
struct LineFramer: Sendable {
  /// The longest line, without its end.
  let limitBytes: Int

  /// The line that has not ended yet.
  private var open: [UInt8] = []

  init(limitBytes: Int = 1 << 20) {
    self.limitBytes = limitBytes
  }

  /// The lines that `piece` ends, without their ends.
  mutating func lines(in piece: some Sequence<UInt8>) throws(FramingError) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    let piece = Array(piece)
    var rest = piece[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      try extend(rest[..<end])
      lines.append(close())
      rest = rest[(end + 1)...]
    }
    try extend(rest)
    return lines
  }

  /// The last line where the stream ended within it; `nil` where it ended after a line.
  mutating func finish() -> [UInt8]? {
    open.isEmpty ? nil : close()
  }

  private mutating func extend(_ bytes: ArraySlice<UInt8>) throws(FramingError) {
    // One byte more for the CR of an end that is yet to come.
    guard open.count + bytes.count <= limitBytes + 1 else { throw .lineTooLong(limitBytes: limitBytes) }
    open += bytes
  }

  private mutating func close() -> [UInt8] {
    defer { open = [] }
    return open.last == UInt8(ascii: "\r") ? open.dropLast() : open
  }
}
