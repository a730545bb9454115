import Testing

@testable import GraphNodes

@Suite("Server-sent events")
struct EventStreamTests {
  func events(_ text: String, size: Int = 1 << 20, limitBytes: Int = 1 << 20) throws -> [ServerEvent] {
    var parser = EventStreamParser(limitBytes: limitBytes)
    let bytes = Array(text.utf8)
    var events: [ServerEvent] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      events += try parser.events(in: bytes[start..<min(start + size, bytes.count)])
    }
    if let last = try parser.finish() { events.append(last) }
    return events
  }

  static let table: [(String, [ServerEvent])] = [
    ("data: a\n\n", [.init(data: "a")]),
    ("data:a\r\n\r\ndata: b\r\n\r\n", [.init(data: "a"), .init(data: "b")]),
    ("data: a\r\rdata: b\r\r", [.init(data: "a"), .init(data: "b")]),
    ("data: a\ndata:  b\ndata\n\n", [.init(data: "a\n b\n")]),
    ("\u{FEFF}data: a\n\n", [.init(data: "a")]),
    (": comment\n\n: another\ndata: a\n\n", [.init(data: "a")]),
    (
      "event: message\nid: 7\nretry: 1500\ndata: {}\n\n",
      [.init(event: "message", data: "{}", id: "7", retry: .milliseconds(1500))]
    ),
    ("id: 1\ndata:\n\n", [.init(data: "", id: "1")]),
    ("id: 1\n\n", [.init(id: "1")]),
    ("event: ping\n\n", []),
    ("retry: soon\nid: a\0b\n\n", []),
    ("data: a", [.init(data: "a")]),
    ("error: {\"a\":1}\n\n", [.init(strays: ["error: {\"a\":1}"])]),
    ("{\"error\":\"x\"}\n", [.init(strays: ["{\"error\":\"x\"}"])]),
    ("data: héllo 😀 世界\n\n", [.init(data: "héllo 😀 世界")]),
    ("", []), ("\n\n\n", []),
  ]

  @Test(arguments: table) func `are read as the standard says`(text: String, expected: [ServerEvent]) throws {
    #expect(try events(text) == expected)
  }

  @Test(arguments: 1...5) func `are the same however they are cut`(size: Int) throws {
    for (text, expected) in Self.table { #expect(try events(text, size: size) == expected) }
  }

  /// Bytes that look random and are the same for the same seed, of those that matter to streams.
  static func noise(_ seed: Int, _ count: Int) -> [UInt8] {
    let pieces = ["data:", " ", "\n", "\r", "\r\n", "id: 1", "event: x", "retry: 9", "{}", "\u{FEFF}", "é", "\0", ":"]
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).flatMap { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let pick = Int(state >> 33)
      return pick % 31 == 0 ? [UInt8(truncatingIfNeeded: pick >> 8)] : Array(pieces[pick % pieces.count].utf8)
    }
  }

  @Test(arguments: 0..<40) func `never trap, and mean the same however they are cut, whatever they hold`(seed: Int) {
    for round in 0..<50 {
      let bytes = Self.noise(seed * 1000 + round, 60)
      let whole = Result { try read([bytes[...]]) }
      let cut = Result { try read(bytes.indices.map { bytes[$0..<($0 + 1)] }) }
      switch (whole, cut) {
      case (.success(let one), .success(let other)): #expect(one == other, "\(bytes)")
      case (.failure, .failure): continue
      default: Issue.record("\(bytes): \(whole) \(cut)")
      }
    }
  }

  private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [ServerEvent] {
    var parser = EventStreamParser(limitBytes: 400)
    var events = try pieces.flatMap { try parser.events(in: $0) }
    if let last = try parser.finish() { events.append(last) }
    return events
  }

  @Test func `have a longest length`() throws {
    #expect(throws: FramingError.eventTooLong(limitBytes: 20)) {
      try events("data: 0123\ndata: 0123\ndata: 0123\n\n", limitBytes: 20)
    }
    #expect(throws: FramingError.eventTooLong(limitBytes: 20)) {
      try events(String(repeating: "x", count: 21), limitBytes: 20)
    }
    #expect(try events(String(repeating: "data: 0123\n\n", count: 9), limitBytes: 20).count == 9)
  }

  @Test func `must be UTF-8`() {
    var parser = EventStreamParser()
    #expect(throws: FramingError.notUTF8) { try parser.events(in: [0x64, 0xFF, 0x0A]) }
  }
}
