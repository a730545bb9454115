import Graph
import Testing

@Suite("Streams on the command line")
struct StreamCommandTests {
  private static let files = [
    "two.graph": """
    graph: two
    state: { n: { type: number, default: 0, reduce: sum } }
    start: one
    nodes:
      one: { shell: echo hello, save: { n: "1" }, next: two }
      two: { set: { n: "2" } }
    """
  ]

  @Test func `modes choose what is told, and what always is stays`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let lines = try await tool("two", "--json", "--stream", "values,updates").lines()
    #expect(
      lines.map { $0["event"] } == ["run-start", "updates", "values", "updates", "values", "run-end"])
    #expect(lines.filter { $0["event"] == "values" }.map { $0["values"] } == [["n": 1], ["n": 3]])
    #expect(
      lines.filter { $0["event"] == "updates" }.map { $0["writes"] } == [
        [["channel": "n", "value": 1]], [["channel": "n", "value": 2]],
      ])
    let tasks = try await tool("two", "--json", "--stream", "tasks").lines()
    #expect(Set(tasks.map { $0["event"] }) == ["run-start", "step-start", "task-start", "task-end", "run-end"])
  }

  @Test func `plain lines show the state and what was written`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool("two", "--stream", "values,updates")
    #expect(outcome.output.contains("one: n ← 1\nvalues (step 1): {\"n\":1}\n"))
    #expect(!outcome.output.contains("hello"))
  }

  @Test func `a mode that is none is refused with those there are`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool("two", "--stream", "value")
    #expect(outcome.code == 2)
    #expect(outcome.error.contains("updates"))
  }
}
