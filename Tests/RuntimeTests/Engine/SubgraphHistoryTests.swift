import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@Suite("Subgraphs over time")
struct SubgraphHistoryTests {
  /// Everything in one: a loop of subgraphs, a fan-out of them, two levels, effects of every kind.
  private func finish(_ bench: Bench, durability: Durability) async throws -> RunEnd {
    guard try await bench.runner.store.thread("t") != nil else { return try await bench.start(durability: durability) }
    var end = try await bench.resume()
    while end.status == .waiting {
      bench.reran(end.interrupts.count)
      end = try await bench.resume(end.interrupts.map { Answer(id: $0.question.id, value: "rerun") })
    }
    return end
  }

  @Test(arguments: DyingStore.Moment.allCases, Durability.allCases)
  func `a death at any commit repeats no finished task inside and loses none`(
    moment: DyingStore.Moment, durability: Durability
  ) async throws {
    let plain = try await Bench(SubgraphTests.loops, files: SubgraphTests.looping).start()
    var commit = 0
    while true {
      commit += 1
      let memory = MemoryStore()
      let dying = DyingStore(memory, dyingAt: commit, moment)
      let first = try Bench(SubgraphTests.loops, files: SubgraphTests.looping, store: dying)
      let told = try? await first.start(durability: durability)
      guard dying.hasDied else {
        #expect(told?.status == .done)
        break
      }
      let second = try Bench(SubgraphTests.loops, files: SubgraphTests.looping, store: memory)
      let end = try await finish(second, durability: durability)
      #expect(end.values == plain.values, "commit \(commit)")
      let runs = zip(first.work.log.runs + second.work.log.runs, first.work.log.keys + second.work.log.keys)
      let keys = runs.filter { $0.0.hasPrefix("leaf") }.map(\.1)
      // Every leaf may take effect once: what ran twice was asked about.
      #expect(keys.count - Set(keys).count <= second.rerun, "commit \(commit): \(keys)")
      #expect(Set(keys).count == 5, "commit \(commit)")
    }
    #expect(commit > 6)
  }

  @Test func `an effect in flight inside is asked about as the thread's question`() async throws {
    let memory = MemoryStore()
    // T0, before's end, the beginning inside, T1 of `one`: its attempt is on the disk, its end is not.
    let first = try Bench(
      SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner], store: DyingStore(memory, dyingAt: 5, .before))
    _ = try? await first.start()
    #expect(first.work.log.runs == ["before#1", "one#1"])
    let second = try Bench(SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner], store: memory)
    let waiting = try await second.resume()
    #expect(waiting.interrupts.map(\.question.kind) == [.doubt])
    let end = try await second.resume([Answer(value: ["skip": 5])])
    #expect(end.values["got"] == ["sum": 11])
    #expect(second.work.log.runs == ["two#1", "after#1"])
  }

  @Test func `a fork begins the subgraph anew under new keys, and changes nothing before it`() async throws {
    let bench = try Bench(
      SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner], ["two": asks("b?")])
    #expect(try await bench.start().status == .waiting)
    let fork = try await bench.runner.fork("t", at: 2, graph: bench.graph)
    #expect(fork.next == ["inside"])
    let waiting = try await bench.resume()
    #expect(waiting.status == .waiting)
    #expect(bench.work.log.runs.filter { $0.hasPrefix("one") } == ["one#1", "one#1"])
    #expect(Set(bench.work.log.keys).count == 5)
    #expect(try await bench.runner.store.namespaces(of: "t") == ["", "inside@2", "inside@3"])
    #expect(try await bench.resume([Answer(value: 2)]).values["got"] == ["sum": 42])

    // A fork behind the finished subgraph needs nothing of it.
    _ = try await bench.runner.fork("t", at: 4, update: StateUpdate(values: ["got": 0]), graph: bench.graph)
    #expect(try await bench.resume().values["got"] == 0)
    #expect(bench.work.log.count("one") == 2)
  }

  @Test func `an update keeps the subgraph in the middle of which the thread is`() async throws {
    let bench = try Bench(
      SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner], ["two": asks("b?")])
    let waiting = try await bench.start()
    let header = try await bench.runner.update("t", StateUpdate(values: ["n": 9]), graph: bench.graph)
    #expect(header.status == .waiting)
    let again = try await bench.resume()
    #expect(again.interrupts.map(\.question.id) == waiting.interrupts.map(\.question.id))
    let end = try await bench.resume([Answer(value: 2)])
    #expect(end.values["got"] == ["sum": 42])
    #expect(bench.work.log.count("one") == 1)
  }

  @Test func `an edited file goes on inside; one that lost what is due there is refused`() async throws {
    let broken = Mutex(true)
    let bench = try Bench(
      SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner],
      ["two": { _ in if broken.withLock({ $0 }) { throw NodeFailure(.exit, "boom") } else { .result(1) } }])
    _ = try await bench.start()
    func edited(_ text: String) throws -> StateGraph {
      try Bench.read(SubgraphTests.outer, files: ["inner.graph": text])
    }
    let renamed = try edited(SubgraphTests.inner.replacing("two", with: "zwei"))
    await #expect(throws: RunRefusal.changedGraph(["inside: node two is due and no longer there"])) {
      try await bench.resume(graph: renamed)
    }
    let reduced = try edited(SubgraphTests.inner.replacing("a: {}", with: "a: { reduce: last }"))
    await #expect(throws: RunRefusal.changedGraph(["inside: channel a was reduced by replace, now by last"])) {
      try await bench.resume(graph: reduced)
    }
    broken.withLock { $0 = false }
    let better = try edited(SubgraphTests.inner.replacing(".a + .b", with: ".a - .b"))
    #expect(
      GraphChange.differences(from: bench.graph, to: better) == ["inner.graph: outputs: changed"])
    #expect(try await bench.resume(graph: better).values["got"] == ["sum": 39])
    #expect(bench.work.log.count("one") == 1)
  }

  @Test func `the thread keeps the files, and other contents are another graph`() async throws {
    let bench = try Bench(SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner])
    _ = try await bench.start()
    let header = try #require(try await bench.runner.store.thread("t"))
    let record = try #require(try await bench.runner.store.graph(header.graphHash))
    #expect(record.files == ["inner.graph": SubgraphTests.inner])
    let other = try Bench.read(SubgraphTests.outer, files: ["inner.graph": SubgraphTests.inner + "\n"])
    #expect(other.record.hash != record.hash)
    #expect(try await bench.view.graph(header)?.subgraphs["inner.graph"]?.name == "inner")
  }

  @Test func `secrets of both are needed before anything runs, and each sees only its own`() async throws {
    let inner = SubgraphTests.inner + "\nsecrets: [INNER]"
    let outer = SubgraphTests.outer + "\nsecrets: [OUTER]"
    let seen = Mutex<[NodeName: JSON]>([:])
    let look: Work.Body = { task in
      seen.withLock { $0[task.node.name] = task.scope.variables["secrets"] }
      return .result(["told": "inner-value and outer-value"])
    }
    let bodies: [NodeName: Work.Body] = ["before": look, "two": look, "one": { _ in .result(1) }]
    let poor = try Bench(outer, files: ["inner.graph": inner], environment: ["OUTER": "outer-value"], bodies)
    await #expect(throws: RunRefusal.secretUnset(["INNER"])) { try await poor.start() }
    let text = inner.replacing("sum: .a + .b", with: "sum: .b")
    let bench = try Bench(
      outer, files: ["inner.graph": text], environment: ["OUTER": "outer-value", "INNER": "inner-value"], bodies)
    let end = try await bench.start()
    #expect(end.values["got"] == ["sum": ["told": "*** and ***"]])
    #expect(seen.withLock { $0 } == ["before": ["OUTER": "outer-value"], "two": ["INNER": "inner-value"]])
  }

  @Test func `a cached result is that of the same graph`() async throws {
    let outer = SubgraphTests.outer.replacing("save: got,", with: "save: got, cache: true,")
    let store = MemoryStore()
    let bench = try Bench(outer, files: ["inner.graph": SubgraphTests.inner], store: store)
    _ = try await bench.start()
    _ = try await bench.start()
    #expect(bench.work.log.count("one") == 1)
    let text = SubgraphTests.inner.replacing(".a + .b", with: ".a")
    let other = try Bench(outer, files: ["inner.graph": text], store: store)
    #expect(try await other.start().values["got"] == ["sum": 40])
  }
}
