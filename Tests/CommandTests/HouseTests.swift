import Foundation
import Graph
import Testing

/// What keeps a store in order, by command line.
@Suite("House-keeping commands")
struct HouseTests {
  static let files = [
    "steps.graph": """
    graph: steps
    inputs: { topic: { type: string, default: bees } }
    state: { log: { reduce: append } }
    start: one
    nodes:
      one: { shell: 'echo one >> effects.txt', save: { log: '"one"' }, next: two }
      two: { shell: 'echo two >> effects.txt', save: { log: '"two " + .topic' }, next: three }
      three: { set: { log: '"three"' } }
    """
  ]

  private func lines(_ tool: Tool, _ arguments: String...) async throws -> [JSON] {
    let outcome = try await tool.call(arguments + ["--json"])
    #expect(outcome.code == 0, "\(arguments): \(outcome.error)")
    return try outcome.lines()
  }

  // MARK: fork, breakpoints

  @Test func `a fork as a new thread is told, refused where the name is taken, and goes on by itself`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    let fork = try await lines(tool, "fork", "t@2", "--thread", "u", "--set", "topic=ants").first
    #expect(fork == ["thread": "u", "checkpoint": 3, "parent": 2, "step": 2, "next": ["two"]])
    let taken = try await tool("fork", "t@2", "--thread", "u")
    #expect(taken.code == 2 && taken.error.contains("thread \"u\" exists already"))
    #expect(try await tool("resume", "u").code == 0)
    #expect(tool.read("effects.txt") == "one\ntwo\ntwo\n")
    #expect(try await lines(tool, "show", "u").first?["values"]?["log"] == ["one", "two ants", "three"])
    #expect(try await lines(tool, "show", "t").first?["values"]?["log"] == ["one", "two bees", "three"])
    #expect(try await lines(tool, "show", "t").first?["checkpoint"] == 4)
  }

  @Test func `a finished step is run again from the checkpoint before it, and what follows from it`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    #expect(try await tool("run", "steps", "--thread", "t").code == 0)
    #expect(try await tool("resume", "t", "--from", "2").code == 0)
    #expect(tool.read("effects.txt") == "one\ntwo\ntwo\n")
    let history = try await lines(tool, "history", "t")
    #expect(history.map { $0["checkpoint"] } == [7, 6, 5, 4, 3, 2, 1])
    #expect(history.map { $0["parent"] } == [6, 5, 2, 3, 2, 1, nil])
  }

  @Test func `breakpoints stop with exit code 0, and the next resume goes on`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let first = try await lines(
      tool, "run", "steps", "--thread", "t", "--break-before", "two", "--break-after", "two"
    ).last
    #expect(first?["status"] == "stopped" && first?["next"] == ["two"])
    #expect(tool.read("effects.txt") == "one\n")
    let second = try await lines(tool, "resume", "t", "--break-before", "two", "--break-after", "two").last
    #expect(second?["status"] == "stopped" && second?["next"] == ["three"])
    #expect(try await tool("resume").code == 0)
    let unknown = try await tool("run", "steps", "--break-before", "nowhere")
    #expect(unknown.code == 2 && unknown.error.contains("no node \"nowhere\""))
  }
}
