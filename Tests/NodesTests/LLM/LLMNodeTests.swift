import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("llm")
struct LLMNodeTests {
  let bench = Bench()
  let llm = LLMNode()

  func task(
    _ stub: Stub, _ more: [(String, Field)] = [("prompt", "hello")], scope: Scope = Scope(),
    environment: [String: String] = [:]
  ) -> TaskContext {
    bench.task(
      "llm", [("model", "stub"), ("url", .literal(.string(stub.url)))] + more, scope: scope, environment: environment)
  }

  /// A model that says `answers` one after another.
  func saying(_ answers: String...) async throws -> Stub {
    try await Stub.ollama { count in .lines([Line.say(answers[min(count, answers.count - 1)]), Line.done()]) }
  }

  static let verdict: (String, Field) = (
    "format",
    .literal([
      "type": "object", "properties": ["ok": ["type": "boolean"]], "required": ["ok"], "additionalProperties": false,
    ])
  )

  @Test func `the answer is text, message, usage and seconds`() async throws {
    let stub = try await saying("hi")
    let result = try await llm.result(task(stub, [("system", "be brief"), ("prompt", "hello")]))
    #expect(result["text"] == "hi" && result["message"] == ["role": "assistant", "content": "hi"])
    #expect(result["usage"]?["prompt_tokens"] == 26 && result["seconds"]?.doubleValue != nil)
    #expect(result["json"] == nil && result["warnings"] == nil && result["finish"] == nil)
    #expect(
      stub.chats.first?["messages"] == [
        ["role": "system", "content": "be brief"], ["role": "user", "content": "hello"],
      ])
    #expect(bench.state.withLock { $0.printed.map(\.stream) } == [.token])
  }

  @Test func `a conversation is given as messages`() async throws {
    let stub = try await saying("hi")
    let messages = Field.literal([
      "hello", ["role": "assistant", "content": "yes?"], ["role": "user", "content": "go"],
    ])
    _ = try await llm.result(task(stub, [("messages", messages)]))
    #expect(
      stub.chats.first?["messages"]?.arrayValue?.compactMap { $0["role"]?.stringValue } == [
        "user", "assistant", "user",
      ])
  }

  @Test(
    arguments: [
      ([["content": "x"]], "messages[0]"), ([["role": "robot"]], "messages[0]"),
      ([["role": "user", "content": 1]], "content"), ([], "nothing to answer"),
      ([["role": "assistant", "content": "", "tool_calls": [["id": "a"]]]], "names no function"),
    ] as [(JSON, String)]) func `a message that is none is named`(messages: JSON, text: String) async throws
  {
    let failure = try await llm.failure(task(try await saying("hi"), [("messages", .literal(messages))]))
    #expect(failure.kind == .type && failure.message.contains(text), "\(failure.message)")
  }

  @Test(arguments: ["{\"ok\":true}", " {\"ok\": true}\n", "```json\n{\"ok\":true}\n```", "```\n{\"ok\":true}```"])
  func `an answer of the form asked for is json`(text: String) async throws {
    let stub = try await saying(text)
    let result = try await llm.result(task(stub, [("prompt", "ok?"), Self.verdict]))
    #expect(result["json"] == ["ok": true] && stub.chats.count == 1)
    #expect(stub.chats.first?["format"]?["required"] == ["ok"])
  }

  @Test func `one that is not is asked for once more, with what is wrong`() async throws {
    let stub = try await saying("Sure! {\"ok\":true}", "{\"ok\":true}")
    let result = try await llm.result(task(stub, [("prompt", "ok?"), Self.verdict]))
    #expect(result["json"] == ["ok": true] && result["usage"]?["prompt_tokens"] == 52)
    let again = stub.chats.last?["messages"]?.arrayValue
    #expect(again?.count == 3 && again?[1]["content"] == "Sure! {\"ok\":true}")
    #expect(again?[2]["content"]?.stringValue?.contains("no JSON") == true)
    #expect(bench.printed.contains("asking once more"))
  }

  @Test(arguments: [
    "{\"ok\":tr", "{\"ok\":true} and more", "{\"ok\":\"yes\"}", "{\"ok\":true,\"ok\":false}", "{}",
    "{\"ok\":true,\"__proto__\":{}}", "```json\n{\"ok\":true}\n```\nDone.", "null",
    String(repeating: "[", count: 120) + String(repeating: "]", count: 120),
  ]) func `one that never is fails, and nothing is made of it`(text: String) async throws {
    let stub = try await saying(text)
    let failure = try await llm.failure(task(stub, [("prompt", "ok?"), Self.verdict]))
    #expect(failure.kind == .parse && stub.chats.count == 2, "\(failure.message)")
    #expect(failure.result?["json"] == nil)
  }

  @Test func `calls may name only the tools there are, with arguments that fit`() async throws {
    let tools: (String, Field) = (
      "tools",
      .literal([
        [
          "name": "add", "description": "Adds.",
          "parameters": ["type": "object", "properties": ["a": ["type": "integer"]], "required": ["a"]],
        ]
      ])
    )
    let calls = [Line.call("nope", [:]), Line.call("add", [:]), Line.call("add", ["a": "x"]), Line.call("add", "{")]
    for call in calls {
      let stub = try await Stub.ollama { count in
        .lines([Line.done(message: Line.calls([count == 0 ? call : Line.call("add", ["a": "7"])]))])
      }
      let result = try await llm.result(task(stub, [("prompt", "1+6"), tools]))
      #expect(
        result["message"]?["tool_calls"]?.arrayValue?.first?["function"] == ["name": "add", "arguments": ["a": 7]])
      #expect(stub.chats.last?["messages"]?.arrayValue?.last?["role"] == "tool")
      let stubborn = try await Stub.ollama { _ in .lines([Line.done(message: Line.calls([call]))]) }
      let failure = try await llm.failure(task(stubborn, [("prompt", "1+6"), tools]))
      #expect(failure.kind == .model && stubborn.chats.count == 2, "\(failure.message)")
      #expect(failure.message.hasPrefix("stub: the model"), "\(failure.message)")
    }
  }

  @Test func `fields reach the model`() async throws {
    let stub = try await saying("hi")
    let headers = Field.map([
      "X-Trace": .literal("a"), "Authorization": .template(try Template(parsing: "Basic ${{ $secrets.PW }}")),
    ])
    _ = try await llm.result(
      task(
        stub,
        [
          ("prompt", "hello"), ("options", .literal(["seed": 1, "num_ctx": 512])), ("think", .literal(false)),
          ("keep-alive", .literal(0)), ("extra", .literal(["truncate": false])), ("headers", headers),
        ], scope: Scope(variables: ["secrets": ["PW": "geheim"]])))
    let body = try #require(stub.chats.first)
    #expect(body["options"] == ["seed": 1, "num_ctx": 512] && body["think"] == false && body["keep_alive"] == 0)
    #expect(body["truncate"] == false)
    let asked = try #require(stub.server.asked.last)
    #expect(asked.head.headers["x-trace"] == ["a"] && asked.head.headers["authorization"] == ["Basic geheim"])
  }

  @Test func `a key is read from the variable that api-key names`() async throws {
    let stub = try await saying("hi")
    let fields: [(String, Field)] = [("prompt", "hello"), ("api-key", "MY_KEY")]
    _ = try await llm.result(task(stub, fields, scope: Scope(variables: ["secrets": ["MY_KEY": "abcdef"]])))
    #expect(stub.server.asked.last?.head.headers["authorization"] == ["Bearer abcdef"])
    let failure = try await llm.failure(task(stub, fields))
    #expect(failure.kind == .type && failure.message.contains("MY_KEY is not set"))
  }

  @Test func `the user's own key goes only where the user's own server is`() async throws {
    let stub = try await saying("hi")
    let environment = ["OLLAMA_API_KEY": "abcdef", "OLLAMA_HOST": "gpu-box"]
    _ = try await llm.result(task(stub, environment: environment))
    #expect(stub.server.asked.allSatisfy { !$0.head.headers.contains(name: "authorization") })
    let own = ["OLLAMA_API_KEY": "abcdef", "OLLAMA_HOST": "127.0.0.1:\(stub.server.port)"]
    let task = bench.task("llm", [("model", "stub"), ("prompt", "hello")], environment: own)
    _ = try await llm.result(task)
    #expect(stub.server.asked.last?.head.headers["authorization"] == ["Bearer abcdef"])
  }

  @Test func `openai is found by OPENAI_BASE_URL, with its key`() async throws {
    let stub = try await Stub.openAI { _ in .events([OpenAITests.say("hi"), OpenAITests.stop, "[DONE]"]) }
    let environment = ["OPENAI_BASE_URL": stub.url, "OPENAI_API_KEY": "sk-abcdef"]
    let fields: [(String, Field)] = [("provider", "openai"), ("model", "m"), ("prompt", "hello")]
    let result = try await llm.result(bench.task("llm", fields, environment: environment))
    #expect(result["text"] == "hi")
    let asked = try #require(stub.server.asked.last)
    #expect(asked.head.uri == "/v1/chat/completions" && asked.head.headers["authorization"] == ["Bearer sk-abcdef"])
  }

  @Test func `an address that an expression gives may not be private`() async throws {
    let stub = try await saying("hi")
    let scope = Scope(state: ["url": .string(stub.url)])
    let fields: [(String, Field)] = [
      ("model", "stub"), ("prompt", "hello"), ("url", .expression(try Expression(".url"))),
    ]
    #expect(try await llm.failure(bench.task("llm", fields, scope: scope)).kind == .refused)
    let allowed = fields + [("private", .literal(true))]
    #expect(try await llm.result(bench.task("llm", allowed, scope: scope))["text"] == "hi")
  }

  @Test(
    arguments: [
      ("provider", "nope"), ("url", "ftp://x"), ("url", "http://u:p@x"), ("options", "x"), ("prompt", ""),
      ("model", ""),
    ] as [(String, Field)]) func `a field that makes no sense is named`(key: String, value: Field) async throws
  {
    var fields: [(String, Field)] = [("model", "stub"), ("prompt", "hello")].filter { $0.0 != key }
    fields.append((key, value))
    let failure = try await llm.failure(bench.task("llm", fields))
    #expect((failure.kind == .type || failure.kind == .refused) && failure.message.hasPrefix(key), "\(failure.message)")
  }
}
