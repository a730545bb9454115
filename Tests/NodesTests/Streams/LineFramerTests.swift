import Testing

@testable import GraphNodes

@Suite("Lines of a stream")
struct LineFramerTests {
  /// The lines of `pieces`, the unfinished one last.
  func lines(_ pieces: [String], limitBytes: Int = 1 << 20) throws -> [String] {
    var framer = LineFramer(limitBytes: limitBytes)
    var lines = try pieces.flatMap { try framer.lines(in: $0.utf8) }
    if let rest = framer.finish() { lines.append(rest) }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    (["a\nb\n"], ["a", "b"]), (["a", "b\nc"], ["ab", "c"]), (["a\r", "\nb\r\n"], ["a", "b"]), (["\n\n"], ["", ""]),
    ([], []), (["a\rb\n"], ["a\rb"]),
  ]) func `end with LF or CRLF`(pieces: [String], expected: [String]) throws {
    #expect(try lines(pieces) == expected)
  }

  @Test(arguments: 1...7) func `are the same however they are cut`(size: Int) throws {
    let text = "héllo 😀\n世界\r\n\nend"
    let bytes = Array(text.utf8)
    var framer = LineFramer()
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      found += try framer.lines(in: bytes[start..<min(start + size, bytes.count)])
    }
    let last = framer.finish()
    found.append(try #require(last))
    #expect(found.map { String(decoding: $0, as: UTF8.self) } == ["héllo 😀", "世界", "", "end"])
  }

  @Test func `have a longest length`() throws {
    #expect(try lines(["aaaa\naaaa\r\n"], limitBytes: 4) == ["aaaa", "aaaa"])
    #expect(throws: FramingError.lineTooLong(limitBytes: 4)) { try lines(["aaaa", "aa"], limitBytes: 4) }
  }
}
