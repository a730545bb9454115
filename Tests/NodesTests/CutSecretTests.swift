import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import OrderedCollections
import Testing

@testable import GraphNodes

/// A server may repeat what it was sent, and its words are cut for messages: no half of a secret is left at a cut.
@Suite("Secrets at a cut")
struct CutSecretTests {
  /// Of its letters none stands in what else is said.
  private static let secret = "QXZQQXXZZQXZXQZQ"
  let bench = Bench(secrets: secret)

  /// Words of which `room` bytes come before a cut that goes through the secret.
  private static func words(_ room: Int) -> String {
    String(repeating: ".", count: room - 6) + secret + String(repeating: ".", count: 40)
  }

  /// The message is cut where it should be, and says nothing of the secret.
  private func expectNothing(in message: String, source: SourceLocation = #_sourceLocation) {
    #expect(message.contains("....") && message.contains("*"), "\(message.suffix(100))", sourceLocation: source)
    #expect(!message.contains { Self.secret.contains($0) }, "\(message.suffix(100))", sourceLocation: source)
  }

  // MARK: Web servers

  @Test func `the body of a bad status`() async throws {
    let server = try await WebServer { _ in .init(status: .badRequest, body: Self.words(300)) }
    let task = bench.task("http", [("url", .literal(.string(server.url("/"))))])
    expectNothing(in: try await HTTPNode().failure(task).message)
  }

  @Test func `where a redirect leads`() async throws {
    let server = try await WebServer { _ in
      .init(status: .found, headers: ["Location": "http://[\(Self.words(200 - 8))"])
    }
    let task = bench.task("http", [("url", .literal(.string(server.url("/"))))])
    expectNothing(in: try await HTTPNode().failure(task).message)
  }

  @Test func `what an expectation has seen`() async throws {
    let server = try await WebServer { _ in .init(body: Self.words(200 - 1)) }
    let task = bench.task(
      "verify",
      [
        ("http", .map(["url": .literal(.string(server.url("/")))])),
        ("that", .list([.map(["expect": .expression(try Expression("$result.body == \"\""))])])),
      ])
    expectNothing(in: try await VerifyNode().failure(task).message)
  }

  // MARK: Models

  private func failure(_ provider: String, _ answer: WebServer.Response, key: String? = nil) async throws -> String {
    let server = try await WebServer { $0.head.method == .POST ? answer : .init(status: .notFound) }
    let fields: [(String, Field)] = [
      ("provider", .literal(.string(provider))), ("model", "m"), ("prompt", "hello"),
      ("url", .literal(.string(server.url("")))),
    ]
    return try await LLMNode().failure(bench.task("llm", fields)).message
  }

  @Test(arguments: ["ollama", "openai"]) func `the error of a model server`(provider: String) async throws {
    expectNothing(in: try await failure(provider, .init(status: .badRequest, body: Self.words(500))))
    let error: JSON = ["error": ["message": .string(Self.words(500))]]
    expectNothing(in: try await failure(provider, .json(error, status: .badRequest)))
    expectNothing(
      in: try await failure(provider, .init(status: .found, headers: ["Location": Self.words(200)])))
  }

  @Test func `a refusal, and words that are no answer`() async throws {
    let refusal = OpenAITests.delta("{\"refusal\":\"\(Self.words(1000))\"}")
    expectNothing(in: try await failure("openai", .events([refusal, OpenAITests.stop, "[DONE]"])))
    let stray = WebServer.Response(headers: ["Content-Type": "text/event-stream"], body: Self.words(300) + "\n\n")
    expectNothing(in: try await failure("openai", stray))
  }

  @Test func `a key that is no secret of the graph`() async throws {
    let server = try await WebServer { _ in .init(status: .badRequest, body: Self.words(500)) }
    let environment = ["OPENAI_BASE_URL": server.url(""), "OPENAI_API_KEY": Self.secret]
    let fields: [(String, Field)] = [("provider", "openai"), ("model", "m"), ("prompt", "hello")]
    expectNothing(in: try await LLMNode().failure(Bench().task("llm", fields, environment: environment)).message)
  }

  @Test func `the tool that a model wants to call`() async throws {
    let call = Line.calls([Line.call(Self.words(100), [:])])
    let stub = try await Stub.ollama { _ in .lines([Line.done(message: call)]) }
    let tools: (String, Field) = ("tools", .literal([["name": "add"]]))
    let fields: [(String, Field)] = [
      ("model", "stub"), ("url", .literal(.string(stub.url))), ("prompt", "hello"), tools,
    ]
    expectNothing(in: try await LLMNode().failure(bench.task("llm", fields)).message)
  }

  // MARK: MCP servers

  /// How a call fails of a server that answers `tools/call` so.
  private func failure(
    status: Int = 200, headers: [MCPAddress.Header] = [], mask: SecretMask = SecretMask([secret]), _ message: JSON
  ) async throws -> String {
    try await TalkServer.run({ request, reply in
      guard request.rpc == "tools/call" else { return try await WebStub(era: .modern).answer(request, reply) }
      guard status == 200 else {
        return try await reply.send(message.stringValue ?? message.text, status, "text/plain")
      }
      var message = message.objectValue ?? [:]
      message["id"] = request.id
      try await reply.json(.object(message))
    }) { server in
      let servers = MCPServers(mask: mask)
      let session = try servers.session(server.configuration(headers: headers, era: .modern))
      let failure = try await session.failure("echo", ["text": ""])
      await servers.close()
      await server.connections.wait(until: .empty)
      return failure.message
    }
  }

  @Test func `the error of a call`() async throws {
    let error: JSON = ["error": ["code": -32000, "message": .string(Self.words(2048))]]
    expectNothing(in: try await failure(error))
  }

  @Test func `a type of result that there is not`() async throws {
    expectNothing(in: try await failure(["result": ["resultType": .string(Self.words(200 - 1))]]))
  }

  @Test(arguments: [300]) func `a refused request`(cut: Int) async throws {
    expectNothing(in: try await failure(status: 400, .string(Self.words(cut))))
    let header = MCPAddress.Header(name: "X-Key", value: "Bearer \(Self.secret)")
    expectNothing(in: try await failure(status: 400, headers: [header], mask: .none, .string(Self.words(cut))))
  }

  /// A server in Python that says `text` where `stream` is, and ends.
  private func lastWords(_ text: String, on stream: String) async throws -> String {
    let script = "import sys; sys.\(stream).write(sys.argv[1])"
    let command = MCPCommand(
      program: "python3", arguments: ["-c", script, text],
      environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""], folder: NSTemporaryDirectory())
    let servers = MCPServers(mask: SecretMask([Self.secret]))
    let session = try servers.session(
      MCPServerConfiguration(name: "own", endpoint: .process(command), startTimeout: .unhurried))
    let failure = try await session.failure("echo")
    await servers.close()
    return failure.message
  }

  @Test func `the last words of a server`() async throws {
    let end = String(repeating: ".", count: 2048 - 6)
    expectNothing(in: try await lastWords("***\n\(Self.secret)\(end)\n", on: "stderr") + "*")
  }

  @Test func `what a server prints that is no message`() async throws {
    expectNothing(in: try await lastWords(Self.words(200) + "\n", on: "stdout"))
  }

  @Test func `what a tool gives is masked as it comes, but not what goes back to the server`() throws {
    let tool = try MCPTool(["name": "t", "inputSchema": ["type": "object"]])
    let call = MCPCall(
      server: "s", tool: tool, arguments: [:], key: "k", answers: nil, mayAsk: true, mask: SecretMask([Self.secret]))
    let secret = JSON.string(Self.secret)
    guard case .result(let result) = try call.outcome(of: ["content": [["type": "text", "text": secret]]]) else {
      throw UnexpectedResult()
    }
    #expect(result.text == "***")
    let asked = try call.outcome(of: ["resultType": "input_required", "requestState": secret])
    #expect(asked == .inputRequired([], state: secret))
  }
}
