import Foundation
import GraphKit
import GraphTestKit
import OrderedCollections
import Testing

@Suite("Graph files with Swift in them")
struct FileGraphTests {
  private static let text = """
    graph: review
    inputs:
      draft: { type: string }
    state:
      score: { type: number, default: 0 }
      best: { reduce: top2, default: [] }
    start: rate
    nodes:
      rate:
        swift: length
        save: { score: $result.points }
        next: [keep, loud]
      keep: { set: { best: .score } }
      loud: { shout: "${{ .draft }}", save: { best: $result } }
    """

  private static let top2 = CustomReducer("top2", start: []) { best, new in
    .array((best.arrayValue ?? []) + [new])
  }

  /// A node kind of the program's own.
  private struct Shout: NodeKind {
    let name = "shout"
    static let format = NodeFormat(
      kind: "shout", description: "Says it louder.", fields: [FieldFormat("text", .template, "What.")],
      shorthand: "text")

    func effectClass(of node: Node) -> EffectClass { .pure }

    func run(_ task: TaskContext) async throws -> NodeResult {
      .result(.string(try await task.value("text")?.stringValue?.uppercased() ?? ""))
    }
  }

  private static let reader = GraphReader(kinds: NodeFormat.builtIn + [Shout.format], reducers: [top2])

  private func read(@GraphBuilder _ functions: () -> [any GraphElement]) throws -> StateGraph {
    let file = FileManager.default.temporaryDirectory.appending(path: "review-\(UUID().uuidString).graph")
    try Self.text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try StateGraph(contentsOf: file.path, reader: Self.reader, functions)
  }

  @Test func `functions, kinds and reducers of the program run in a graph file`() async throws {
    let draft = Channel.input("draft", String.self)
    let graph = try read {
      Function("length") { state in ["points": state[draft].count] }
    }
    let runner = try await Runner(graph, kinds: [Shout()], reader: Self.reader)
    let end = try await runner.start(thread: "t", draft.write("bees")).end
    #expect(end.values == ["draft": "bees", "score": 4, "best": [4, "BEES"]])
  }

  @Test func `a function that is missing or not used is a mistake`() throws {
    let mistakes = #expect(throws: GraphMistakes.self) {
      try read { Function("size") { _ in 1 } }
    }
    #expect(
      mistakes?.mistakes == [
        "node rate: its function is none of size", "function size: no node of the file names it",
      ])
  }

  @Test func `a kind that the runner does not know is refused before anything runs`() async throws {
    let graph = try read { Function("length") { _ in 1 } }
    await #expect(throws: GraphMistakes.self) { try await Runner(graph) }
  }

  @Test func `an outline is no file, and tells what its graph was`() throws {
    let count = Channel("count", Int.self, reduce: .sum)
    let graph = try StateGraph("counter") {
      count
      Node("up") { _ in count.write(1) }
      Start("up")
    }
    let stored = try #require(GraphReader().stored(graph.record.text, path: nil))
    #expect(stored.name == "counter")
    #expect(stored.nodes["up"]?.kind == "swift")
    #expect(stored.channels["count"]?.reducer == .sum)
    #expect(stored.record == graph.record)
  }
}
