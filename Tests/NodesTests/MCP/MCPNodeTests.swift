import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("The mcp node")
struct MCPNodeTests {
  let bench = Bench()
  let node = MCPNode()

  func servers(_ stub: StubServer = StubServer(), trust: Bool = false) -> OrderedDictionary<String, Field> {
    let entry: OrderedDictionary<String, Field> = [
      "command": "python3", "args": .list(stub.arguments.map { .literal(.string($0)) }),
      "trust": .literal(.bool(trust)),
      "env": .map(["STUB": .literal(.string(stub.mark))]),
    ]
    return ["stub": .map(entry)]
  }

  func task(
    _ tool: String, _ arguments: JSON = [:], servers: OrderedDictionary<String, Field>? = nil,
    answers: [String: JSON] = [:], folder: String = NSTemporaryDirectory()
  ) -> TaskContext {
    bench.task(
      "mcp",
      [("server", "stub"), ("tool", .literal(.string(tool))), ("arguments", .literal(arguments))],
      answers: answers, servers: servers ?? self.servers(), folder: folder)
  }

  @Test func `the result is text, content and the value`() async throws {
    let result = try await node.result(task("add", ["a": 1, "b": 2]))
    #expect(result == ["text": #"{"result":3}"#, "content": [], "structured": ["result": 3]])
    await bench.resources.close()
  }

  @Test func `a tool's own error fails the task, with the cause from standard error`() async throws {
    let failure = try await node.failure(task("fail"))
    #expect(failure.kind == .tool && !failure.isInDoubt)
    #expect(failure.message.contains("Error executing tool fail") && failure.message.contains("no such container"))
    await bench.resources.close()
  }

  @Test func `the task's key is the call's, and servers carry the run's marks`() async throws {
    #expect(try await node.result(task("key"))["text"] == .string(bench.key))
    let environment = try await node.result(task("env"))["structured"]
    #expect(environment?["GRAPHRUN_RUN"] == .string("boot.thread.\(bench.key)"))
    #expect(environment?["GRAPHRUN_IDEMPOTENCY_KEY"] == nil)
    await bench.resources.close()
  }

  @Test func `a question of the tool is a question of the task, and it goes on with the answer`() async throws {
    guard case .ask(let prompts) = try await node.run(task("ask", ["subject": "tea"])) else { throw UnexpectedResult() }
    #expect(
      prompts.map(\.text) == [
        "The tool ask of the server stub asks: Who?\n(the answer is {name: string}; null declines)"
      ])
    #expect(prompts.map(\.key) == ["input 1 who"])
    let schema = try JSONSchema(try #require(prompts.first?.schema))
    #expect(schema.violations(of: .null).isEmpty && schema.violations(of: ["name": "Ada"]).isEmpty)
    #expect(schema.violations(of: [:]).map(\.description).first?.contains("\"name\" is missing") == true)
    let answered = task("ask", ["subject": "tea"], answers: ["input 1 who": ["name": "Ada"]])
    let accepted: JSON = ["tea", ["action": "accept", "content": ["name": "Ada"]], "s1"]
    #expect(try await node.result(answered)["structured"] == accepted)
    bench.state.withLock { $0.notes[.task] = [:] }
    _ = try await node.run(task("ask", ["subject": "tea"]))
    let declined = try await node.result(task("ask", ["subject": "tea"], answers: ["input 1 who": .null]))
    #expect(declined["structured"] == ["tea", ["action": "decline"], "s1"])
    await bench.resources.close()
  }

  @Test func `a call that failed after an answer begins anew, and what is asked then is a question of its own`()
    async throws
  {
    let stub = servers(StubServer("stale"))
    func keys(_ answers: [String: JSON] = [:]) async throws -> [String] {
      let result = try await node.run(task("ask", ["subject": "tea"], servers: stub, answers: answers))
      guard case .ask(let prompts) = result else { throw UnexpectedResult() }
      return prompts.map(\.key)
    }
    #expect(try await keys() == ["input 1 who"])
    var answers: [String: JSON] = ["input 1 who": ["name": "Ada"]]
    let failure = try await node.failure(task("ask", ["subject": "tea"], servers: stub, answers: answers))
    #expect(failure.kind == .tool && failure.message.contains("the state expired"))
    #expect(try await keys(answers) == ["input 2 who"])
    answers["input 2 who"] = ["name": "Eve"]
    let result = try await node.result(task("ask", ["subject": "tea"], servers: stub, answers: answers))
    #expect(result["structured"] == ["tea", ["action": "accept", "content": ["name": "Eve"]], "s1"])
    await bench.resources.close()
  }

  @Test func `a tool that wants to be asked again too often may be called again`() async throws {
    let stub = servers(StubServer("again"))
    let failure = try await node.failure(task("ask", ["subject": "tea"], servers: stub))
    #expect(failure.kind == .limit && failure.message.contains("more than 5 times"))
    guard case .ask(let prompts) = try await node.run(task("ask", ["subject": "tea"], servers: stub)) else {
      throw UnexpectedResult()
    }
    #expect(prompts.map(\.key) == ["input 1 who"])
    await bench.resources.close()
  }

  @Test func `a call that its node cuts off says whose answer is missing`() async throws {
    let (node, task) = (node, task("hold"))
    let call = Task { try await node.failure(task) }
    await bench.waitUntilPrinted("holding")
    call.cancel()
    let failure = try await call.value
    #expect(failure.kind == .timeout && failure.isInDoubt)
    #expect(failure.message == "stub had not answered the call of hold")
    await bench.resources.close()
  }

  @Test(arguments: ["news", "turncoat"])
  func `a tool that changed since the thread knows it is asked about first`(fault: String) async throws {
    let stub = servers(StubServer(fault))
    _ = try await node.result(task("echo", ["text": "1"], servers: stub))
    guard case .ask(let prompts) = try await node.run(task("echo", ["text": "2"], servers: stub)) else {
      throw UnexpectedResult()
    }
    let key = try #require(prompts.first).key
    #expect(prompts[0].text.contains("It was: Does echo.\nIt is: Changed."))
    let refused = task("echo", ["text": "2"], servers: stub, answers: [key: false])
    #expect(try await node.failure(refused).kind == .refused)
    let accepted = task("echo", ["text": "2"], servers: stub, answers: [key: true])
    #expect(try await node.result(accepted)["text"] == "2")
    #expect(try await node.result(task("echo", ["text": "3"], servers: stub))["text"] == "3")
    await bench.resources.close()
  }

  @Test(arguments: [
    ("echo", true, EffectClass.repeatable), ("add", true, .repeatable), ("key", true, .once), ("echo", false, .once),
  ]) func `only a trusted server says what may be repeated`(
    tool: String, trust: Bool, expected: EffectClass
  ) async throws {
    #expect(try await node.effectClass(of: task(tool, servers: servers(trust: trust))) == expected)
    await bench.resources.close()
  }

  @Test func `a server of mcp json beside the graph is found, its variables filled in`() async throws {
    let scratch = try Scratch()
    let text = """
      { // servers
        "mcpServers": {
          "stub": { "command": "python3", "args": ["${STUB_PATH}", "--era", "${ERA:-legacy}",],
                    "env": {"STUB": "${env:STUB_MARK}", "HERE": "${workspaceFolder}"} },
          "unset": { "command": "python3", "env": {"A": "${NOT_SET_ANYWHERE}"} },
        },
      }
      """
    try text.write(toFile: scratch.path + "/mcp.json", atomically: true, encoding: .utf8)
    let given = ["STUB_PATH": StubServer.path, "STUB_MARK": "found"]
    let fields: [(String, Field)] = [("server", "stub"), ("tool", "env")]
    let task = bench.task("mcp", fields, folder: scratch.path, environment: given)
    let environment = try await node.result(task)["structured"]
    #expect(environment?["STUB"] == "found" && environment?["HERE"] == .string(scratch.path))
    #expect(environment?["STUB_PATH"] == nil)
    let unset = bench.task("mcp", [("server", "unset"), ("tool", "env")], folder: scratch.path)
    let message = try await node.failure(unset).message
    #expect(message.contains("\"unset\" env.A: the variable NOT_SET_ANYWHERE is not set"))
    await bench.resources.close()
  }

  @Test func `a server nobody described is named`() async throws {
    let failure = try await node.failure(task("echo", servers: [:], folder: "/nonexistent"))
    #expect(failure.message == "the server stub: is neither under servers nor in mcp.json beside the graph")
  }

  // MARK: verify

  func probe(
    _ tool: String, _ more: OrderedDictionary<String, Field> = [:], expect: String,
    servers: OrderedDictionary<String, Field>? = nil, answers: [String: JSON] = [:]
  ) throws -> TaskContext {
    let fields: OrderedDictionary<String, Field> = ["server": "stub", "tool": .literal(.string(tool))]
    let that: Field = .list([.map(["expect": .expression(try Expression(expect))])])
    return bench.task(
      "verify", [("mcp", .map(fields.merging(more) { $1 })), ("that", that)], answers: answers,
      servers: servers ?? self.servers())
  }

  @Test(arguments: [[:], ["repeatable": .literal(true)]] as [OrderedDictionary<String, Field>])
  func `a probe asks first, too, where a tool changed since the thread knows it`(
    more: OrderedDictionary<String, Field>
  ) async throws {
    let stub = servers(StubServer("turncoat"))
    let fields = more.merging(["arguments": .map(["text": "hi"])]) { $1 }
    func look(_ answers: [String: JSON] = [:]) throws -> TaskContext {
      try probe("echo", fields, expect: "$result.text == \"hi\"", servers: stub, answers: answers)
    }
    _ = try await VerifyNode().result(look())
    guard case .ask(let prompts) = try await VerifyNode().run(look()) else { throw UnexpectedResult() }
    let key = try #require(prompts.first).key
    #expect(prompts[0].text.contains("It was: Does echo.\nIt is: Changed."))
    #expect(try await VerifyNode().failure(look([key: false])).kind == .refused)
    #expect(try await VerifyNode().result(look([key: true]))["text"] == "hi")
    #expect(try await VerifyNode().result(look())["text"] == "hi", "the answer holds")
    await bench.resources.close()
  }

  @Test func `a probe sees what a tool that only reads gives`() async throws {
    let arguments: Field = .map(["text": "hi"])
    let evidence = try await VerifyNode().result(
      try probe("echo", ["arguments": arguments], expect: "$result.text == \"hi\""))
    #expect(evidence["text"] == "hi")
    await bench.resources.close()
  }

  @Test func `a probe does not call what may have an effect, unless the graph says it may`() async throws {
    let failure = try await VerifyNode().failure(try probe("nothing", expect: "true"))
    #expect(failure.kind == .refused && failure.message.contains("mcp.tool: stub does not say that nothing only reads"))
    let allowed = try probe("fail", ["repeatable": .literal(true)], expect: "$result.error.kind == \"tool\"")
    #expect(
      try await VerifyNode().result(allowed)["error"]?["message"]?.stringValue?.contains("no such container") == true)
    await bench.resources.close()
  }
}
