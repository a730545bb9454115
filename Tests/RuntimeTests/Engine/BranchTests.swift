import Graph
import GraphRuntime
import Testing

@Suite("Threads of their own, and breakpoints")
struct BranchTests {
  static let text = """
    graph: travel
    inputs: { n: { type: number, default: 1 } }
    state: { log: { reduce: append }, ok: {} }
    start: first
    nodes:
      first: { work: first, save: log, next: question }
      question: { work: question, save: ok, next: last }
      last: { work: { result: last, class: once }, save: log }
    """

  private func bench(_ store: any Checkpointer = MemoryStore()) throws -> Bench {
    try Bench(Self.text, store: store, ["question": asks("Go on?")])
  }

  private func finished() async throws -> Bench {
    let bench = try bench()
    _ = try await bench.start()
    #expect(try await bench.resume([Answer(value: "yes")]).status == .done)
    return bench
  }

  private func numbers(_ bench: Bench, _ thread: ThreadID) async throws -> [Int] {
    try await bench.view.history(thread).map(\.entry.record.number)
  }

  @Test func `a fork as a thread of its own has the line under its numbers, and leaves the other as it is`()
    async throws
  {
    let bench = try await finished()
    let before = try await bench.view.snapshot("t").json
    let header = try await bench.runner.fork("t", at: 2, as: "u", graph: bench.graph)
    #expect(header.id == "u" && header.head == 3 && header.step == 2)
    #expect(header.status == .stopped && header.next == ["question"])
    #expect(try await numbers(bench, "u") == [3, 2, 1])
    let history = try await bench.view.history("u")
    #expect(history.map(\.entry.record.source) == [.fork, .step, .input])
    #expect(history.map(\.entry.ran.count) == [0, 1, 0])
    #expect(try await bench.view.snapshot("t").json == before)
  }

  @Test func `a question in the replayed part asks again, and what follows has keys of its own`() async throws {
    let bench = try await finished()
    _ = try await bench.runner.fork("t", at: 2, as: "u", graph: bench.graph)
    let asked = try await bench.runner.resume("u", graph: bench.graph)
    #expect(asked.status == .waiting && asked.interrupts.count == 1)
    let end = try await bench.runner.resume("u", graph: bench.graph, answers: [Answer(value: "again")])
    #expect(end.status == .done && end.values["ok"] == "again" && end.values["log"] == ["first", "last"])
    #expect(bench.work.log.count("first") == 1)
    #expect(Set(bench.work.log.keys).count == 5, "the attempts of one question share a key")
  }

  @Test func `a fork may change the state, and follow a node's edges`() async throws {
    let bench = try await finished()
    let update = StateUpdate(values: ["ok": "by hand"], node: "question")
    let header = try await bench.runner.fork("t", at: 2, as: "u", update: update, graph: bench.graph)
    #expect(header.next == ["last"])
    #expect(try await bench.runner.resume("u", graph: bench.graph).values["ok"] == "by hand")
  }

  @Test func `forks of forks keep only their own line; other numbers are told to be elsewhere`() async throws {
    let bench = try await finished()
    _ = try await bench.runner.fork("t", at: 1, graph: bench.graph)
    _ = try await bench.resume()
    #expect(try await numbers(bench, "t") == [6, 5, 4, 3, 2, 1])
    _ = try await bench.runner.fork("t", at: 6, as: "u", graph: bench.graph)
    #expect(try await numbers(bench, "u") == [7, 6, 5, 1])
    #expect(
      try await bench.view.gaps("u") == [CheckpointGap(numbers: 2...4, reason: .elsewhere)])
    _ = try await bench.runner.fork("u", at: 6, as: "v", graph: bench.graph)
    #expect(try await numbers(bench, "v") == [7, 6, 5, 1])
    let error = await #expect(throws: RunRefusal.self) { try await bench.view.snapshot("v", at: 3) }
    #expect("\(try #require(error))".contains("on another branch of the thread this one was forked from"))
    #expect(try await bench.runner.resume("v", graph: bench.graph, answers: []).status == .waiting)
  }

  @Test func `what exists, or does not, is refused`() async throws {
    let bench = try await finished()
    await #expect(throws: RunRefusal.threadExists("t")) {
      try await bench.runner.fork("t", at: 1, as: "t", graph: bench.graph)
    }
    await #expect(throws: RunRefusal.unknownCheckpoint("t", 9, newest: 4)) {
      try await bench.runner.fork("t", at: 9, as: "u", graph: bench.graph)
    }
    await #expect(throws: RunRefusal.unknownThread("x")) {
      try await bench.runner.fork("x", at: 1, as: "u", graph: bench.graph)
    }
    #expect(try await bench.runner.store.threads().count == 1)
  }

  // MARK: Breakpoints

  static let loop = """
    graph: loop
    state: { n: { reduce: sum } }
    start: a
    nodes:
      a: { work: 1, save: n, next: b }
      b: { work: 1, save: n, next: [{ when: .n < 5, to: a }, { to: end }] }
    """

  @Test func `a break before a node stops before each super-step in which it is due`() async throws {
    let bench = try Bench(Self.loop)
    var options = RunOptions()
    options.breakBefore = ["b"]
    let first = try await bench.start(options: options)
    #expect(first.status == .stopped && first.next == ["b"] && first.signal == nil)
    #expect(bench.steps == [["a"]])
    #expect(try await bench.resume(options: options).next == ["b"])
    #expect(bench.steps == [["a"], ["b"], ["a"]])
    #expect(try await bench.resume(options: options).values["n"] == 5)
    #expect(try await bench.resume(options: options).status == .done)
  }

  @Test func `a break before the first node stops before anything ran, and not again`() async throws {
    let bench = try Bench(Self.loop)
    var options = RunOptions()
    options.breakBefore = ["a"]
    #expect(try await bench.start(options: options).next == ["a"])
    #expect(bench.steps == [])
    let second = try await bench.resume(options: options)
    #expect(second.next == ["a"] && bench.steps == [["a"], ["b"]])
  }

  @Test func `a break after a node stops once it has finished; done stays done`() async throws {
    let bench = try Bench(Self.loop)
    var options = RunOptions()
    options.breakAfter = ["b"]
    let first = try await bench.start(options: options)
    #expect(first.status == .stopped && first.next == ["a"])
    #expect(bench.steps == [["a"], ["b"]])
    #expect(try await bench.resume(options: options).next == ["a"])
    #expect(try await bench.resume(options: options).status == .done)
  }

  @Test(arguments: Durability.allCases) func `what a break leaves is stored, whatever the durability`(
    _ durability: Durability
  ) async throws {
    let bench = try Bench(Self.loop)
    var options = RunOptions()
    options.breakAfter = ["b"]
    options.breakBefore = ["b"]
    #expect(try await bench.start(durability: durability, options: options).next == ["b"])
    #expect(try await bench.view.header("t").status == .stopped)
    #expect(try await bench.resume(options: options).next == ["a"])
    #expect(try await bench.view.snapshot("t").values["n"] == 2)
    #expect(try await bench.resume().values["n"] == 6)
  }

  @Test func `a node the graph does not have is refused before anything runs`() async throws {
    let bench = try Bench(Self.loop)
    for path in [\RunOptions.breakBefore, \RunOptions.breakAfter] {
      var options = RunOptions()
      options[keyPath: path] = ["c"]
      await #expect(throws: RunRefusal.unknownNode("c", known: ["a", "b"])) {
        try await bench.start(options: options)
      }
    }
    #expect(try await bench.runner.store.threads() == [])
  }
}
