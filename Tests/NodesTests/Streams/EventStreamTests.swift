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
