import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization
import Testing

@testable import GraphNodes

@Suite("Ollama")
struct OllamaTests {
  // MARK: What it is asked

  @Test func `is asked for a stream with a context that fits the model`() async throws {
    let show: JSON = ["model_info": ["general.architecture": "qwen3", "qwen3.context_length": 8192]]
    let stub = try await Stub.ollama(show: show) { _ in .lines([Line.say("hi"), Line.done()]) }
    let reply = try await stub.ollama.ask(.hello.with { $0.options = ["temperature": 0] })
    #expect(reply.message.text == "hi" && reply.finish == "stop")
    let body = try #require(stub.chats.first)
    #expect(body["model"] == "stub" && body["stream"] == true)
    #expect(body["messages"] == [["role": "user", "content": "hello"]])
    #expect(body["options"] == ["temperature": 0, "num_ctx": 8192])
    #expect(body["think"] == nil && body["format"] == nil && body["tools"] == nil && body["keep_alive"] == nil)
  }

  @Test(
    arguments: [
      ([:], nil, nil, 32768), ([:], 8192, nil, 8192), ([:], 262_144, nil, 32768), ([:], 8192, 4096, 4096),
      (["num_ctx": 65536], 262_144, 4096, 65536),
    ] as [(JSONObject, Int?, Int?, Int)])
  func `the context is what is asked for, what the model's file says, or what fits`(
    options: JSONObject, length: Int?, configured: Int?, expected: Int
  ) {
    let details = OllamaServer.Details(contextLength: length, configuredContext: configured)
    #expect(OllamaContext(options, details).tokens == expected)
  }

  @Test func `what a model is known for is asked once`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.say("hi"), Line.done()]) }
    let model = try stub.ollama
    for _ in 0..<3 { _ = try await model.ask(.hello) }
    #expect(stub.server.asked.filter { $0.head.uri == "/api/show" }.count == 1)
  }

  @Test func `a conversation goes back as it was, thinking only in the turn that is going on`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.say("3"), Line.done()]) }
    var old = ChatMessage(.assistant, "hm")
    old.thinking = "old"
    var call = ChatMessage(.assistant, "")
    call.thinking = "new"
    call.calls = [
      ToolCall(id: "call_1", name: "add", arguments: .object(["a": 1])),
      ToolCall(id: "call_2", name: "add", arguments: .malformed("{", reason: "no JSON")),
    ]
    let messages = [
      ChatMessage(.system, "be brief"), old, ChatMessage(.user, "1+2?"), call,
      ChatMessage(resultOf: call.calls[0], "3"),
    ]
    var model = try stub.ollama
    model.keepAlive = "5m"
    model.extra = ["truncate": false]
    _ = try await model.ask(
      ChatRequest(messages: messages, tools: [.add], think: "low", options: ["num_ctx": 100]))
    let body = try #require(stub.chats.first)
    #expect(body["think"] == "low" && body["keep_alive"] == "5m" && body["truncate"] == false)
    #expect(body["tools"]?.arrayValue?.first?["function"]?["name"] == "add")
    #expect(
      body["messages"] == [
        ["role": "system", "content": "be brief"], ["role": "assistant", "content": "hm"],
        ["role": "user", "content": "1+2?"],
        [
          "role": "assistant", "content": "", "thinking": "new",
          "tool_calls": [
            ["id": "call_1", "function": ["name": "add", "arguments": ["a": 1]]],
            ["id": "call_2", "function": ["name": "add", "arguments": [:]]],
          ],
        ],
        ["role": "tool", "content": "3", "tool_call_id": "call_1", "tool_name": "add"],
      ])
  }

  // MARK: What it answers

  @Test func `text and thinking are shown as they come, and add up`() async throws {
    let stub = try await Stub.ollama { _ in
      .lines([Line.think("let "), Line.think("me"), Line.say("he"), Line.say("llo"), Line.done()])
    }
    let bench = Bench()
    let reply = try await stub.ollama.reply(to: .hello) { bench.print($0, to: $1) }
    #expect(reply.message.text == "hello" && reply.message.thinking == "let me")
    let shown = bench.state.withLock { $0.printed }
    #expect(shown.map(\.text) == ["let ", "me", "he", "llo"])
    #expect(shown.map(\.stream) == [.thinking, .thinking, .token, .token])
    #expect(reply.usage["prompt_tokens"] == 26 && reply.usage["completion_tokens"] == 298)
    #expect(reply.usage["total_duration"] == 4_648_158_584 && reply.usage["tokens_per_second"] == 373)
  }

  @Test func `calls come in any line, the last one too, with ids or without`() async throws {
    let stub = try await Stub.ollama { _ in
      .lines([
        JSON.object(["message": Line.calls([Line.call("add", ["a": 1], id: "call_x")]), "done": false]).text,
        Line.done(
          message: Line.calls([
            Line.call("add", ["a": "2"]), Line.call("add", "{\"a\": 3}"), Line.call("add", .null, id: "call_x"),
            Line.call("add", "{oops"),
          ])),
      ])
    }
    let reply = try await stub.ollama.ask(.hello.with { $0.tools = [.add] })
    #expect(reply.message.calls.map(\.id) == ["call_x", "call_2", "call_3", "call_4", "call_5"])
    #expect(
      reply.message.calls.prefix(4).map(\.arguments) == [
        .object(["a": 1]), .object(["a": 2]), .object(["a": 3]), .object([:]),
      ])
    guard case .malformed("{oops", let reason)? = reply.message.calls.last?.arguments else {
      Issue.record("not malformed")
      return
    }
    #expect(reason.contains("no JSON"))
  }

  @Test func `ids that are made differ from those of the conversation`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.done(message: Line.calls([Line.call("add", [:])]))]) }
    var earlier = ChatMessage(.assistant, "")
    earlier.calls = [ToolCall(id: "call_2", name: "add", arguments: .object([:]))]
    let reply = try await stub.ollama.ask(.hello.with { $0.messages.append(earlier) })
    #expect(reply.message.calls.map(\.id) == ["call_3"])
  }

  @Test func `a full context is a warning`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.say("hi"), Line.done(["prompt_eval_count": 900])]) }
    let reply = try await stub.ollama.ask(.hello.with { $0.options = ["num_ctx": 1024] })
    #expect(reply.warnings.first?.contains("1198 of 1024 tokens") == true)
  }

  @Test func `a call written as text is a warning`() async throws {
    let text = "```json\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n```"
    let stub = try await Stub.ollama { _ in .lines([Line.say(text), Line.done()]) }
    #expect(try await stub.ollama.ask(.hello).warnings == [])
    #expect(try await stub.ollama.ask(.hello.with { $0.tools = [.add] }).warnings.count == 1)
  }

  @Test func `an answer cut off by the request's own limit is an answer`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.say("to be or"), Line.done(["done_reason": "length"])]) }
    let reply = try await stub.ollama.ask(.hello.with { $0.options = ["num_predict": 3] })
    #expect(reply.finish == "length" && reply.warnings.first?.contains("num_predict") == true)
    let failure = try await stub.ollama.failure(.hello)
    #expect(failure.kind == .model && failure.message.contains("num_ctx"))
    let format = ChatRequest.hello.with {
      $0.options = ["num_predict": 3]
      $0.format = ["type": "object"]
    }
    #expect(try await stub.ollama.failure(format).kind == .model)
  }

  // MARK: What goes wrong

  @Test func `a server that is not there is said with what to do`() async throws {
    let server = OllamaServer(try ModelEndpoint("http://127.0.0.1:1", source: "url"))
    let failure = try await OllamaModel("stub", at: server).failure(.hello)
    #expect(failure.kind == .connection && failure.precedesEffect)
    #expect(failure.message.contains("http://127.0.0.1:1") && failure.message.contains("ollama serve"))
    #expect(failure.message.contains("OLLAMA_HOST"))
  }

  @Test func `a missing model is said with how to get it and what there is`() async throws {
    let server = try await WebServer { request in
      request.head.uri == "/api/tags"
        ? .json(["models": [["name": "a:latest"], ["model": "b:7b"]]])
        : .json(["error": "model 'stub' not found"], status: .notFound)
    }
    let failure = try await Stub(server: server).ollama.failure(.hello)
    #expect(failure.kind == .model)
    #expect(failure.message.contains("ollama pull stub") && failure.message.contains("installed: a:latest, b:7b"))
  }

  @Test func `a model without tools is said with those that have them`() async throws {
    let answers: [JSON] = [["capabilities": ["completion"]], [:]]
    for show in answers {
      let stub = try await Stub.ollama(show: show, models: ["able:latest"]) { _ in
        .json(["error": "registry.ollama.ai/library/stub does not support tools"], status: .badRequest)
      }
      let failure = try await stub.ollama.failure(.hello.with { $0.tools = [.add] })
      #expect(failure.kind == .model, "\(failure.message)")
      #expect(failure.message.contains("does not support tools") && failure.message.contains("able:latest"))
    }
  }

  @Test(arguments: [
    (400, "\"stub\" does not support thinking", ErrorKind.model, "leave out think"),
    (401, "unauthorized", .http, "ollama signin"), (403, "", .http, "host name"),
    (500, "model runner has unexpectedly stopped", .http, "smaller model"), (502, "", .http, "status 502"),
    (404, "404 page not found", .http, "an Ollama server"),
    (500, "{\"error\":{\"code\":400,\"message\":\"inner\"}}", .http, ": inner"),
  ])
  func `a refusal is said with what to do`(status: Int, text: String, kind: ErrorKind, remedy: String) async throws {
    let stub = try await Stub.ollama { _ in
      text.isEmpty
        ? .init(status: .init(statusCode: status)) : .json(["error": .string(text)], status: .init(statusCode: status))
    }
    let failure = try await stub.ollama.failure(.hello)
    #expect(failure.kind == kind && failure.message.contains(remedy), "\(failure.message)")
  }

  @Test(arguments: [429, 503]) func `a busy server says when to come again`(status: Int) async throws {
    let stub = try await Stub.ollama { _ in
      .init(
        status: .init(statusCode: status), headers: ["Retry-After": "7"],
        body: "{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}")
    }
    let failure = try await stub.ollama.failure(.hello)
    #expect(failure.kind == .http && failure.retryAfter == .seconds(7) && failure.precedesEffect)
  }

  @Test func `a key that a server repeats is not passed on`() async throws {
    let stub = try await Stub.ollama { _ in .json(["error": "bad key sk-12345678"], status: .unauthorized) }
    var model = try stub.ollama
    model.server.endpoint.key = "sk-12345678"
    let failure = try await model.failure(.hello)
    #expect(failure.message.contains("bad key ***") && !failure.message.contains("12345678"))
    #expect(stub.server.asked.last?.head.headers["authorization"] == ["Bearer sk-12345678"])
  }

  @Test func `cancelling closes the connection`() async throws {
    let stub = try await Stub.ollama { _ in .lines([Line.say("first")], then: [.hold]) }
    let bench = Bench()
    let model = try stub.ollama
    let running = Task { try await model.reply(to: .hello) { bench.print($0, to: $1) } }
    await bench.waitUntilPrinted("first")
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    await stub.server.waitUntilCut()
  }

  // MARK: The server

  @Test func `the server tells its version and models`() async throws {
    let web = try await WebServer { request in
      switch request.head.uri {
      case "/api/version": .json(["version": "0.33.0"])
      case "/api/tags": .json(["models": [["name": "a", "size": 7, "capabilities": ["tools"]], ["model": "b"]]])
      default:
        .json([
          "capabilities": ["tools"], "model_info": ["llama.context_length": 4096],
          "parameters": "stop     \"x\"\nnum_ctx                        2048",
        ])
      }
    }
    let server = OllamaServer(try ModelEndpoint(web.url(""), source: "url"))
    #expect(try await server.version() == "0.33.0")
    #expect(
      try await server.models() == [
        .init(name: "a", sizeBytes: 7, capabilities: ["tools"]), .init(name: "b"),
      ])
    #expect(
      try await server.details(of: "a")
        == .init(capabilities: ["tools"], contextLength: 4096, configuredContext: 2048))
  }

  @Test func `a pull tells how far it is, and fails where it does not finish`() async throws {
    let lines = [
      "{\"status\":\"pulling manifest\"}",
      "{\"status\":\"pulling a3\",\"digest\":\"sha256:a3\",\"total\":100,\"completed\":50}",
    ]
    let bench = Bench()
    func pull(_ lines: [String]) async throws {
      let web = try await WebServer { _ in .lines(lines) }
      let server = OllamaServer(try ModelEndpoint(web.url(""), source: "url"))
      try await server.pull("m") { bench.print("\($0.status) \($0.completedBytes ?? 0);", to: .stdout) }
    }
    try await pull(lines + ["{\"status\":\"success\"}"])
    #expect(bench.printed == "pulling manifest 0;pulling a3 50;success 0;")
    for bad in [lines, lines + ["{\"error\":\"pull model manifest: file does not exist\"}"]] {
      await #expect { try await pull(bad) } throws: { ($0 as? NodeFailure)?.kind == .model }
    }
  }
}
