import Foundation
import Graph
import Testing

/// What a person is shown and asked before what others wrote, or changed, is started.
@Suite("Consent", .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/cmdline")))
struct ConsentTests {
  /// A thread with a server, stopped before that is needed, and exported.
  static func exported(_ tool: Tool) async throws -> String {
    try tool.write(
      ServerTests.graph(tool: "add", arguments: "{ a: 1, b: 2 }", more: "    when: true\n"), to: "serve.graph")
    #expect(try await tool("run", "serve", "--thread", "t", "--break-before", "call").code == 0)
    return try await tool("export", "t").output
  }

  @Test func `an imported thread shows what it runs, and asks once before it starts a server`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(try await Self.exported(tool), to: "t.jsonl")
    let taken = try await tool("import", "t.jsonl", "--thread", "u")
    #expect(taken.code == 0 && taken.output.contains("server stub\n    command: python3\n"), "\(taken.output)")
    #expect(taken.output.contains("call (mcp)\n    server: stub\n    tool: add\n"), "\(taken.output)")
    let asked = try await tool("resume", "u", "--yes", "--json")
    #expect(asked.code == 3, "\(asked.output)\(asked.error)")
    let question = try asked.lines().last?["interrupts"]?[0]
    let prompt = question?["prompt"]?.stringValue ?? ""
    let start = "This thread came from a file. Its server stub is:\n  [\"python3\",\"\(ServerTests.stub)\""
    #expect(prompt.hasPrefix(start), "\(prompt)")
    #expect(tool.read("pids") == "", "nothing was started")
    #expect(try await tool("resume", "u", "--answer", "true").code == 0)
    #expect(tool.read("pids") != "")
    let refused = try await tool("import", "t.jsonl", "--thread", "v")
    #expect(refused.code == 0)
    #expect(try await tool("resume", "v", "--json").code == 3)
    let ended = try await tool("resume", "v", "--answer", "false", "--json")
    #expect(ended.code == 1 && ended.output.contains("\"refused\""), "\(ended.output)")
  }

  @Test func `consent cannot be brought along, and a fork needs it as well`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    try tool.write(try await Self.exported(tool), to: "t.jsonl")
    #expect(try await tool("import", "t.jsonl", "--thread", "u").code == 0)
    #expect(try await tool("resume", "u", "--answer", "x").code == 2)
    let fork = try await tool("fork", "u@1", "--thread", "w")
    #expect(fork.code == 0, "\(fork.error)")
    #expect(try await tool("resume", "w").code == 3)
    #expect(try await tool("resume", "u").code == 3)
    #expect(try await tool("resume", "u", "--answer", "true").code == 0)
    #expect(try await !tool("export", "u").output.contains("agreed"))
    #expect(tool.read("pids").split(separator: "\n").count == 1)
  }

  @Test func `a server file that changed is shown before its server is started again`() async throws {
    let tool = try Tool([
      "twice.graph": """
      graph: twice
      start: one
      nodes:
        one: { mcp: { server: stub, tool: add, arguments: { a: 1, b: 2 } }, next: two }
        two: { mcp: { server: stub, tool: add, arguments: { a: 1, b: 2 } } }
      """
    ])
    defer { tool.remove() }
    func describe(_ more: String) throws {
      let entry = #"{"command": "python3", "args": ["\#(ServerTests.stub)", "--pids", "\#(more)"]}"#
      try tool.write(#"{"mcpServers": {"stub": \#(entry)}}"#, to: "mcp.json")
    }
    try describe("first")
    #expect(try await tool("run", "twice", "--thread", "t", "--break-before", "two").code == 0)
    try describe("second")
    let asked = try await tool("resume", "t", "--json")
    let prompt = try asked.lines().last?["interrupts"]?[0]?["prompt"]?.stringValue ?? ""
    #expect(asked.code == 3 && prompt.contains("has changed since this thread first used it"), "\(asked.output)")
    #expect(prompt.contains("\"first\"]") && prompt.contains("\"second\"]"))
    #expect(tool.read("second") == "")
    #expect(try await tool("resume", "t", "--answer", "true").code == 0)
  }

  @Test func `an edited graph says what its servers were and are`() async throws {
    let tool = try Tool()
    defer { tool.remove() }
    _ = try await Self.exported(tool)
    try tool.write(tool.read("serve.graph").replacing("--pids, pids", with: "--pids, others"), to: "serve.graph")
    let resumed = try await tool("resume", "t")
    #expect(resumed.code == 0)
    #expect(resumed.error.contains("server stub: {\"command\":\"python3\""), "\(resumed.error)")
    #expect(resumed.error.contains("\"pids\"]") && resumed.error.contains("\"others\"]"), "\(resumed.error)")
  }

  @Test func `an answer given once more is no change, also when its super-step has ended`() async throws {
    let tool = try Tool([
      "ask.graph": """
      graph: ask
      state: { a: {}, b: {} }
      start: one
      nodes:
        one: { ask: { prompt: first? }, save: a, next: two }
        two: { ask: { prompt: second? }, save: b }
      """
    ])
    defer { tool.remove() }
    func ask(_ arguments: String...) async throws -> (code: Int?, ids: [String], error: String) {
      let outcome = try await tool.call(arguments + ["--json"])
      let ids = try outcome.lines().last?["interrupts"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
      return (outcome.code, ids, outcome.error)
    }
    let first = try #require(try await ask("run", "ask", "--thread", "t").ids.first)
    let second = try #require(try await ask("resume", "t", "--answer", "\(first)=x").ids.first)
    let again = try await ask("resume", "t", "--answer", "\(first)=x")
    #expect(again.code == 3 && again.ids == [second])
    let other = try await ask("resume", "t", "--answer", "\(first)=y")
    #expect(other.code == 2 && other.error.contains("is answered already, differently"))
    #expect(try await ask("resume", "t", "--answer", "\(second)=z").code == 0)
    #expect(try await ask("resume", "t", "--answer", "\(second)=z").code == 0)
    #expect(try await ask("resume", "t", "--answer", "\(second)=x").code == 2)
    #expect(try await ask("resume", "t", "--answer", "qaaaaaaaaa=x").code == 2)
    let shown = try await tool("show", "t", "--json").lines().first?["values"]
    #expect(shown == ["a": "x", "b": "z"])
  }

  @Test func `a result is kept for the folder it was made in`() async throws {
    let text = """
      graph: who
      state: { out: {} }
      start: look
      nodes: { look: { shell: cat name, cache: true, save: { out: $result.stdout } } }
      """
    let tool = try Tool(["a/who.graph": text, "a/name": "anna", "b/who.graph": text, "b/name": "bert"])
    defer { tool.remove() }
    for (folder, name) in [("a", "anna"), ("b", "bert"), ("a", "anna")] {
      let end = try await tool("run", "\(folder)/who.graph", "--json").lines().last
      #expect(end?["values"]?["out"] == .string(name))
    }
  }
}
