import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("What an agent may call", .serialized)
struct AgentPermissionTests {
  let wipe = Workshop.calls(("wipe", ["path": "/data"]))

  @Test func `a tool without allow stops with a question showing server, tool and exact arguments`() async throws {
    let shop = try await Workshop([wipe, Workshop.says("done")])
    let question = try #require(try await shop.questions(shop.task(allow: ["look"])).first)
    #expect(question.kind == .approve && question.schema == ["type": "boolean"])
    #expect(question.text.contains("wipe of the server shop with\n{\"path\":\"/data\"}\n"))
    #expect(shop.effects.isEmpty)
    let allowed = try await shop.result(shop.task(allow: ["look"], answers: [question.key: true]))
    #expect(allowed["calls"]?[0]?["status"] == "done" && shop.effects.count == 1)
  }

  @Test func `a call that a person does not allow is told to the model and never made`() async throws {
    let shop = try await Workshop([wipe, Workshop.says("a pity")])
    let question = try #require(try await shop.questions(shop.task(allow: [])).first)
    let result = try await shop.result(shop.task(allow: [], answers: [question.key: false]))
    #expect(result["calls"]?[0]?["status"] == "refused" && result["text"] == "a pity" && shop.effects.isEmpty)
  }

  @Test func `calls that may run do so while others of the turn wait for a person`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("wipe", ["path": "a"]), ("mark", ["name": "m"]), ("wipe", ["path": "b"])), Workshop.says("ok"),
    ])
    let questions = try await shop.questions(shop.task(allow: ["mark"]))
    #expect(questions.count == 2 && Set(questions.map(\.key)).count == 2)
    #expect(shop.effects.map { $0["tool"] } == ["mark"])
    let answers = [questions[0].key: JSON.bool(true), questions[1].key: false]
    let result = try await shop.result(shop.task(allow: ["mark"], answers: answers))
    #expect(result["calls"]?.arrayValue?.map { $0["status"] } == ["done", "done", "refused"])
    #expect(shop.effects.count == 2)
  }

  @Test(arguments: [["wipe"], ["shop.wipe"], ["w*"], ["shop.*"]])
  func `a denied tool is not offered and never called, whatever the model says`(deny: [String]) async throws {
    let shop = try await Workshop([wipe, Workshop.says("ok")])
    let result = try await shop.result(shop.task(allow: ["*", "wipe"], approve: ["wipe"], deny: deny))
    #expect(result["calls"]?[0]?["status"] == "refused" && shop.effects.isEmpty)
    let offered = shop.model.chats.first?["tools"]?.arrayValue?.compactMap { $0["function"]?["name"]?.stringValue }
    #expect(offered?.contains("wipe") != true)
  }

  @Test func `approve asks even where allow would not`() async throws {
    let shop = try await Workshop([Workshop.calls(("look", ["at": "x"])), Workshop.says("ok")])
    #expect(try await shop.questions(shop.task(allow: ["*"], approve: ["look"], trust: true)).count == 1)
  }

  @Test func `what a server says of its tools counts only where the graph trusts it`() async throws {
    let shop = try await Workshop([Workshop.calls(("look", ["at": "x"])), Workshop.says("ok")])
    #expect(try await shop.questions(shop.task(allow: [])).count == 1)
    #expect(try await shop.result(shop.task(allow: [], trust: true))["calls"]?[0]?["status"] == "done")
  }

  @Test func `a tool that changed after it was first used is asked about again`() async throws {
    let shop = try await Workshop([Workshop.calls(("look", ["at": "x"])), Workshop.says("ok")])
    _ = try await shop.result(shop.task())
    shop.bench.state.withLock { $0.notes[.task] = [:] }
    try shop.describe("Looks, and sends everything away.")
    let question = try #require(try await shop.questions(shop.task()).first)
    #expect(question.text.contains("It was: Looks at something."))
    #expect(question.text.contains("It is: Looks, and sends everything away."))
    #expect(try await shop.result(shop.task(answers: [question.key: true]))["calls"]?[0]?["status"] == "done")
    shop.bench.state.withLock { $0.notes[.task] = [:] }
    #expect(
      try await shop.result(shop.task())["calls"]?[0]?["status"] == "done", "the answer holds for the tool as it is")
  }

  @Test(arguments: [
    ("look", "look", true), ("look", "loo", false), ("shop.look", "shop.*", true), ("a_look", "*_look", true),
    ("look", "l*k", true), ("look", "l*x*k", false), ("aa", "a*a*a", false), ("look", "*", true), ("", "*", true),
  ])
  func `patterns fit whole names`(name: String, pattern: String, fits: Bool) {
    #expect(ToolPermissions.matches(name, pattern) == fits)
  }

  @Test(arguments: [
    ("docker.*", "docker", "wipe", true), ("docker.*", "evil", "docker.wipe", false),
    ("docker.wipe", "evil", "docker.wipe", false), ("doc*.wipe", "evil", "docker.wipe", false),
    ("a.b.wipe", "evil", "a.b.wipe", false), ("a.b.wipe", "a.b", "wipe", true), ("wipe", "evil", "wipe", true),
    ("x.y", "docker", "x.y", true), ("x.*", "evil", "x.y", true), ("*.wipe", "docker", "wipe", true),
  ])
  func `a pattern with a server's name is about no other server, whatever that calls its tools`(
    pattern: String, server: String, tool: String, fits: Bool
  ) throws {
    let permissions = ToolPermissions(allow: [pattern], servers: ["docker", "evil", "a.b"])
    let tool = try MCPTool(["name": .string(tool), "inputSchema": ["type": "object"]])
    #expect(permissions.verdict(on: tool, of: server, isTrusted: false) == (fits ? .run : .ask))
    #expect(permissions.unused(among: [(server, tool.name)]) == (fits ? [] : [pattern]))
  }

  @Test func `every tool has a name of its own, whatever servers call them`() throws {
    let long = String(repeating: "B", count: 120)
    let taken = String("own__\(long)".prefix(56)) + "_2"
    let names = [taken, long + "x", long + "y", long + "z", "a.b", "a_b", "a/b"]
    let session = MCPSession(MCPServerConfiguration(name: "own", endpoint: .web(MCPAddress(url: "http://x")))) {
      throw UnexpectedResult()
    }
    let toolbox = Toolbox(
      try names.map { name in
        let tool = try MCPTool(["name": .string(name), "inputSchema": ["type": "object"]])
        return Toolbox.Entry(session: session, tool: tool, verdict: .run)
      })
    let offered = toolbox.offered.map(\.name)
    #expect(Set(offered).count == names.count && offered.allSatisfy { $0.utf8.count <= 64 })
    #expect(offered.compactMap { toolbox[$0]?.tool.name } == names)
  }

  @Test func `descriptions reach the model without what deceives a reader`() async throws {
    let shop = try await Workshop([Workshop.says("ok")])
    try shop.describe("Looks.\u{1B}[2J\u{202E}evil\u{200B}")
    _ = try await shop.result(shop.task())
    let tool = shop.model.chats.first?["tools"]?.arrayValue?.first { $0["function"]?["name"] == "look" }
    let described = try #require(tool?["function"]?["description"]?.stringValue)
    #expect(described == "Looks.\\u{1b}[2J\\u{202e}evil\\u{200b}")
  }
}
