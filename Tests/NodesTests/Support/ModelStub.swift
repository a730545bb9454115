import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization

@testable import GraphNodes

/// A model server on loopback whose chats are scripted, and what it was asked.
struct Stub: Sendable {
  let server: WebServer

  /// - Parameters:
  ///   - show: what `/api/show` says of the model.
  ///   - models: what `/api/tags` lists.
  ///   - chat: the answer to a chat, by how many were answered before.
  static func ollama(
    show: JSON = ["capabilities": ["completion", "tools", "thinking"]], models: [String] = ["stub:latest"],
    _ chat: @escaping @Sendable (Int) -> WebServer.Response
  ) async throws -> Stub {
    let count = Counter()
    return Stub(
      server: try await WebServer { request in
        switch request.head.uri {
        case "/api/show": return .json(show)
        case "/api/tags":
          return .json(["models": .array(models.map { ["name": .string($0), "capabilities": ["tools"]] })])
        default: return chat(count.next())
        }
      })
  }

  static func openAI(_ chat: @escaping @Sendable (Int) -> WebServer.Response) async throws -> Stub {
    let count = Counter()
    return Stub(
      server: try await WebServer { request in
        request.head.uri.hasSuffix("/models") ? .json(["data": [["id": "other"]]]) : chat(count.next())
      })
  }

  var url: String { server.url("") }

  /// The bodies of the chats, as JSON.
  var chats: [JSON] {
    server.asked.filter { $0.head.uri.hasSuffix("/api/chat") || $0.head.uri.hasSuffix("/chat/completions") }
      .compactMap { try? JSON(parsing: $0.body) }
  }

  var ollama: OllamaModel {
    get throws { OllamaModel("stub", at: OllamaServer(try ModelEndpoint(url, source: "url"))) }
  }

  var openAI: OpenAIModel {
    get throws { OpenAIModel("stub", at: try ModelEndpoint(url + "/v1", source: "url")) }
  }
}

extension WebServer.Response {
  static func json(_ value: JSON, status: HTTPResponseStatus = .ok) -> Self {
    .init(status: status, headers: ["Content-Type": "application/json"], body: value.text)
  }

  /// Lines as Ollama streams them, each in a piece of its own.
  static func lines(_ lines: [String], then end: [WebServer.Act] = [WebServer.Act.lastChunk, .close]) -> Self {
    .init(script: [WebServer.Act.head("application/x-ndjson")] + lines.map { WebServer.Act.chunk($0 + "\n") } + end)
  }

  /// Events as OpenAI streams them; strings are data.
  static func events(_ data: [String], then end: [WebServer.Act] = [WebServer.Act.lastChunk, .close]) -> Self {
    .init(
      script: [WebServer.Act.head("text/event-stream")] + data.map { WebServer.Act.chunk("data: \($0)\n\n") } + end)
  }
}

/// Lines of an Ollama stream.
enum Line {
  static func say(_ text: String) -> String {
    JSON.object(["message": ["role": "assistant", "content": .string(text)], "done": false]).text
  }

  static func think(_ text: String) -> String {
    JSON.object(["message": ["role": "assistant", "content": "", "thinking": .string(text)], "done": false]).text
  }

  static func done(_ more: JSONObject = [:], message: JSON = ["role": "assistant", "content": ""]) -> String {
    var line: JSONObject = [
      "message": message, "done": true, "done_reason": "stop", "prompt_eval_count": 26, "eval_count": 298,
      "total_duration": 4_648_158_584, "eval_duration": 799_000_000,
    ]
    for (key, value) in more { line[key] = value }
    return JSON.object(line).text
  }

  static func call(_ name: String, _ arguments: JSON, id: String? = nil, index: Int = 0) -> JSON {
    var call: JSONObject = ["function": ["index": .int(index), "name": .string(name), "arguments": arguments]]
    if let id { call["id"] = .string(id) }
    return .object(call)
  }

  static func calls(_ calls: [JSON]) -> JSON { ["role": "assistant", "content": "", "tool_calls": .array(calls)] }
}

final class Counter: Sendable {
  private let state = Mutex(0)

  func next() -> Int {
    state.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}

extension ChatModel {
  /// The answer to a question, what is shown left aside.
  func ask(_ request: ChatRequest) async throws -> ChatReply { try await reply(to: request) { _, _ in } }

  /// How it failed.
  func failure(_ request: ChatRequest) async throws -> NodeFailure {
    do {
      _ = try await ask(request)
    } catch let failure as NodeFailure {
      return failure
    }
    throw UnexpectedResult()
  }
}

extension ChatRequest {
  static let hello = ChatRequest(messages: [ChatMessage(.user, "hello")])

  func with(_ change: (inout ChatRequest) -> Void) -> ChatRequest {
    var copy = self
    change(&copy)
    return copy
  }
}

extension ChatTool {
  static let add = ChatTool(
    name: "add", description: "Adds.",
    parameters: ["type": "object", "properties": ["a": ["type": "integer"], "b": ["type": "integer"]]])
}
