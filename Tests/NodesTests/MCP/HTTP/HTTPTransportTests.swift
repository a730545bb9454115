import Foundation
import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("MCP over Streamable HTTP", .timeLimit(.minutes(2)))
struct HTTPTransportTests {
  @Test(arguments: [MCPEra.legacy, .modern], [false, true])
  func `both eras are spoken and found out, whether answers are JSON or events`(
    era: MCPEra, isStreamed: Bool
  ) async throws {
    let stub = WebStub(era: era, isStreamed: isStreamed)
    try await TalkServer.session(stub.answer) { session, _ async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
    }
  }

  @Test func `a modern request says in its header fields what it is`() async throws {
    let tool: JSON = [
      "name": "deploy",
      "inputSchema": [
        "type": "object",
        "properties": [
          "region": ["type": "string", "x-mcp-header": "Region"], "dry": ["type": "boolean", "x-mcp-header": "Dry"],
          "of": ["type": "object", "properties": ["count": ["type": "integer", "x-mcp-header": "Count"]]],
          "zone": ["type": "string", "x-mcp-header": "Zone"],
        ],
      ],
    ]
    try await TalkServer.session(WebStub(era: .modern, tools: [tool]).answer) { session, server async throws in
      _ = try await session.result("deploy", ["region": "Århus", "dry": true, "of": ["count": 3]])
      let call = try #require(server.asked.last)
      #expect(call["accept"] == "application/json, text/event-stream" && call["content-type"] == "application/json")
      #expect(call["mcp-protocol-version"] == "2026-07-28" && call["mcp-method"] == "tools/call")
      #expect(call["mcp-name"] == "deploy" && call["mcp-param-region"] == "=?base64?w4VyaHVz?=")
      #expect(call["mcp-param-dry"] == "true" && call["mcp-param-count"] == "3" && call["mcp-param-zone"] == nil)
      #expect(call["mcp-session-id"] == nil && call["origin"] == nil)
      #expect(server.asked.first?["mcp-name"] == nil && server.calls.first == "POST server/discover")
    }
  }

  @Test func `a tool whose header fields could deceive is left out, but only where there are header fields`()
    async throws
  {
    let tool: JSON = [
      "name": "sly", "inputSchema": ["type": "object", "properties": ["a": ["type": "number", "x-mcp-header": "A"]]],
    ]
    for (era, names) in [(MCPEra.modern, ["echo"]), (.legacy, ["echo", "sly"])] {
      try await TalkServer.session(WebStub(era: era, tools: [tool]).answer) { session, _ async throws in
        #expect(try await session.tools().map(\.name) == names)
        #expect(
          session.takeWarnings().contains { $0.contains("\"sly\" is left out: x-mcp-header") } == (era == .modern))
      }
    }
  }

  @Test func `a tool that wants another header field than when it was listed is listed again`() async throws {
    let calls = Count()
    let answer: TalkServer.Answer = { request, reply in
      let isNew = request.rpc == "tools/list" && calls.next() > 1
      let text: JSON = isNew ? ["type": "string", "x-mcp-header": "Text"] : ["type": "string"]
      let tool: JSON = ["name": "say", "inputSchema": ["type": "object", "properties": ["text": text]]]
      guard request.rpc != "tools/call" || request["mcp-param-text"] == "hi" else {
        return try await reply.json(WebStub.error(-32020, "Header mismatch", request.id), 400)
      }
      try await WebStub(era: .modern, tools: [tool]).answer(request, reply)
    }
    try await TalkServer.session(answer) { session, server async throws in
      #expect(try await session.result("say", ["text": "hi"]).text == "hi")
      #expect(server.calls.count { $0 == "POST tools/call" } == 2)
      let failure = try await session.failure("say", ["text": "ho"])
      #expect(
        failure.kind == .protocol && failure.precedesEffect && server.calls.count { $0 == "POST tools/call" } == 4)
    }
  }

  @Test func `the session is the one that initialize gave, on every request after it, and ended at the end`()
    async throws
  {
    try await TalkServer.run(WebStub(era: .legacy).answer) { server in
      let servers = MCPServers(mask: .none)
      _ = try await servers.session(server.configuration()).result("echo", ["text": "hi"])
      await servers.close()
      await server.connections.wait(until: .empty)
      #expect(
        server.calls.filter { $0 != "GET" } == [
          "POST server/discover", "POST initialize", "POST notifications/initialized", "POST tools/list",
          "POST tools/call", "DELETE",
        ])
      #expect(server.asked.prefix(2).allSatisfy { $0["mcp-session-id"] == nil })
      #expect(server.asked.dropFirst(2).allSatisfy { $0["mcp-session-id"] == "session-1" })
      #expect(server.asked[1]["mcp-protocol-version"] == nil)
      #expect(server.asked.dropFirst(2).allSatisfy { $0["mcp-protocol-version"] == "2025-11-25" })
    }
  }

  @Test(arguments: [MCPEra.legacy, .modern]) func `no connection is kept, though the server would keep it`(
    era: MCPEra
  ) async throws {
    let stub = WebStub(era: era)
    let answer: TalkServer.Answer = { request, reply in
      try await stub.answer(request, reply)
      await reply.untilClosed()
    }
    try await TalkServer.session(answer) { session, server async throws in
      for text in ["one", "two"] { #expect(try await session.result("echo", ["text": .string(text)]).text == text) }
      await server.connections.wait(until: .empty)
    }
  }

  @Test func `a server without sessions is neither sent one nor told of an end`() async throws {
    try await TalkServer.run(WebStub(era: .legacy, session: nil).answer) { server in
      let servers = MCPServers(mask: .none)
      _ = try await servers.session(server.configuration()).result("echo", ["text": "hi"])
      await servers.close()
      #expect(!server.calls.contains("DELETE") && server.asked.allSatisfy { $0["mcp-session-id"] == nil })
    }
  }

  @Test(arguments: [MCPEra.legacy, .modern]) func `progress comes before the result`(era: MCPEra) async throws {
    let stub = WebStub(era: era)
    let told = Mutex<[String]>([])
    let answer: TalkServer.Answer = { request, reply in
      guard request.rpc == "tools/call" else { return try await stub.answer(request, reply) }
      let token = request.body["params"]?["_meta"]?["progressToken"] ?? .null
      try await reply.events()
      try await reply.chunk(": keep-alive\n\n")
      for step in 1...2 {
        let params: JSON = ["progressToken": token, "progress": .int(step), "total": 2]
        try await reply.event(["jsonrpc": "2.0", "method": "notifications/progress", "params": params], name: nil)
      }
      try await reply.event(WebStub.message(WebStub.said("done"), to: request))
      try await reply.endOfEvents()
    }
    try await TalkServer.session(answer) { session, _ async throws in
      let result = try await session.result("echo") { text in told.withLock { $0.append(text) } }
      #expect(result.text == "done" && told.withLock { $0 } == ["1 of 2", "2 of 2"])
    }
  }

  @Test func `a session that the server forgot is made anew, and each call is done once`() async throws {
    let sessions = Mutex(1)
    let done = Mutex<[String]>([])
    let answer: TalkServer.Answer = { request, reply in
      let stub = WebStub(era: .legacy, session: "session-\(sessions.withLock { $0 })")
      if request.rpc == "tools/call", request["mcp-session-id"] == stub.session {
        done.withLock { $0.append(request.body["params"]?["arguments"]?["text"]?.stringValue ?? "") }
      }
      try await stub.answer(request, reply)
    }
    try await TalkServer.session(answer) { session, server async throws in
      _ = try await session.result("echo", ["text": "before"])
      sessions.withLock { $0 += 1 }
      let texts = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<8 { group.addTask { try await session.result("echo", ["text": .string("\(number)")]).text } }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(texts == Set((0..<8).map(String.init)))
      #expect(done.withLock { $0.sorted() } == (0..<8).map(String.init) + ["before"])
      #expect(server.calls.count { $0 == "POST initialize" } == 2 && !server.calls.contains("DELETE"))
    }
  }

  @Test func `a server that forgets every session is not asked for ever`() async throws {
    let stub = WebStub(era: .legacy)
    let answer: TalkServer.Answer = { request, reply in
      guard request.rpc == "tools/call" else { return try await stub.answer(request, reply) }
      try await reply.json(WebStub.error(-32000, "Bad Request: No valid session ID provided", .null), 400)
    }
    try await TalkServer.session(answer) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .http && failure.precedesEffect && !failure.isInDoubt)
      #expect(failure.message.contains("does not know the session any more"))
      #expect(server.calls.count { $0 == "POST tools/call" } == 2)
    }
  }

  @Test(arguments: [MCPEra.legacy, .modern]) func `a call that is given up is cancelled the way of its era`(
    era: MCPEra
  ) async throws {
    let stub = WebStub(era: era)
    let (begun, cut, told) = (Door(), Door(), Door())
    let answer: TalkServer.Answer = { request, reply in
      switch request.rpc {
      case "tools/call":
        try await reply.events()
        begun.shut()
        await reply.untilClosed()
        cut.shut()
      case "notifications/cancelled":
        try await reply.send("", 202)
        told.shut()
      default: try await stub.answer(request, reply)
      }
    }
    try await TalkServer.session(answer) { session, server async throws in
      let outcome = await withThrowingTaskGroup(of: MCPResult.self) { group in
        group.addTask { try await session.result("echo", timeout: .seconds(60)) }
        await begun.wait(until: .shut)
        group.cancelAll()
        return await group.nextResult()
      }
      #expect(throws: CancellationError.self) { try outcome?.get() }
      await cut.wait(until: .shut)
      if era == .legacy { await told.wait(until: .shut) }
      _ = try await session.tools()
      let call = server.asked.first { $0.rpc == "tools/call" }
      let notice = server.asked.first { $0.rpc == "notifications/cancelled" }
      #expect(notice?.body["params"]?["requestId"] == (era == .legacy ? call?.id : nil))
    }
  }

  @Test func `tools are asked for anew when the server's own stream says that they changed`() async throws {
    let stub = WebStub(era: .legacy)
    let (listening, told, heard) = (Door(), Door(), Door())
    let answer: TalkServer.Answer = { request, reply in
      guard request.method == "GET" else {
        if request.body["result"] != nil { heard.shut() }
        return try await stub.answer(request, reply)
      }
      try await reply.events()
      listening.shut()
      await told.wait(until: .shut)
      try await reply.event(["jsonrpc": "2.0", "method": "notifications/tools/list_changed"])
      try await reply.event(["jsonrpc": "2.0", "id": 0, "method": "ping"])
      await reply.untilClosed()
    }
    try await TalkServer.session(answer) { session, server async throws in
      _ = try await session.result("echo", ["text": "hi"])
      await listening.wait(until: .shut)
      told.shut()
      await heard.wait(until: .shut)
      _ = try await session.tools()
      #expect(server.calls.count { $0 == "POST tools/list" } == 2)
      let pong = try #require(server.asked.first { $0.body["result"] != nil })
      #expect(pong.body == ["jsonrpc": "2.0", "id": 0, "result": [:]] && pong["mcp-session-id"] == "session-1")
    }
  }

  @Test func `what the server asks in the middle of a call is answered`() async throws {
    let stub = WebStub(era: .legacy)
    let answered = Mutex<[JSON]>([])
    let door = Door()
    let answer: TalkServer.Answer = { request, reply in
      if request.rpc.isEmpty, request.method == "POST" {
        let count = answered.withLock { answers in
          answers.append(request.body)
          return answers.count
        }
        try await reply.send("", 202)
        return count == 2 ? door.shut() : ()
      }
      guard request.rpc == "tools/call" else { return try await stub.answer(request, reply) }
      try await reply.events()
      try await reply.event(["jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage", "params": [:]])
      try await reply.event(["jsonrpc": "2.0", "id": request.id, "method": "ping"])
      await door.wait(until: .shut)
      try await reply.event(WebStub.message(WebStub.said("done"), to: request))
      try await reply.endOfEvents()
    }
    try await TalkServer.session(answer) { session, _ async throws in
      #expect(try await session.result("echo").text == "done")
      let codes = Set(answered.withLock { $0.map { $0["error"]?["code"] ?? .null } })
      #expect(codes == [-32601, .null])
    }
  }

  @Test func `a session that is closed in the middle of calls leaves no connection and fails them`() async throws {
    let stub = WebStub(era: .legacy)
    let begun = Door()
    let calls = Count()
    let talk: TalkServer.Answer = { request, reply in
      guard request.rpc == "tools/call" || request.method == "GET" else { return try await stub.answer(request, reply) }
      try await reply.events()
      if request.rpc == "tools/call", calls.next() == 3 { begun.shut() }
      await reply.untilClosed()
    }
    try await TalkServer.run(talk) { server in
      let servers = MCPServers(mask: .none)
      let session = try servers.session(server.configuration())
      try await withThrowingTaskGroup(of: NodeFailure.self) { group in
        for _ in 0..<3 { group.addTask { try await session.failure("echo") } }
        await begun.wait(until: .shut)
        await servers.close()
        for try await failure in group { #expect(failure.kind == .connection && failure.isInDoubt) }
      }
      await server.connections.wait(until: .empty)
      #expect(server.calls.last == "DELETE")
      #expect(try await session.failure("echo").precedesEffect)
    }
  }
}
