import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization
import Testing

@testable import GraphNodes

@Suite("OpenAI's interface")
struct OpenAITests {
  static func delta(_ delta: String, _ finish: String = "null") -> String {
    "{\"choices\":[{\"index\":0,\"delta\":\(delta),\"finish_reason\":\(finish)}]}"
  }

  static func say(_ text: String) -> String { delta("{\"content\":\"\(text)\"}") }
  static func call(_ piece: String) -> String { delta("{\"tool_calls\":[\(piece)]}") }
  static let stop = delta("{}", "\"stop\"")

  func reply(_ events: [String], _ request: ChatRequest = .hello) async throws -> ChatReply {
    let stub = try await Stub.openAI { _ in .events(events) }
    defer { withExtendedLifetime(stub) {} }
    return try await stub.openAI.ask(request)
  }

  func failure(_ events: [String]) async throws -> NodeFailure {
    let stub = try await Stub.openAI { _ in .events(events) }
    defer { withExtendedLifetime(stub) {} }
    return try await stub.openAI.failure(.hello)
  }

  // MARK: What it is asked

  @Test func `is asked for a stream with usage, options by its own names`() async throws {
    let stub = try await Stub.openAI { _ in .events([Self.say("hi"), Self.stop, "[DONE]"]) }
    var model = try stub.openAI
    model.maxTokensField = "max_completion_tokens"
    model.extra = ["top_k": 5, "temperature": 1]
    let request = ChatRequest.hello.with {
      $0.options = ["temperature": 0, "num_predict": 9, "num_ctx": 4096]
      $0.think = false
      $0.format = ["type": "object", "properties": ["a": ["type": "string"]]]
    }
    let reply = try await model.ask(request)
    let body = try #require(stub.chats.first)
    #expect(body["stream"] == true && body["stream_options"] == ["include_usage": true])
    #expect(body["max_completion_tokens"] == 9 && body["num_predict"] == nil && body["num_ctx"] == nil)
    #expect(body["temperature"] == 1 && body["top_k"] == 5 && body["reasoning_effort"] == "none")
    #expect(body["response_format"]?["json_schema"]?["schema"] == request.format)
    #expect(body["response_format"]?["json_schema"]?["strict"] == false)
    #expect(reply.warnings.first?.contains("num_ctx") == true)
    let headers = stub.server.asked.first?.head.headers
    // A connection that is kept may be closed in the moment it is used again.
    #expect(headers?["accept"] == ["text/event-stream"] && headers?["connection"] == ["close"])
  }

  @Test(
    arguments: [
      (["type": "object", "properties": ["a": [:]], "required": ["a"], "additionalProperties": false], true),
      (["type": "object", "properties": ["a": [:]], "additionalProperties": false], false),
      (["type": "object", "properties": [:]], false), (["type": "object"], false), (["type": "string"], true),
      (["type": "array", "items": ["type": "object", "properties": ["a": [:]]]], false),
    ] as [(JSON, Bool)]) func `a closed schema is sent as strict`(schema: JSON, isStrict: Bool)
  {
    #expect(OpenAIModel.isStrict(schema) == isStrict)
  }

  @Test func `a conversation goes back in its form`() async throws {
    let stub = try await Stub.openAI { _ in .events([Self.say("3"), Self.stop]) }
    var asking = ChatMessage(.user, "what is this?")
    asking.images = ["/9j/AAAA"]
    var call = ChatMessage(.assistant, "")
    call.thinking = "hm"
    call.calls = [ToolCall(id: "c1", name: "add", arguments: .object(["a": 1]))]
    let messages = [asking, call, ChatMessage(resultOf: call.calls[0], "1")]
    _ = try await stub.openAI.ask(ChatRequest(messages: messages, tools: [.add]))
    let body = try #require(stub.chats.first)
    #expect(
      body["messages"] == [
        [
          "role": "user",
          "content": [
            ["type": "text", "text": "what is this?"],
            ["type": "image_url", "image_url": ["url": "data:image/jpeg;base64,/9j/AAAA"]],
          ],
        ],
        [
          "role": "assistant", "content": .null,
          "tool_calls": [["id": "c1", "type": "function", "function": ["name": "add", "arguments": "{\"a\":1}"]]],
        ],
        ["role": "tool", "content": "1", "tool_call_id": "c1", "name": "add"],
      ])
    #expect(body["tools"]?.arrayValue?.first?["function"]?["parameters"] == ChatTool.add.parameters)
  }

  // MARK: What it answers

  @Test func `text, thinking, usage and pace are read`() async throws {
    let usage =
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3}}}"
    let reply = try await reply([
      Self.delta("{\"role\":\"assistant\",\"content\":null}"), Self.delta("{\"reasoning_content\":\"let \"}"),
      Self.delta("{\"reasoning\":\"me\"}"), Self.say("he"), Self.say("llo"), Self.stop, usage,
      "{\"choices\":[],\"timings\":{\"predicted_per_second\":41.26}}", "[DONE]", "garbage after the end",
    ])
    #expect(reply.message.text == "hello" && reply.message.thinking == "let me" && reply.finish == "stop")
    #expect(
      reply.usage == [
        "prompt_tokens": 12, "completion_tokens": 5, "cached_tokens": 3, "tokens_per_second": 41.3,
      ])
  }

  static let merges: [([String], [(String, JSONObject)])] = [
    // Pieces of one index.
    (
      [
        "{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"\"}}",
        "{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\"\"}}",
        "{\"index\":0,\"function\":{\"arguments\":\":1}\"}}",
      ], [("c1", ["a": 1])]
    ),
    // Two whole calls with the same index and different ids.
    (
      [
        "{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"add\",\"arguments\":\"{}\"}}",
        "{\"index\":0,\"id\":\"c2\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"b\\\":2}\"}}",
      ], [("c1", [:]), ("c2", ["b": 2])]
    ),
    // Two without ids and indices: a second name is a second call. Arguments may be an object.
    (
      [
        "{\"function\":{\"name\":\"add\",\"arguments\":{\"a\":\"1\"}}}",
        "{\"function\":{\"name\":\"add\",\"arguments\":\"\"}}",
      ], [("call_1", ["a": 1]), ("call_2", [:])]
    ),
    // The same id and name again and again.
    (
      [
        "{\"index\":1,\"id\":\"c1\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":\"}}",
        "{\"index\":1,\"id\":\"c1\",\"function\":{\"name\":\"add\",\"arguments\":\"7}\"}}",
      ], [("c1", ["a": 7])]
    ),
    // Interleaved.
    (
      [
        "{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":\"}}",
        "{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":\"}}",
        "{\"index\":0,\"function\":{\"arguments\":\"1}\"}}", "{\"index\":1,\"function\":{\"arguments\":\"2}\"}}",
      ], [("c1", ["a": 1]), ("c2", ["a": 2])]
    ),
  ]

  @Test(arguments: merges.indices) func `calls are put together from their pieces`(_ index: Int) async throws {
    let (pieces, expected) = Self.merges[index]
    let events = pieces.map(Self.call) + [Self.delta("{}", "\"tool_calls\"")]
    let reply = try await reply(events, .hello.with { $0.tools = [.add] })
    #expect(reply.message.calls.map(\.id) == expected.map(\.0))
    #expect(reply.message.calls.map(\.arguments) == expected.map { .object($0.1) })
    #expect(reply.finish == "stop")
  }

  @Test func `an answer that is not streamed is read too`() async throws {
    let stub = try await Stub.openAI { _ in
      .json([
        "choices": [["message": ["role": "assistant", "content": "hi"], "finish_reason": "stop"]],
        "usage": ["prompt_tokens": 1, "completion_tokens": 2],
      ])
    }
    let reply = try await stub.openAI.ask(.hello)
    #expect(reply.message.text == "hi" && reply.usage["completion_tokens"] == 2)
  }

  private static let whole =
    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}"

  @Test(arguments: [
    whole, whole.replacing(",", with: ",\n"), "\(say("h"))\n\(say("i"))\n\(stop)\n",
    "data: \(say("hi"))\n\ndata: [DONE] \n\n",
  ])
  func `an answer is read whatever its type and form`(body: String) async throws {
    let stub = try await Stub.openAI { _ in .init(headers: ["Content-Type": "text/plain"], body: body) }
    #expect(try await stub.openAI.ask(.hello).message.text == "hi")
  }

  // MARK: What goes wrong

  @Test(arguments: [
    ("event: error\ndata: {\"code\":7,\"message\":\"boom\"}\n\n", "boom"), ("event: error\ndata: boom\n\n", "boom"),
    ("{\"detail\":\"no such route\"}", "no such route"), ("Service is starting", "it said: Service is starting"),
  ])
  func `what is no answer is quoted, with the model and its address`(body: String, text: String) async throws {
    let stub = try await Stub.openAI { _ in .init(headers: ["Content-Type": "text/plain"], body: body) }
    let failure = try await stub.openAI.failure(.hello)
    #expect(failure.kind == .model && failure.message.contains(text), "\(failure.message)")
    #expect(failure.message.hasPrefix("stub at \(stub.url)/v1: "), "\(failure.message)")
  }

  static let bad: [([String], ErrorKind, String)] = [
    ([], .model, "before its first word"), (["[DONE]"], .model, "before its first word"),
    ([say("hi")], .model, "broke off"), ([stop, "[DONE]"], .model, "empty answer"),
    ([say("hi"), "{\"error\":{\"message\":\"boom\",\"code\":500}}"], .model, "boom"),
    ([say("hi"), "{\"error\":\"boom\"}"], .model, "boom"), ([say("hi"), "{oops"], .protocol, "no JSON"),
    ([say("hi"), "[1]"], .protocol, "object"), ([delta("{\"content\":42}")], .protocol, "content"),
    ([delta("{\"content\":\"hi\"}", "\"length\"")], .model, "cut off"),
    ([say("hi"), delta("{}", "\"content_filter\"")], .model, "filter"),
    ([delta("{\"refusal\":\"I will not\"}"), stop], .model, "I will not"),
    ([call("{\"index\":0,\"id\":\"c1\",\"function\":{\"arguments\":\"{}\"}}"), stop], .model, "without a name"),
  ]

  @Test(arguments: bad) func `a bad stream is a failure`(events: [String], kind: ErrorKind, text: String) async throws {
    let failure = try await failure(events)
    #expect(failure.kind == kind && failure.message.contains(text), "\(failure.message)")
  }

  @Test(arguments: ["{\"error\":{\"message\":\"boom\"}}\n", "error: {\"code\":500,\"message\":\"boom\"}\n\n"])
  func `an error without the form of an event is one`(text: String) async throws {
    let stub = try await Stub.openAI { _ in
      .events([Self.say("hi")], then: [WebServer.Act.chunk(text), WebServer.Act.lastChunk, .close])
    }
    let failure = try await stub.openAI.failure(.hello)
    #expect(failure.kind == .model && failure.message.contains("boom"), "\(failure.message)")
  }

  @Test(arguments: [
    (401, "{\"error\":\"Unauthorized\"}", ErrorKind.http, "api-key"),
    (404, "{\"error\":{\"message\":\"The model `stub` does not exist.\"}}", .model, "there are other"),
    (404, "page not found", .http, "/v1"), (429, "{\"error\":{\"message\":\"slow down\"}}", .http, "slow down"),
    (400, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}", .http, "field required"),
    (
      400, "{\"error\":{\"type\":\"exceed_context_size_error\",\"message\":\"exceed_context: too long\"}}", .model,
      "shorten"
    ),
    (500, "{\"error\":{\"code\":500,\"message\":\"tools param requires --jinja flag\"}}", .model, "knows tools"),
    (503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}", .http, "Loading model"),
  ])
  func `a refusal is said with what to do`(status: Int, body: String, kind: ErrorKind, text: String) async throws {
    let stub = try await Stub.openAI { _ in
      .init(status: .init(statusCode: status), headers: ["Retry-After": "3"], body: body)
    }
    let failure = try await stub.openAI.failure(.hello)
    #expect(failure.kind == kind && failure.message.contains(text), "\(failure.message)")
    #expect(failure.retryAfter == .seconds(3))
  }

  @Test func `cancelling closes the connection`() async throws {
    let stub = try await Stub.openAI { _ in .events([Self.say("first")], then: [.hold]) }
    let bench = Bench()
    let model = try stub.openAI
    let running = Task { try await model.reply(to: .hello) { bench.print($0, to: $1) } }
    await bench.waitUntilPrinted("first")
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    await stub.server.waitUntilCut()
  }
}
