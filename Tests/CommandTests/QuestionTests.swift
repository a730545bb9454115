import Graph
import GraphRuntime
import Testing

@testable import graphrun

@Suite("Questions on a terminal")
struct QuestionTests {
  private static let graph = """
    graph: asks
    state: { way: {}, sure: {}, size: {} }
    start: way
    nodes:
      way: { ask: { prompt: Which way?, choices: [left, right] }, save: way, next: sure }
      sure: { ask: { prompt: Sure?, answer: { type: boolean } }, save: sure, next: size }
      size:
        ask:
          prompt: How large?
          answer: { type: object, required: [w], properties: { w: { type: integer, minimum: 1 } } }
        save: size
    """

  @Test(.timeLimit(.minutes(1))) func `a choice and yes or no take one key, JSON is asked for until it fits`()
    async throws
  {
    let tool = try Tool(["asks.graph": Self.graph])
    defer { tool.remove() }
    let code = try await tool.onTerminal("asks", "--thread", "t") { terminal in
      try await terminal.shows("1-2 > ")
      terminal.press("2")
      try await terminal.shows("y/n > ")
      terminal.press("yes\n")
      try await terminal.shows("JSON object > ")
      terminal.press("{\"w\": 0}\n")
      try await terminal.shows("at least 1")
      terminal.press("{\"w\": 3,\n")
      try await terminal.shows("…> ")
      terminal.press("\"h\": 4}\n")
      try await terminal.shows("done: thread t")
    }
    #expect(code == 0)
    let values = try await tool("show", "t", "--json").lines().first?["values"]
    #expect(values == ["way": "right", "sure": true, "size": ["w": 3, "h": 4]])
  }

  @Test(.timeLimit(.minutes(1)))
  func `a text may be typed instead of its key, mended while it is typed, and left open`() async throws {
    let tool = try Tool(["asks.graph": Self.graph])
    defer { tool.remove() }
    let code = try await tool.onTerminal("asks", "--thread", "t") { terminal in
      try await terminal.shows("1-2 > ")
      terminal.press("up\n")
      try await terminal.shows("not one of them")
      terminal.press("lex\u{7F}ft\n")
      try await terminal.shows("y/n > ")
      terminal.press("\u{4}")
      try await terminal.shows("waiting: thread t needs 1 answer")
    }
    #expect(code == 3)
    #expect(try await tool("show", "t", "--json").lines().first?["values"]?["way"] == "left")
  }

  @Test func `what the cache has is not run, so nobody is asked to approve it`() async throws {
    let tool = try Tool([
      "costly.graph": """
      graph: costly
      start: count
      nodes:
        count: { approve: Count them?, cache: true, effects: repeatable, shell: echo once >> ran }
      """
    ])
    defer { tool.remove() }
    #expect(try await tool("run", "costly", "--thread", "first").code == 3)
    #expect(try await tool("resume", "first", "--answer", "true").code == 0)
    let second = try await tool("run", "costly", "--thread", "second")
    #expect(second.code == 0 && second.output.contains("count: cached in"), "\(second.output)")
    #expect(tool.read("ran") == "once\n")
  }

  private func question(choices: [JSON]? = nil, schema: JSON? = nil) -> TypedAnswer {
    TypedAnswer(Question(id: "q", kind: .ask, prompt: "?", choices: choices, schema: schema))
  }

  @Test func `digits are keys unless a choice begins with one, or there are too many`() {
    #expect(question(choices: ["a", "b"]).keys == ["1": "a", "2": "b"])
    #expect(question(choices: ["a", "2 more"]).keys.isEmpty)
    #expect(question(choices: (0..<10).map { .string("c\($0)") }).keys.isEmpty)
    #expect(question(schema: ["enum": ["x", "y"]]).keys == ["1": "x", "2": "y"])
    #expect(question(schema: ["type": "boolean"]).keys["n"] == false)
  }

  @Test func `what does not fit is told with what is wrong`() {
    let object = question(schema: ["type": "object"])
    guard case .failure(let why) = object.read("{\"a\" 1}") else {
      Issue.record("read")
      return
    }
    #expect(why.description.hasPrefix("not JSON, at character "))
    #expect(TypedAnswer.isOpen("{\"a\": \"}\"") && !TypedAnswer.isOpen("{\"a\": 1}") && !TypedAnswer.isOpen("text {"))
    guard case .success(let text) = question(schema: ["type": "string"]).read(" 42 ") else {
      Issue.record("refused")
      return
    }
    #expect(text == "42")
  }
}
