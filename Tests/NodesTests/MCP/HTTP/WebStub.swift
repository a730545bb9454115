import Foundation
import Graph
import GraphRuntime
import Synchronization

@testable import GraphNodes

/// An MCP server over Streamable HTTP that behaves. A test answers for it what it should do otherwise.
struct WebStub: Sendable {
  typealias Request = TalkServer.Request
  typealias Reply = TalkServer.Reply

  var era: MCPEra

  /// Answers come as streams of events.
  var isStreamed = false

  /// The one session there is (legacy).
  var session: String? = "session-1"

  /// What else the list of tools has.
  var tools: [JSON] = []

  static let echo: JSON = [
    "name": "echo", "inputSchema": ["type": "object", "properties": ["text": ["type": "string"]]],
  ]

  func answer(_ request: Request, _ reply: Reply) async throws {
    switch (request.method, era) {
    case ("POST", .modern): try await modern(request, reply)
    case ("POST", .legacy): try await legacy(request, reply)
    case ("DELETE", .legacy): try await reply.send("", 200)
    default: try await reply.send("Method Not Allowed", 405, "text/plain")
    }
  }

  private func modern(_ request: Request, _ reply: Reply) async throws {
    let version = request.body["params"]?["_meta"]?[MCPWord.protocolVersion]?.stringValue
    guard version == MCPEra.modern.newest, request["mcp-protocol-version"] == version,
      request["mcp-method"] == request.rpc
    else { return try await reply.json(Self.error(-32020, "Header mismatch", request.id), 400) }
    switch request.rpc {
    case "server/discover":
      try await result(["supportedVersions": ["2026-07-28"], "capabilities": ["tools": [:]]], request, reply)
    default: try await common(request, reply)
    }
  }

  private func legacy(_ request: Request, _ reply: Reply) async throws {
    if request.rpc == "initialize" {
      let result: JSON = [
        "protocolVersion": "2025-11-25", "capabilities": ["tools": [:]],
        "serverInfo": ["name": "stub", "version": "1"],
      ]
      return try await self.result(result, request, reply, headers: session.map { ["Mcp-Session-Id": $0] } ?? [:])
    }
    guard request["mcp-session-id"] != nil || session == nil else {
      let error = Self.error(-32600, "Bad Request: Missing session ID", "server-error")
      return try await reply.json(error, 400, ["mcp-session-id": "stray"])
    }
    guard request["mcp-session-id"] == session else {
      return try await reply.json(Self.error(-32001, "Session not found", .null), 404)
    }
    guard request["mcp-protocol-version"] == "2025-11-25" else {
      return try await reply.json(Self.error(-32600, "no version", .null), 400)
    }
    if request.id == .null { return try await reply.send("", 202) }
    try await common(request, reply)
  }

  private func common(_ request: Request, _ reply: Reply) async throws {
    switch request.rpc {
    case "tools/list": try await result(["tools": .array([Self.echo] + tools)], request, reply)
    case "tools/call":
      try await result(Self.said(request.body["params"]?["arguments"]?["text"]?.stringValue ?? ""), request, reply)
    default: try await reply.json(Self.error(-32601, "Method not found", request.id), 404)
    }
  }

  func result(_ result: JSON, _ request: Request, _ reply: Reply, headers: [String: String] = [:]) async throws {
    let message = Self.message(result, to: request)
    guard isStreamed else { return try await reply.json(message, 200, headers) }
    try await reply.events(headers)
    try await reply.event(message)
    try await reply.endOfEvents()
  }

  static func said(_ text: String) -> JSON { ["content": [["type": "text", "text": .string(text)]]] }
  static func message(_ result: JSON, to request: Request) -> JSON {
    ["jsonrpc": "2.0", "id": request.id, "result": result]
  }
  static func error(_ code: Int, _ message: String, _ id: JSON) -> JSON {
    ["jsonrpc": "2.0", "id": id, "error": ["code": .int(code), "message": .string(message)]]
  }
}

extension TalkServer {
  func configuration(
    path: String = "/mcp", headers: [MCPAddress.Header] = [], kind: MCPAddress.Kind? = nil, mayBePrivate: Bool = true,
    era: MCPEra? = nil, startTimeout: Duration = .unhurried
  ) -> MCPServerConfiguration {
    let address = MCPAddress(url: url(path), headers: headers, kind: kind, mayBePrivate: mayBePrivate)
    return MCPServerConfiguration(name: "stub", endpoint: .web(address), startTimeout: startTimeout, era: era)
  }

  /// Runs `body` with a session to a server that answers so; ends it, and waits until nobody is connected any more.
  @discardableResult
  static func session<Value: Sendable>(
    _ answer: @escaping Answer, headers: [MCPAddress.Header] = [], kind: MCPAddress.Kind? = nil,
    mayBePrivate: Bool = true, era: MCPEra? = nil, startTimeout: Duration = .unhurried,
    _ body: (MCPSession, TalkServer) async throws -> Value
  ) async throws -> Value {
    try await run(answer) { server in
      let servers = MCPServers(mask: .none)
      let session = try servers.session(
        server.configuration(
          headers: headers, kind: kind, mayBePrivate: mayBePrivate, era: era, startTimeout: startTimeout))
      let outcome: Result<Value, any Error>
      do {
        outcome = .success(try await body(session, server))
      } catch {
        outcome = .failure(error)
      }
      await servers.close()
      await server.connections.wait(until: .empty)
      return try outcome.get()
    }
  }
}

/// 1, 2, 3 …
final class Count: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
