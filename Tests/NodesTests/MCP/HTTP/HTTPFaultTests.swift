import Foundation
import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("MCP servers over HTTP that misbehave", .timeLimit(.minutes(2)))
struct HTTPFaultTests {
  /// What a server does in place of answering a call.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kind: ErrorKind
    var isInDoubt = true
    var says: String
    var does: TalkServer.Answer

    init(
      _ name: String, _ kind: ErrorKind, _ says: String, isInDoubt: Bool = true, does: @escaping TalkServer.Answer
    ) {
      (testDescription, self.kind, self.says, self.isInDoubt, self.does) = (name, kind, says, isInDoubt, does)
    }
  }

  static let faults: [Fault] = [
    Fault("silence", .timeout, "did not answer tools/call within 1s") { _, reply in await reply.untilClosed() },
    Fault("a stall in a body", .timeout, "within 1s") { _, reply in
      try await reply.head(200, "application/json", ["Content-Length": "100"])
      try await reply.text("{\"jsonrpc\"")
      await reply.untilClosed()
    },
    Fault("a stall in a stream", .timeout, "within 1s") { _, reply in
      try await reply.events()
      await reply.untilClosed()
    },
    Fault("a stream of comments without end", .timeout, "within 1s") { _, reply in
      try await reply.events()
      while true { try await reply.chunk(": more\n\n") }
    },
    Fault("a stream of notices without end", .timeout, "within 1s") { _, reply in
      try await reply.events()
      while true { try await reply.event(["jsonrpc": "2.0", "method": "notifications/message", "params": [:]]) }
    },
    Fault("a reset before the answer", .connection, "stub: POST http") { _, reply in try await reply.reset() },
    Fault("a reset in the answer", .connection, "stub: POST http") { _, reply in
      try await reply.head(200, "application/json", ["Content-Length": "100"])
      try await reply.text("{")
      try await reply.reset()
    },
    Fault("an event of 17 MiB", .limit, "a message of more than 16 MiB") { _, reply in
      try await reply.events()
      try await reply.chunk("data: ")
      let piece = String(repeating: "x", count: 1 << 20)
      for _ in 0..<17 { try await reply.chunk(piece) }
      await reply.untilClosed()
    },
    Fault("a body of 17 MiB", .limit, "a message of more than 16 MiB") { _, reply in
      try await reply.head(200, "application/json", ["Content-Length": "\(17 << 20)"])
      let piece = String(repeating: " ", count: 1 << 20)
      for _ in 0..<17 { try await reply.text(piece) }
      await reply.untilClosed()
    },
    Fault("an id that is a text", .protocol, "a text and not the number") { request, reply in
      try await reply.json(["jsonrpc": "2.0", "id": .string(request.id.text), "result": WebStub.said("")])
    },
    Fault("an event with an id that is a text", .protocol, "a text and not the number") { request, reply in
      try await reply.events()
      try await reply.event(["jsonrpc": "2.0", "id": .string(request.id.text), "result": WebStub.said("")])
      try await reply.endOfEvents()
    },
    Fault("JSON nested 200 deep", .protocol, "cannot be read") { _, reply in
      try await reply.send(
        String(repeating: "[", count: 200) + String(repeating: "]", count: 200), 200, "application/json")
    },
    Fault("an event that is no JSON", .protocol, "cannot be read") { _, reply in
      try await reply.events()
      try await reply.chunk("data: {oops\n\n")
    },
    Fault("a page", .protocol, "it answered with a page (text/html)") { _, reply in
      try await reply.send("<!DOCTYPE html><title>Hello</title>", 200, "text/html; charset=utf-8")
    },
    Fault("some text", .protocol, "neither JSON nor events but \"text/plain\"") { _, reply in
      try await reply.send("Hello", 200, "text/plain")
    },
    Fault("nothing", .protocol, "status 202 and nothing else") { _, reply in try await reply.send("", 202) },
    Fault("the answer to something else", .protocol, "the answer to something else") { _, reply in
      try await reply.json(["jsonrpc": "2.0", "id": 4711, "result": [:]])
    },
    Fault("an answer that is neither result nor error", .protocol, "neither a result") { request, reply in
      try await reply.json(["jsonrpc": "2.0", "id": request.id])
    },
    Fault("an error without an id", .protocol, "error -32603: it broke", isInDoubt: false) { _, reply in
      try await reply.json(WebStub.error(-32603, "it broke", .null), 500)
    },
    Fault("a method that is unknown", .protocol, "error -32601", isInDoubt: false) { request, reply in
      try await reply.json(WebStub.error(-32601, "Method not found", request.id), 404)
    },
    Fault("status 500", .http, "status 500: oops") { _, reply in try await reply.send("oops\n", 500, "text/plain") },
    Fault("status 502 with a page", .http, "status 502: a page, not a message") { _, reply in
      try await reply.send("<html><body>Bad gateway</body></html>", 502, "text/html")
    },
    Fault("status 429", .http, "status 429", isInDoubt: false) { _, reply in
      try await reply.head(429, nil, ["Retry-After": "7", "Content-Length": "0"])
    },
    Fault("status 406", .http, "is its url the one for MCP", isInDoubt: false) { _, reply in
      try await reply.send("", 406)
    },
    Fault("status 302", .refused, "redirects with status 302 to http://127.0.0.1") { _, reply in
      try await reply.head(302, nil, ["Location": "/login", "Content-Length": "0"])
    },
    Fault("a way round in a circle", .refused, "more than 5 redirects", isInDoubt: false) { _, reply in
      try await reply.head(307, nil, ["Location": "/mcp", "Content-Length": "0"])
    },
  ]

  @Test(arguments: faults, [MCPEra.modern, .legacy]) func `fail a call by kind and in time, and leave no connection`(
    fault: Fault, era: MCPEra
  ) async throws {
    let stub = WebStub(era: era)
    let answer: TalkServer.Answer = { request, reply in
      guard request.rpc == "tools/call" else { return try await stub.answer(request, reply) }
      try await fault.does(request, reply)
    }
    try await TalkServer.session(answer) { session, server async throws in
      _ = try await session.tools()
      let isTimeout = fault.kind == .timeout
      let failure = try await session.failure("echo", timeout: isTimeout ? .seconds(1) : .seconds(60))
      #expect(failure.kind == fault.kind && failure.message.contains(fault.says), "\(failure.kind): \(failure.message)")
      #expect(failure.isInDoubt == fault.isInDoubt)
      #expect(failure.retryAfter == (fault.testDescription == "status 429" ? .seconds(7) : nil))
      #expect(try await session.tools().map(\.name) == ["echo"])
    }
  }

  @Test func `nobody there is known before anything is done`() async throws {
    let port = try await TalkServer.run({ _, _ in }) { $0.port }
    let servers = MCPServers(mask: .none)
    let address = MCPAddress(url: "http://127.0.0.1:\(port)/mcp")
    let session = try servers.session(MCPServerConfiguration(name: "stub", endpoint: .web(address)))
    let failure = try await session.failure("echo")
    #expect(failure.kind == .connection && failure.precedesEffect && !failure.isInDoubt)
    #expect(failure.message == "stub: POST http://127.0.0.1:\(port)/mcp: connection refused")
    await servers.close()
  }

  @Test func `a server that wants to know who asks says how, and what to do is said`() async throws {
    let answer: TalkServer.Answer = { _, reply in
      try await reply.send(
        #"{"error": "invalid_token"}"#, 401, "application/json",
        [
          "WWW-Authenticate": #"Bearer resource_metadata="https://example.org/.well-known/oauth-protected-resource""#
        ])
    }
    let headers = [MCPAddress.Header(name: "Authorization", value: "Bearer hunter2-hunter2")]
    try await TalkServer.session(answer, headers: headers) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .http && failure.precedesEffect)
      for part in [
        "status 401", "invalid_token", "Bearer resource_metadata=", "Authorization: Bearer ${{ $secrets.TOKEN }}",
      ] {
        #expect(failure.message.contains(part), "\(failure.message)")
      }
      #expect(server.asked.count == 1)
    }
  }

  @Test(arguments: [400, 404, 405, 415, 422, 500, 501])
  func `one that refuses what it does not know is asked the old way`(
    status: Int
  ) async throws {
    let stub = WebStub(era: .legacy)
    let answer: TalkServer.Answer = { request, reply in
      guard request.rpc == "server/discover" else { return try await stub.answer(request, reply) }
      try await reply.send("what?", status, "text/plain")
    }
    try await TalkServer.session(answer) { session, _ async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
    }
  }

  @Test(arguments: [403, 429, 502, 503]) func `one that is not to be spoken to now is asked once`(
    status: Int
  ) async throws {
    try await TalkServer.session({ _, reply in try await reply.send("", status) }) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .http && failure.precedesEffect && server.asked.count == 1)
    }
  }

  @Test func `what is sent to prove who we are goes along every time and into no message`() async throws {
    let answer: TalkServer.Answer = { request, reply in
      try await reply.send("I do not like \(request["authorization"] ?? "nothing")", 403, "text/plain")
    }
    let headers = [MCPAddress.Header(name: "Authorization", value: "Bearer hunter2-hunter2")]
    try await TalkServer.session(answer, headers: headers) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.message.contains("I do not like ***") && !failure.message.contains("hunter2"))
      #expect(server.asked.allSatisfy { $0["authorization"] == "Bearer hunter2-hunter2" })
    }
  }

  @Test func `redirects are followed within the origin, with all that was asked`() async throws {
    let stub = WebStub(era: .legacy)
    let answer: TalkServer.Answer = { request, reply in
      guard request.path == "/mcp/" else {
        return try await reply.head(307, nil, ["Location": "/mcp/", "Content-Length": "0"])
      }
      try await stub.answer(request, reply)
    }
    let headers = [MCPAddress.Header(name: "Authorization", value: "Bearer hunter2-hunter2")]
    try await TalkServer.session(answer, headers: headers) { session, server async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(server.asked.allSatisfy { $0["authorization"] != nil })
    }
  }

  @Test(arguments: [
    "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "http://localhost:1/", "//example.org/",
  ])
  func `redirects lead nowhere else`(location: String) async throws {
    let answer: TalkServer.Answer = { _, reply in
      try await reply.head(308, nil, ["Location": location, "Content-Length": "0"])
    }
    try await TalkServer.session(answer) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .refused && failure.precedesEffect && failure.message.hasPrefix("stub redirects"))
      #expect(server.asked.count == 1)
    }
  }

  @Test func `an address that an expression gave may not be a private one`() async throws {
    try await TalkServer.session(WebStub(era: .modern).answer, mayBePrivate: false) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .refused && failure.precedesEffect)
      #expect(failure.message.contains("127.0.0.1 is a private address; where that is meant, say private: true"))
      #expect(server.asked.isEmpty)
    }
  }

  @Test(arguments: [
    ("Accept", "text/html", "headers.Accept is set by the protocol"),
    ("Mcp-Session-Id", "x", "is set by the protocol"), ("Bad Name", "x", "is no name of a header field"),
    ("X-Note", "a\r\nHost: evil", "line breaks and control characters"),
  ])
  func `header fields that may not be given are refused before anything is sent`(
    name: String, value: String, says: String
  ) async throws {
    let header = MCPAddress.Header(name: name, value: value)
    try await TalkServer.session(WebStub(era: .modern).answer, headers: [header]) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .refused && failure.precedesEffect && failure.message.contains(says))
      #expect(server.asked.isEmpty && !failure.message.contains("evil"))
    }
  }

  @Test(arguments: ["", "a b", "é", String(repeating: "s", count: 2000)]) func `a session must have a usable name`(
    name: String
  ) async throws {
    try await TalkServer.session(WebStub(era: .legacy, session: name).answer) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .protocol && failure.message.contains("Mcp-Session-Id"))
      #expect(server.calls.filter { $0 != "GET" } == ["POST server/discover", "POST initialize"])
    }
  }
}
