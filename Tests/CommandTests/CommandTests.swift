import Foundation
import Graph
import Testing

/// A call and what must come of it.
struct Call: Sendable, CustomTestStringConvertible {
  var arguments: [String]
  var code: Int
  var output: String?
  var error: String?

  init(_ arguments: String, _ code: Int, output: String? = nil, error: String? = nil) {
    self.arguments = arguments.split(separator: " ").map(String.init)
    self.code = code
    self.output = output
    self.error = error
  }

  var testDescription: String { arguments.joined(separator: " ") }
}

@Suite("Commands")
struct CommandTests {
  static let files = [
    "graphs/hello.graph": """
    graph: hello
    inputs:
      name: { type: string, default: world }
    state:
      greeting: { type: string }
    outputs: { greeting: .greeting }
    start: greet
    nodes:
      greet:
        set: { greeting: '"hello " + .name' }
    """,
    "say.graph": """
    graph: say
    start: talk
    nodes:
      talk: { shell: 'echo one; printf "\\033]0;title\\007two\\n"; echo three >&2' }
    """,
    "fails.graph": """
    graph: fails
    start: bad
    nodes:
      bad: { shell: 'echo about to fail; exit 7' }
    """,
    "ask.graph": """
    graph: ask
    state: { ok: {} }
    start: question
    nodes:
      question:
        ask: { prompt: "Go on?", answer: { type: boolean } }
        save: ok
    """,
    "broken.graph": """
    graph: broken
    start: a
    nodes:
      a: { set: { x: 1 }, next: b }
    """,
  ]

  @Test(arguments: [
    Call("--help", 0, output: "durable state graphs"), Call("--version", 0, output: "0.1.0"),
    Call("run --help", 0, output: "--durability"), Call("nonsense", 2, error: "no graph \"nonsense\""),
    Call("run", 2), Call("run hello --frob", 2, error: "--frob"), Call("run hello --max-steps 0", 2),
    Call("hello", 0, output: "greeting: hello world"), Call("hello.graph --quiet", 0),
    Call("run graphs/hello --input name=bees", 0, output: "hello bees"),
    Call("run hello --input nam=bees", 2, error: "no input \"nam\""),
    Call("run hello --input name=12345678901234567890", 2, error: "does not fit 64 bits"),
    Call("run hello --input name", 2), Call("run hello --thread ../x", 2),
    Call("fails", 1, error: "graphrun resume fails-"),
    Call("ask", 3, output: "--answer q"), Call("broken", 2, error: "broken.graph:4:"), Call("validate broken.graph", 2),
    Call("validate hello say", 0, output: "ok"), Call("validate hello --json", 0, output: "\"ok\":true"),
    Call("draw hello", 0), Call("draw hello --format mermaid", 0, output: "greet"),
    Call("draw hello --format dot", 0, output: "digraph"), Call("schema", 0, output: "$schema"),
    Call("threads", 0), Call("threads --json", 0), Call("show nobody", 2), Call("resume", 2), Call("--json threads", 0),
    Call("--generate-completion-script bash", 0, output: "graphrun"),
  ])
  func `end as they should`(call: Call) async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool.call(call.arguments)
    #expect(outcome.code == call.code, "\(outcome.output)\(outcome.error)")
    if let output = call.output { #expect(outcome.output.contains(output), "\(outcome.output)") }
    if let error = call.error { #expect(outcome.error.contains(error), "\(outcome.error)") }
    #expect(!outcome.output.contains("\u{1B}") && !outcome.error.contains("\u{1B}"))
  }

  @Test func `what a task printed is shown with its name, and nothing in it is obeyed`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool("say", "--thread", "t")
    #expect(outcome.output.contains("talk | one\n"))
    #expect(outcome.output.contains("talk | \\e]0;title\\x07two\n"))
    let log = try await tool("log", "t")
    #expect(log.output.contains("  one\n") && log.output.contains("  three\n") && !log.output.contains("\u{1B}"))
    let lines = try await tool("log", "t", "--json").lines()
    #expect(lines.allSatisfy { $0["node"] == "talk" && $0["step"] == 1 })
  }

  @Test func `events are JSON lines from run-start to run-end`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let events = try await tool("say", "--json").lines()
    #expect(events.first?["event"] == "run-start")
    #expect(events.last?["event"] == "run-end" && events.last?["status"] == "done")
    #expect(events.allSatisfy { $0["thread"] == events.first?["thread"] && $0["time"] != nil })
  }

  @Test func `a question waits, refuses what does not fit, and takes its answer`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let asked = try await tool("run", "ask", "--thread", "t", "--json")
    #expect(asked.code == 3)
    let id = try #require(try asked.lines().last?["interrupts"]?[0]?["id"]?.stringValue)
    let refused = try await tool("resume", "t", "--answer", "maybe")
    #expect(refused.code == 2 && refused.error.contains("does not fit"))
    #expect(try await tool("resume").code == 3)
    #expect(try await tool("run", "ask", "--thread", "t").code == 2)
    #expect(try await tool("resume", "--answer", "\(id)=false").code == 0)
    #expect(try await tool("show", "t", "--json").lines().first?["values"]?["ok"] == false)
    #expect(try await tool("resume", "t").code == 0)
  }

  @Test func `a failed run goes on with the edited file, and says what differs`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "fails", "--thread", "t").code == 1)
    try tool.write("graph: fails\nstart: bad\nnodes: {", to: "fails.graph")
    let invalid = try await tool("resume", "t")
    #expect(invalid.code == 2 && invalid.error.contains("--original"))
    try tool.write(try #require(Self.files["fails.graph"]).replacing("exit 7", with: "exit 0"), to: "fails.graph")
    #expect(try await tool("resume", "t", "--original").code == 1)
    let resumed = try await tool("resume", "t")
    #expect(resumed.code == 0 && resumed.error.contains("node bad: changed"))
  }

  @Test func `a fork changes the state and runs only when resumed`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "hello", "--thread", "t").code == 0)
    let fork = try await tool("fork", "t@1", "--set", "name=ants", "--json")
    #expect(try fork.lines().first?["checkpoint"] == 3 && fork.lines().first?["parent"] == 1)
    #expect(try await tool("resume", "t").output.contains("hello ants"))
    let changes = try await tool("diff", "t@2", "t@4", "--json").lines().first?["changes"]
    #expect(changes?[0]?["before"] == "world" && changes?[0]?["after"] == "ants")
  }

  @Test func `the same graph gives the same values and steps whatever the timing`() async throws {
    let tool = try Tool([
      "many.graph": """
      graph: many
      state: { items: { default: [1, 2, 3, 4, 5] }, out: { reduce: append } }
      start: { each: ".items[]", to: work, parallel: 3 }
      nodes:
        work: { shell: { run: 'echo "$ITEM"', env: { ITEM: "${{ $item }}" }, parse: json }, save: { out: $result.json } }
      """
    ])
    defer { tool.remove() }
    var seen: Set<JSON> = []
    for _ in 0..<3 {
      let end = try #require(try await tool("many", "--json").lines().last)
      #expect(end["status"] == "done", "\(end.text)")
      seen.insert([end["values"] ?? .null, end["step"] ?? .null])
    }
    #expect(seen.count == 1)
  }

  @Test func `ten mistakes are told at once, each where it stands`() async throws {
    let tool = try Tool(["ten.graph": Self.tenMistakes])
    defer { tool.remove() }
    let outcome = try await tool("validate", "ten.graph", "--json")
    #expect(outcome.code == 2)
    let problems = try #require(try outcome.lines().first?["problems"]?.arrayValue)
    let lines = Set(problems.compactMap { $0["line"]?.intValue })
    #expect(lines == [2, 4, 6, 9, 10, 11, 13, 15, 17, 19], "\(outcome.output)")
    let text = try await tool("validate", "ten.graph")
    for line in lines { #expect(text.error.contains("ten.graph:\(line):")) }
  }

  static let tenMistakes = """
    graph: ten
    descripton: a misspelled key
    state:
      n: { reduce: summ }
    max-steps: 5
    start: nowhere
    nodes:
      a:
        sett: { n: 1 }
        next: bb
        timeout: 5 minutes
      b:
        set: { m: 1 }
      c:
        set: { n: "1 +" }
      d:
        shell: { rum: ls }
      e:
        wait: { for: soon }
    """
}
