/// Makes lines of text that comes in pieces.
///
/// What a carriage return would overwrite on a terminal is left out, as progress bars mean it.
struct LineSplitter {
  /// Longer lines are broken here, so that memory stays bounded.
  static let limitBytes = 64 << 10

  private var held: [UInt8] = []

  /// The line that has begun and not ended.
  var partial: String { Self.line(held[...]) }

  /// The lines that `text` ends.
  mutating func add(_ text: String) -> [String] {
    var lines: [String] = []
    var rest = Array(text.utf8)[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      if held.isEmpty {
        lines.append(Self.line(rest[..<end]))
      } else {
        held += rest[..<end]
        lines.append(Self.line(held[...]))
        held.removeAll(keepingCapacity: true)
      }
      rest = rest[(end + 1)...]
    }
    held += rest
    if held.count > Self.limitBytes { lines += finish() }
    return lines
  }

  /// What was begun, at the end.
  mutating func finish() -> [String] {
    defer { held.removeAll() }
    return held.isEmpty ? [] : [Self.line(held[...])]
  }

  private static func line(_ bytes: ArraySlice<UInt8>) -> String {
    let carriageReturn = UInt8(ascii: "\r")
    var bytes = bytes
    while bytes.last == carriageReturn { bytes.removeLast() }
    if let last = bytes.lastIndex(of: carriageReturn) { bytes = bytes[(last + 1)...] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
