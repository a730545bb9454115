import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("MCP over HTTP+SSE", .timeLimit(.minutes(2)))
struct SSETransportTests {
  @Test(arguments: [nil, MCPAddress.Kind.sse]) func `is spoken where it is said, or nothing newer is there`(
    kind: MCPAddress.Kind?
  ) async throws {
    try await TalkServer.session(OldStub().answer, kind: kind) { session, server async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(try await session.result("echo", ["text": "again"]).text == "again")
      let first = ["POST server/discover", "POST initialize"]
      #expect(
        Array(server.calls.prefix(3))
          == (kind == nil ? first + ["GET"] : ["GET", "POST initialize", "POST notifications/initialized"]))
      #expect(server.asked.filter { $0.rpc == "tools/call" }.allSatisfy { $0.path == "/messages?session_id=42" })
    }
  }

  @Test func `many calls are in flight at once`() async throws {
    try await TalkServer.session(OldStub().answer, kind: .sse) { session, _ async throws in
      let texts = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<20 { group.addTask { try await session.result("echo", ["text": .string("\(number)")]).text } }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(texts == Set((0..<20).map(String.init)))
    }
  }

  @Test func `what the server asks is answered, and its notices are heard`() async throws {
    let stub = OldStub { request, reply, stream in
      try await reply.send("Accepted", 202)
      try await stream.event(["jsonrpc": "2.0", "id": 7, "method": "ping"])
      try await stream.event(["jsonrpc": "2.0", "method": "notifications/tools/list_changed"])
      try await stream.event(WebStub.message(WebStub.said("done"), to: request))
    }
    try await TalkServer.session(stub.answer, kind: .sse) { session, server async throws in
      #expect(try await session.result("echo").text == "done")
      await stub.answered.wait(until: .shut)
      #expect(server.asked.contains { $0.body == ["jsonrpc": "2.0", "id": 7, "result": [:]] })
      _ = try await session.tools()
      #expect(server.calls.count { $0 == "POST tools/list" } == 2)
    }
  }

  @Test func `an answer that comes before the request was accepted is an answer`() async throws {
    let stub = OldStub { request, reply, stream in
      try await stream.event(WebStub.message(WebStub.said("done"), to: request))
      await reply.untilClosed()
    }
    try await TalkServer.session(stub.answer, kind: .sse) { session, _ async throws in
      #expect(try await session.result("echo").text == "done")
    }
  }

  @Test func `a stream that ends fails its calls, in doubt, and the next call makes a new one`() async throws {
    let calls = Count()
    let stub = OldStub { request, reply, stream in
      try await reply.send("Accepted", 202)
      guard calls.next() == 1 else {
        return try await stream.event(WebStub.message(WebStub.said("done"), to: request))
      }
      try await stream.reset()
    }
    try await TalkServer.session(stub.answer, kind: .sse) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .connection && failure.isInDoubt && !failure.precedesEffect)
      #expect(try await session.result("echo").text == "done")
      #expect(server.calls.count { $0 == "GET" } == 2)
    }
  }

  @Test func `a session that the server forgot is made anew`() async throws {
    let calls = Count()
    let stub = OldStub { request, reply, stream in
      guard calls.next() == 1 else {
        try await reply.send("Accepted", 202)
        return try await stream.event(WebStub.message(WebStub.said("done"), to: request))
      }
      try await reply.send("Could not find session", 404)
    }
    try await TalkServer.session(stub.answer, kind: .sse) { session, server async throws in
      #expect(try await session.result("echo").text == "done")
      #expect(server.calls.count { $0 == "POST initialize" } == 2)
    }
  }

  @Test func `a call that is given up is cancelled by a notice`() async throws {
    let stub = OldStub { _, reply, _ in try await reply.send("Accepted", 202) }
    try await TalkServer.session(stub.answer, kind: .sse) { session, server async throws in
      let failure = try await session.failure("echo", timeout: .milliseconds(300))
      #expect(failure.kind == .timeout && failure.isInDoubt)
      await stub.cancelled.wait(until: .shut)
      #expect(server.calls.contains("POST notifications/cancelled"))
    }
  }

  @Test func `messages go to no other server`() async throws {
    try await TalkServer.run(WebStub(era: .legacy).answer) { other in
      let stub = OldStub(endpoint: other.url("/messages"))
      try await TalkServer.session(stub.answer, kind: .sse) { session, _ async throws in
        let failure = try await session.failure("echo")
        #expect(failure.kind == .refused && failure.precedesEffect)
        #expect(failure.message.contains("wants its messages at http://127.0.0.1") && other.asked.isEmpty)
      }
    }
  }

  @Test(arguments: [
    ("text/event-stream", "event: message\ndata: {}\n\n", ErrorKind.timeout, "within 1s of its start"),
    ("text/event-stream", "event: endpoint\ndata: http://[\n\n", .protocol, "its endpoint is no address"),
    ("text/html", "<html>", .protocol, "it has no stream of events at"),
  ])
  func `a server that names no address fails in time`(
    type: String, text: String, kind: ErrorKind, says: String
  ) async throws {
    let answer: TalkServer.Answer = { _, reply in
      try await reply.head(200, type)
      try await reply.text(text)
      await reply.untilClosed()
    }
    let limit: Duration = kind == .timeout ? .seconds(1) : .unhurried
    try await TalkServer.session(answer, kind: .sse, startTimeout: limit) { session, _ async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == kind && failure.precedesEffect && failure.message.contains(says), "\(failure.message)")
    }
  }

  @Test func `what is no MCP server at all is told as both transports found it`() async throws {
    try await TalkServer.session({ _, reply in try await reply.send("Not Found", 404, "text/plain") }) {
      session, _ async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .http && failure.precedesEffect)
      #expect(
        failure.message == """
          stub answered with status 404: Not Found; nor does it speak HTTP+SSE: stub answered with status 404: Not Found
          """)
    }
  }

  @Test func `a server of a said kind is asked in no other way`() async throws {
    try await TalkServer.session(OldStub().answer, kind: .streamable) { session, server async throws in
      #expect(try await session.failure("echo").message.hasPrefix("stub answered with status 405"))
      #expect(!server.calls.contains("GET"))
    }
  }
}

/// A server over HTTP+SSE: what is posted is answered on the newest stream.
private final class OldStub: Sendable {
  typealias Call = @Sendable (TalkServer.Request, TalkServer.Reply, TalkServer.Reply) async throws -> Void

  private let endpoint: String
  private let call: Call?
  private let stream = Mutex<TalkServer.Reply?>(nil)

  /// Shut when the client answered something, or said that a call was given up.
  let answered = Door()
  let cancelled = Door()

  /// - Parameter call: answers calls; its second reply is the stream.
  init(endpoint: String = "/messages?session_id=42", call: Call? = nil) {
    self.endpoint = endpoint
    self.call = call
  }

  @Sendable func answer(_ request: TalkServer.Request, _ reply: TalkServer.Reply) async throws {
    if request.method == "GET" {
      try await reply.events()
      try await reply.chunk("event: endpoint\ndata: \(endpoint)\n\n")
      stream.withLock { $0 = reply }
      return await reply.untilClosed()
    }
    guard request.path.hasPrefix("/messages"), let stream = stream.withLock({ $0 }) else {
      return try await reply.send("Method Not Allowed", 405, "text/plain")
    }
    switch request.rpc {
    case "initialize":
      try await reply.send("Accepted", 202)
      try await stream.event(
        WebStub.message(["protocolVersion": "2024-11-05", "capabilities": [:], "serverInfo": [:]], to: request))
    case "tools/list":
      try await reply.send("Accepted", 202)
      try await stream.event(WebStub.message(["tools": [WebStub.echo]], to: request))
    case "tools/call":
      if let call { return try await call(request, reply, stream) }
      try await reply.send("Accepted", 202)
      let text = request.body["params"]?["arguments"]?["text"]?.stringValue ?? ""
      try await stream.event(WebStub.message(WebStub.said(text), to: request))
    default:
      try await reply.send("Accepted", 202)
      if request.body["result"] != nil { answered.shut() }
      if request.rpc == "notifications/cancelled" { cancelled.shut() }
    }
  }
}
