import Foundation
import Graph
import Subprocess
import Testing

@Suite("Subgraphs on the command line", .serialized)
struct SubgraphCommandTests {
  static let files = [
    "main.graph": """
    graph: main
    state: { words: { reduce: append } }
    start: spread
    nodes:
      spread: { set: { words: '"start"' }, next: { each: '["a", "b"]', to: work } }
      work:
        graph: { file: parts/part.graph, inputs: { word: "${{ $item }}" } }
        save: { words: $result.said }
        next: last
      last: { shell: 'echo last >> effects' }
    """,
    "parts/part.graph": """
    graph: part
    inputs: { word: { type: string } }
    state: { said: {} }
    outputs: { said: .said }
    start: say
    nodes:
      say:
        shell: { run: 'echo "$WORD"; echo "$WORD" >> ../effects', env: { WORD: "${{ .word }}" } }
        effects: repeatable
        save: { said: $result.stdout | rtrimstr("\\n") }
        next: check
      check: { verify: [{ expect: .said != null, message: something was said }] }
    """,
    "asking.graph": """
    graph: asking
    state: { ok: {} }
    start: review
    nodes:
      review: { graph: parts/ask.graph, save: { ok: $result.ok } }
    """,
    "parts/ask.graph": """
    graph: ask
    state: { ok: {} }
    start: count
    nodes:
      count: { shell: echo counted >> ../counted, next: question }
      question: { ask: { prompt: "Go on?", answer: { type: boolean } }, save: ok }
    """,
  ]

  @Test func `events inside carry their namespace, and the lines say the way there`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let run = try await tool("run", "main", "--thread", "subgraph-events", "--json")
    #expect(run.code == 0, "\(run.error)")
    let lines = try run.lines()
    let inside = lines.filter { $0["namespace"] == "work[0]@2" }.compactMap { $0["event"]?.stringValue }
    #expect(
      inside == [
        "step-start", "task-start", "task-output", "task-end", "checkpoint", "step-start", "task-start", "task-end",
        "checkpoint",
      ])
    #expect(lines.last?["values"]?["words"] == ["start", "a", "b"])
    #expect(tool.read("effects").split(separator: "\n").map(String.init).sorted() == ["a", "b", "last"])

    let plain = try await tool("run", "main", "--thread", "subgraph-plain")
    #expect(plain.output.contains("work[1]/say | b\n"))
    #expect(plain.output.contains("work[1]/check: done in"))

    let history = try await tool("history", "subgraph-events", "--all", "--json").lines()
    #expect(history.count { $0["namespace"] == "work[1]@2" } == 3)
    #expect(history.count { $0["namespace"] == nil } == 4)
    let newest = try await tool("history", "subgraph-events", "--all", "--limit", "2", "--json").lines()
    #expect(newest == Array(history.prefix(2)))
    #expect(try await tool("history", "subgraph-events", "--json").lines().count == 4)
    let log = try await tool("log", "subgraph-events", "--node", "work")
    #expect(log.output.contains("work[0]/say (step 1)\n  a\n"))
    #expect(try await tool("log", "subgraph-events", "--node", "say", "--json").lines().count == 2)
  }

  @Test func `a question inside is asked, shown and answered as any other`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let run = try await tool("run", "asking", "--thread", "subgraph-asks")
    #expect(run.code == 3)
    #expect(run.output.contains("review/question asks (q"))
    let show = try await tool("show", "subgraph-asks")
    #expect(show.output.contains("  ? review: waiting\n    ? question: waiting\n        asks (q"))
    let shown = try #require(try await tool("show", "subgraph-asks", "--json").lines().first)
    let id = try #require(shown["tasks"]?[0]?["subgraph"]?["tasks"]?[0]?["interrupt"]?["id"]?.stringValue)
    #expect(shown["tasks"]?[0]?["interrupt"]?["id"] == .string(id))
    #expect(try await tool("resume", "subgraph-asks", "--answer", "\(id)=perhaps").code == 2)
    let end = try await tool("resume", "subgraph-asks", "--answer", "\(id)=true", "--json")
    #expect(end.code == 0, "\(end.error)")
    #expect(try end.lines().last?["values"] == ["ok": true])
    #expect(tool.read("counted") == "counted\n")
  }

  @Test func `an edited included file is an edited graph; the thread goes on without the files too`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    for thread in ["edited", "gone", "lost"] {
      #expect(try await tool("run", "asking", "--thread", "subgraph-\(thread)").code == 3)
    }
    let file = "parts/ask.graph"
    try tool.write(Self.files[file]!.replacing("Go on?", with: "Really?"), to: file)
    let edited = try await tool("resume", "subgraph-edited", "--answer", "true")
    #expect(edited.code == 0, "\(edited.error)")
    #expect(edited.error.contains("parts/ask.graph: node question: changed"))

    try tool.write(Self.files[file]!.replacing("question", with: "other"), to: file)
    let refused = try await tool("resume", "subgraph-lost", "--answer", "true")
    #expect(refused.code == 2)
    #expect(refused.error.contains("review: node question is due and no longer there"))
    #expect(try await tool("resume", "subgraph-lost", "--answer", "true", "--original").code == 0)

    try FileManager.default.removeItem(atPath: tool.folder.path + "/parts/ask.graph")
    let broken = try await tool("resume", "subgraph-gone", "--answer", "true")
    #expect(broken.code == 2)
    #expect(broken.error.contains("--original"))
    #expect(try await tool("fork", "subgraph-gone@1").code == 0)
    #expect(try await tool("resume", "subgraph-gone", "--original").code == 3)
    #expect(tool.read("counted") == "counted\ncounted\ncounted\ncounted\n")
  }

  @Test func `validate names the included file`() async throws {
    var files = Self.files
    files["parts/ask.graph"] = "graph: ask\nstart: nobody\nnodes: { a: { wait: 1s } }\n"
    let tool = try Tool(files)
    defer { tool.remove() }
    let text = try await tool("validate", "asking.graph")
    #expect(text.code == 2)
    #expect(text.error.contains("parts/ask.graph:2:8: error: no node is named \"nobody\""))
    let problem = try await tool("validate", "asking.graph", "--json").lines().first?["problems"]?[0]
    #expect(problem?["file"] == "parts/ask.graph")
  }

  static let rounds = 6
  static let killed = [
    "rounds.graph": """
    graph: rounds
    state: { round: { default: 0 }, seen: { reduce: append } }
    start: count
    nodes:
      count: { set: { round: .round + 1 }, next: act }
      act:
        graph: { file: act.graph, inputs: { round: "${{ .round }}" } }
        save: { seen: $result.round }
        next: [{ when: .round < \(rounds), to: count }, { to: end }]
    """,
    "act.graph": """
    graph: act
    inputs: { round: {} }
    state: { half: { default: 0 } }
    start: first
    nodes:
      first:
        shell: { run: 'echo "$R.1" >> effects', check: 'grep -qx "$R.1" effects', env: { R: "${{ .round }}" } }
        next: second
      second:
        shell: { run: 'echo "$R.2" >> effects', check: 'grep -qx "$R.2" effects', env: { R: "${{ .round }}" } }
    """,
  ]

  /// 5 threads, each killed 9 times.
  @Test(arguments: 0..<5)
  func `killed anywhere inside, no finished task runs again and none is lost`(seed: Int) async throws {
    let tool = try Tool(Self.killed)
    defer { tool.remove() }
    let thread = "killed-inside-\(seed)"
    var chance = Chance(seed: seed + 100)
    var ended: [String] = []
    for attempt in 0..<9 {
      let isBegun = FileManager.default.fileExists(atPath: tool.folder.path + "/state/locks/\(thread)")
      let arguments = attempt > 0 && isBegun ? ["resume", thread] : ["run", "rounds", "--thread", thread]
      let outcome = try await tool.call(arguments + ["--json"], sending: .kill, afterLines: chance.next(1...12))
      ended += Self.ended(outcome)
    }
    let last = try await tool("resume", thread, "--json")
    #expect(last.code == 0, "\(last.error)")
    ended += Self.ended(last)
    #expect(Set(ended).count == ended.count, "a task whose end was told ran again")
    let effects = (1...Self.rounds).flatMap { ["\($0).1", "\($0).2"] }
    #expect(tool.read("effects").split(separator: "\n").map(String.init) == effects)
    let values = try #require(try await tool("show", thread, "--json").lines().first?["values"])
    #expect(values["seen"] == .array((1...Self.rounds).map(JSON.int)))
    let doctor = try await tool("doctor", "--verify", "--json").lines()
    #expect(doctor.first { $0["check"] == "store" }?["ok"] == true)
  }

  private static func ended(_ outcome: Tool.Outcome) -> [String] {
    outcome.output.split(separator: "\n").compactMap { line in
      guard let event = try? JSON(parsing: String(line)), event["event"] == "task-end" else { return nil }
      return "\(event["namespace"]?.text ?? "") \(event["step"]?.text ?? "") \(event["task"]?.text ?? "")"
    }
  }
}
