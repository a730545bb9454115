import Graph
import GraphRuntime
import NIOHTTP1
import Testing

@testable import GraphNodes

@Suite("A streamed answer")
struct HTTPStreamTests {
  func stream(_ server: WebServer, _ limits: Silence.Limits = .init()) throws -> HTTPStream {
    var endpoint = try ModelEndpoint(server.url(""), source: "url")
    endpoint.limits = limits
    return try endpoint.stream("/events", accept: "text/event-stream")
  }

  @Test func `gives its head, then its pieces, and ends its connection when its taker has enough`() async throws {
    let server = try await WebServer { _ in .events(["one", "two"], then: [.hold]) }
    let seen = try await stream(server).open { head, body in
      var parser = EventStreamParser()
      var seen = ["\(head.status) \(head.type)"]
      for try await piece in body {
        seen += try parser.events(in: piece).compactMap(\.data)
        if seen.count == 3 { return seen }
      }
      return seen
    }
    #expect(seen == ["200 text/event-stream", "one", "two"])
    #expect(
      server.asked.first?.head.method == .GET && server.asked.first?.head.headers["accept"] == ["text/event-stream"])
    await server.waitUntilCut()
  }

  @Test func `many may stay open to one server, silent for as long as is allowed, until they are cancelled`()
    async throws
  {
    let server = try await WebServer { _ in .events(["here"], then: [.hold]) }
    let bench = Bench()
    let stream = try stream(server, Silence.Limits(firstByte: nil, idle: nil))
    let running = Task {
      try await withThrowingTaskGroup { group in
        for _ in 0..<20 {
          group.addTask {
            try await stream.open { _, body in
              for try await _ in body { bench.print("x", to: .stdout) }
            }
          }
        }
        try await group.waitForAll()
      }
    }
    await bench.waitUntilPrinted(String(repeating: "x", count: 20))
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    await server.waitUntilCut()
  }

  @Test func `an answer that pauses for too long is a timeout, before the first byte would have been too late`()
    async throws
  {
    let start = ContinuousClock.now
    let server = try await WebServer { _ in .events(["one"], then: [.hold]) }
    let stream = try stream(server, Silence.Limits(firstByte: .seconds(30), idle: .milliseconds(100)))
    await #expect {
      try await stream.open { _, body in try await body.whole(limitBytes: 1000) }
    } throws: { ($0 as? NodeFailure)?.kind == .timeout }
    #expect(.now - start < .seconds(10) + .busy)
    await server.waitUntilCut()
  }

  @Test func `what its taker throws is what it throws`() async throws {
    struct Enough: Error {}
    let server = try await WebServer { _ in .events(["one"], then: [.hold]) }
    let stream = try stream(server)
    await #expect(throws: Enough.self) { try await stream.open { _, _ in throw Enough() } }
    await server.waitUntilCut()
  }
}
