import GraphKit
import GraphRuntime
import OrderedCollections
import Testing

@Suite("A graph in Swift inside another")
struct SubgraphsInSwiftTests {
  let text = Channel.input("text", String.self)
  let loud = Channel("loud", String.self, default: "")
  let title = Channel.input("title", String.self)
  let cover = Channel("cover", String.self, default: "")
  let length = Channel("length", Int.self, default: 0)

  func shout(version: String = "1") throws -> StateGraph {
    try StateGraph("shout", version: version) {
      text
      loud
      Node("raise") { state in loud.write(state[text].uppercased()) }
      Start("raise")
      Output(loud)
    }
  }

  func book(_ inner: StateGraph) throws -> StateGraph {
    try StateGraph("book") {
      title
      cover
      length
      Node("print", running: inner) { state in text.write(state[title]) }
        .save(cover, from: loud)
        .save(length) { $0[loud].count }
      Start("print")
    }
  }

  @Test func `is given what is said, and gives back what is said, by type`() async throws {
    let runner = try await Runner(book(shout()))
    let end = try await runner.start(thread: "t", title.write("bees")).end
    #expect(end.values == ["title": "bees", "cover": "BEES", "length": 4])
    let namespaces = try await runner.engine.store.namespaces(of: "t")
    #expect(namespaces == ["", "print@1"])
    #expect(try await runner.engine.store.history(of: "t", namespace: "print@1", before: nil, limit: nil).count == 2)
  }

  @Test func `runs once per item of a fan-out`() async throws {
    let inner = try shout()
    let words = Channel.input("words", [String].self)
    let all = Channel("all", [String].self, reduce: .append)
    let graph = try StateGraph("list") {
      words
      all
      Node("split") { _ in }.next(each: { $0[words] }, to: "one")
      Node("one", running: inner) { state in text.write(try state.item()) }
        .save(all) { [$0[loud]] }
      Start("split")
    }
    let end = try await Runner(graph).start(thread: "t", words.write(["ox", "bee"])).end
    #expect(end[all] == ["OX", "BEE"])
  }

  @Test func `a question inside stops the thread, and the answer goes on inside`() async throws {
    let answer = Channel("answer", String.self, default: "")
    let asking = try StateGraph("asking") {
      answer
      Node("before") { _ in }.next("ask")
      Node("ask") { _, task in answer.write(try task.interrupt("Which?")) }
      Start("before")
    }
    let graph = try StateGraph("outer") {
      cover
      Node("choose", running: asking).save(cover, from: answer)
      Start("choose")
    }
    let store = MemoryStore()
    let asked = try await Runner(graph, store: .custom(store)).start(thread: "t").end
    #expect(asked.status == .waiting)
    #expect(asked.interrupts.map(\.question.prompt) == ["Which?"])
    let runner = try await Runner(graph, store: .custom(store))
    let end = try await runner.answer("t", "red").end
    #expect(end[cover] == "red")
    let inside = try await store.history(of: "t", namespace: "choose@1", before: nil, limit: nil)
    #expect(inside.reversed().map { $0.ran.map(\.label) } == [[], ["before"], ["ask"]])
  }

  @Test func `what the graph inside does not give, and two of one name, are mistakes`() throws {
    let inner = try shout()
    let other = try shout(version: "2")
    let mistakes = #expect(throws: GraphMistakes.self) {
      try StateGraph("book") {
        title
        cover
        Node("one", running: inner) { state in text.write(state[title]) }.save(cover, from: text).next("two")
        Node("two", running: other) { state in text.write(state[title]) }.save(cover, from: loud)
        Start("one")
      }
    }
    #expect(
      mistakes?.mistakes == [
        "node one: the graph shout gives no text; it gives loud",
        "node two: another node runs another graph of the name shout",
      ])
  }

  @Test func `an input that is missing, or given twice, fails the node`() async throws {
    let inner = try shout()
    func end(@WriteBuilder _ inputs: @escaping @Sendable (State) throws -> [Write]) async throws -> RunEnd {
      let graph = try StateGraph("book") {
        cover
        Node("one", running: inner, inputs: inputs).save(cover, from: loud)
        Start("one")
      }
      return try await Runner(graph).start(thread: "t").end
    }
    #expect(try await end { _ in }.error?.message == "the graph needs the inputs text")
    let twice = try await end { _ in
      text.write("a")
      text.write("b")
    }
    #expect(twice.error?.message.contains("the input text is given twice") == true)
  }

  @Test func `the outline of a graph has those inside, so that a changed one is told of`() async throws {
    let graph = try book(shout())
    let stored = try #require(GraphReader().stored(graph.record.text, path: nil))
    #expect(stored.subgraphs["shout"]?.channels["loud"] != nil)
    #expect(try stored.subgraph(of: #require(stored.nodes["print"]))?.name == "shout")
    let changed = try book(shout(version: "2"))
    #expect(changed.record.hash != graph.record.hash)
    let lines = StateGraph.differences(fromOutline: graph.record.text, to: changed.record.text)
    #expect(lines == ["graph shout: changed"])
  }
}
