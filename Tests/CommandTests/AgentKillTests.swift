import Foundation
import Graph
import Subprocess
import Testing

/// An agent in the built program, with a scripted model and a server whose effects are counted.
@Suite("Killing an agent", .serialized)
struct AgentKillTests {
  static let turns = 5

  /// Every turn marks two things of its own; then the model answers.
  static let script =
    (0..<turns).map { turn in
      let calls = #"[["mark", {"name": "\#(turn)a", "hold": 0.1}], ["mark", {"name": "\#(turn)b"}]]"#
      return #"{"content": "Turn \#(turn).", "calls": \#(calls)}"#
    } + [#"{"content": "All is marked."}"#]

  static func graph(_ url: String) -> String {
    """
    graph: marks
    servers:
      shop: { command: python3, args: ["\(Tool.servers)/agent_tools.py", .] }
    state: { text: {}, calls: {} }
    start: work
    nodes:
      work:
        agent:
          model: script
          url: \(url)
          prompt: Mark everything.
          tools: { allow: [mark] }
        save: { text: $result.text, calls: $result.calls }
    """
  }

  /// 10 threads, each killed 5 times.
  @Test(arguments: 0..<10)
  func `after resume no finished call was made twice, and none is lost`(seed: Int) async throws {
    let tool = try Tool(["turns": Self.script.joined(separator: "\n")])
    defer { tool.remove() }
    let thread = "agent-killed-\(seed)"
    try await tool.withModel { url in
      try tool.write(Self.graph(url), to: "marks.graph")
      var chance = Chance(seed: seed)
      var arguments = ["run", "marks", "--thread", thread, "--json"]
      for _ in 0..<5 {
        _ = try await tool.call(arguments, sending: .kill, afterLines: chance.next(2...40))
        let isBegun = FileManager.default.fileExists(atPath: tool.folder.path + "/state/locks/\(thread)")
        arguments = (isBegun ? ["resume", thread] : ["run", "marks", "--thread", thread]) + ["--json"]
        arguments += try await Self.answers(to: thread, in: tool)
      }
      var last = try await tool.call(arguments)
      while last.code == 3 {
        last = try await tool.call(["resume", thread, "--json"] + Self.answers(to: thread, in: tool))
      }
      #expect(last.code == 0, "\(last.error)")
    }
    let marks = try Self.effects(of: tool).compactMap { $0["arguments"]?["name"]?.stringValue }
    #expect(marks.sorted() == (0..<Self.turns).flatMap { ["\($0)a", "\($0)b"] })
    let values = try #require(try await tool("show", thread, "--json").lines().first?["values"])
    #expect(values["text"]?.stringValue?.contains("All is marked.") == true)
    #expect(values["calls"]?.arrayValue?.count == 2 * Self.turns)
  }

  /// Answers to open questions by evidence, as a person would: what left its mark is skipped, what did not runs again.
  static func answers(to thread: String, in tool: Tool) async throws -> [String] {
    let shown = try await tool("show", thread, "--json").lines().first
    let marked = try effects(of: tool).compactMap { $0["arguments"]?["name"]?.stringValue }
    var arguments: [String] = []
    for task in shown?["tasks"]?.arrayValue ?? [] {
      for question in task["interrupts"]?.arrayValue ?? [task["interrupt"]].compactMap({ $0 }) {
        let (id, prompt) = (question["id"]?.stringValue ?? "", question["prompt"]?.stringValue ?? "")
        let isMarked = marked.contains { prompt.contains(#"{"name":"\#($0)""#) }
        arguments += ["--answer", "\(id)=\(isMarked ? #"{"skip": "mark done"}"# : "rerun")"]
      }
    }
    return arguments
  }

  static func effects(of tool: Tool) throws -> [JSON] {
    try tool.read("effects").split(separator: "\n").map { try JSON(parsing: String($0)) }
  }
}
