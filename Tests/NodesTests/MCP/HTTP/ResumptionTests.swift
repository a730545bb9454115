import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("MCP streams that break", .timeLimit(.minutes(2)))
struct ResumptionTests {
  /// A call's stream gives `first` and breaks; each GET after it is answered by `later`.
  private func answer(
    era: MCPEra = .legacy, first: String, cut: Bool = true, _ later: @escaping TalkServer.Answer = { _, _ in }
  ) -> TalkServer.Answer {
    let stub = WebStub(era: era)
    return { request, reply in
      if request.method == "GET", request["last-event-id"] != nil { return try await later(request, reply) }
      guard request.rpc == "tools/call" else { return try await stub.answer(request, reply) }
      try await reply.events()
      try await reply.chunk(first)
      guard cut else { return try await reply.endOfEvents() }
      // What comes together with the cut may be lost with it.
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  @Test(arguments: [true, false]) func `are taken up again after the last event, when the server says`(
    isCut: Bool
  ) async throws {
    let answerTo = Mutex<TalkServer.Request?>(nil)
    let tries = Count()
    let talk = answer(first: "id: e1\nretry: 300\ndata:\n\n", cut: isCut) { request, reply in
      try await reply.events()
      guard tries.next() > 1 else {
        return try await reply.event(["jsonrpc": "2.0", "method": "notifications/x"], id: "e2")
      }
      guard let call = answerTo.withLock({ $0 }) else { return }
      try await reply.event(WebStub.message(WebStub.said("late"), to: call), id: "e3")
    }
    let noted: TalkServer.Answer = { request, reply in
      if request.rpc == "tools/call" { answerTo.withLock { $0 = request } }
      try await talk(request, reply)
    }
    try await TalkServer.session(noted) { session, server async throws in
      _ = try await session.tools()
      let start = ContinuousClock.now
      #expect(try await session.result("echo").text == "late")
      #expect(.now - start >= .milliseconds(600))
      let again = server.asked.filter { $0["last-event-id"] != nil }
      #expect(again.map { $0["last-event-id"] } == ["e1", "e2"])
      #expect(again.allSatisfy { $0["mcp-session-id"] == "session-1" && $0["accept"] == "text/event-stream" })
      #expect(server.calls.count { $0 == "POST tools/call" } == 1)
    }
  }

  @Test func `are told with the name of the server, and without the query of its address`() async throws {
    let reset: TalkServer.Answer = { request, reply in
      guard request.rpc == "tools/call" else { return try await WebStub(era: .modern).answer(request, reply) }
      try await reply.events()
      try await reply.chunk(": here\n\n")
      try await reply.reset()
    }
    try await TalkServer.run(reset) { server in
      let servers = MCPServers(mask: .none)
      let session = try servers.session(server.configuration(path: "/mcp?api_key=qwertyuiop99"))
      let failure = try await session.failure("echo")
      #expect(failure.kind == .connection && failure.isInDoubt && !failure.message.contains("qwertyuiop99"))
      #expect(failure.message.hasPrefix("stub: POST http://127.0.0.1:\(server.port)/mcp: "), "\(failure.message)")
      await servers.close()
    }
  }

  @Test(arguments: [404, 405, 200]) func `are given up after two tries without a word, and the call is in doubt`(
    status: Int
  ) async throws {
    let talk = answer(first: "id: e1\nretry: 100\ndata:\n\n") { _, reply in
      guard status == 200 else { return try await reply.send("", status) }
      try await reply.events()
      try await reply.endOfEvents()
    }
    try await TalkServer.session(talk) { session, server async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .connection && failure.isInDoubt && !failure.precedesEffect)
      #expect(server.asked.count { $0["last-event-id"] != nil } == 2)
      #expect(server.calls.count { $0 == "POST tools/call" } == 1)
    }
  }

  @Test(arguments: [(MCPEra.legacy, ": nothing\n\n"), (.modern, "id: e1\ndata:\n\n"), (.modern, "data: {\"jsonrpc\"")])
  func `without an id, or in the modern era, are lost, and the call is in doubt`(
    era: MCPEra, first: String
  ) async throws {
    for isCut in [true, false] {
      try await TalkServer.session(answer(era: era, first: first, cut: isCut)) { session, server async throws in
        let failure = try await session.failure("echo")
        #expect(failure.kind == .connection && failure.isInDoubt)
        #expect(
          server.asked.allSatisfy { $0["last-event-id"] == nil }
            && !server.calls.contains("POST notifications/cancelled"))
        #expect(server.calls.count { $0 == "POST tools/call" } == 1)
      }
    }
  }
}
