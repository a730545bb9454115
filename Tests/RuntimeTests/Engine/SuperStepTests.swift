import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@Suite("Super-steps, edges and routes")
struct SuperStepTests {
  @Test func `a line of nodes runs one per super-step and the input is step 0`() async throws {
    let bench = try Bench(
      """
      graph: line
      inputs: { n: { type: integer } }
      state: { a: {}, b: {} }
      start: one
      nodes:
        one: { work: { result: "${{ .n + 1 }}" }, save: a, next: two }
        two: { work: { result: "${{ .a * 10 }}" }, save: b }
      """)
    let end = try await bench.start(["n": 1])
    #expect(end.status == .done)
    #expect(end.values == ["n": 1, "a": 2, "b": 20])
    #expect(end.step == 2)
    let history = try await bench.view.history("t")
    #expect(history.map(\.entry.record.step) == [2, 1, 0])
    #expect(history.map(\.entry.record.source) == [.step, .step, .input])
    #expect(history.map { $0.entry.ran.map(\.id.node) } == [["two"], ["one"], []])
    #expect(history.map(\.status) == [.done, .running, .running])
  }

  @Test func `tasks of a super-step see the same state and land in declaration order`() async throws {
    let bench = try Bench(
      """
      graph: fan
      state: { log: { reduce: append }, seen: { reduce: append } }
      start: [c, a, b]
      nodes:
        a: { work: { result: x }, save: { log: '"a"', seen: .log | length } }
        b: { work: { result: x }, save: { log: '"b"', seen: .log | length } }
        c: { work: { result: x }, save: { log: '"c"', seen: .log | length } }
      """)
    let end = try await bench.start()
    #expect(end.values["log"] == ["a", "b", "c"])
    #expect(end.values["seen"] == [0, 0, 0])
  }

  @Test func `a target reached twice in one super-step runs once, in different ones each time`() async throws {
    let bench = try Bench(
      """
      graph: diamond
      state: { hits: { reduce: sum } }
      start: [a, b, far]
      nodes:
        a: { work: 1, next: join }
        b: { work: 1, next: join }
        far: { work: 1, next: near }
        near: { work: 1, next: join }
        join: { work: 1, save: hits }
      """)
    let end = try await bench.start()
    #expect(end.values["hits"] == 2)
    #expect(bench.steps == [["a", "b", "far"], ["near", "join"], ["join"]])
  }

  @Test func `a barrier waits for all over any number of super-steps and re-arms`() async throws {
    let bench = try Bench(
      """
      graph: barrier
      state: { rounds: { reduce: sum } }
      start: [quick, slow]
      nodes:
        quick: { work: 1 }
        slow: { work: 1, next: slower }
        slower: { work: 1 }
        join:
          after: [quick, slower]
          work: 1
          save: rounds
          next:
            - { when: .rounds < 2, to: [quick, slow] }
            - to: end
      """)
    let end = try await bench.start()
    #expect(end.values["rounds"] == 2)
    #expect(bench.steps == [["quick", "slow"], ["slower"], ["join"], ["quick", "slow"], ["slower"], ["join"]])
  }

  @Test func `a deferred node runs once for all arrivals when nothing else can`() async throws {
    let bench = try Bench(
      """
      graph: deferring
      state: { log: { reduce: append } }
      start: [a, b]
      nodes:
        a: { work: a, save: log, next: last }
        b: { work: b, save: log, next: c }
        c: { work: c, save: log, next: last }
        last: { work: last, save: log, defer: true }
      """)
    let end = try await bench.start()
    #expect(end.values["log"] == ["a", "b", "c", "last"])
  }

  @Test func `a route sees its own task's writes and no sibling's`() async throws {
    let bench = try Bench(
      """
      graph: own
      state: { n: { reduce: sum }, path: { reduce: append } }
      start: [a, b]
      nodes:
        a: { work: 1, save: n, next: [{ when: .n == 1, to: one }, { to: other }] }
        b: { work: 1, save: n, next: [{ when: .n == 1, to: one }, { to: other }] }
        one: { work: one, save: path }
        other: { work: other, save: path }
      """)
    let end = try await bench.start()
    #expect(end.values == ["n": 2, "path": ["one"]])
  }

  @Test func `computed targets are held to their list`() async throws {
    let bench = try Bench(
      """
      graph: computed
      inputs: { go: { type: string } }
      start: pick
      nodes:
        pick: { work: 1, next: { to: { expr: .go, may: [left, right] } } }
        left: { work: 1 }
        right: { work: 1 }
      """)
    #expect(try await bench.start(["go": "left"]).status == .done)
    #expect(bench.work.log.runs == ["pick#1", "left#1"])
    let bad = try await bench.start(["go": "elsewhere"])
    #expect(bad.error?.kind == .route)
    #expect(bad.error?.message.contains("\"elsewhere\" is not one of left, right, end") == true)
  }

  @Test func `fan-out gives each item a task, joins in item order and bounds how many run at once`() async throws {
    let running = Gauge()
    let bench = try Bench(
      """
      graph: map
      state: { items: { default: [3, 1, 2] }, out: { reduce: append } }
      start: split
      nodes:
        split: { work: 1, next: { each: ".items", to: double, parallel: 2 } }
        double: { work: 1, save: { out: "[$index, $result]" }, next: join }
        join: { work: 1 }
      """,
      [
        "double": { task in
          running.enter()
          defer { running.leave() }
          let item = task.scope.variables["item"]?.intValue ?? 0
          for _ in 0..<(10 - item) { await Task.yield() }
          return .result(.int(item * 2))
        }
      ])
    let end = try await bench.start()
    #expect(end.values["out"] == [0, 6, 1, 2, 2, 4])
    #expect(running.most <= 2)
    #expect(bench.work.log.count("join") == 1)
    #expect(Set(bench.work.log.keys).count == 5)
  }

  @Test func `zero items end the branch`() async throws {
    let bench = try Bench(
      """
      graph: none
      state: { items: { default: [] } }
      start: split
      nodes:
        split: { work: 1, next: { each: ".items", to: work-on } }
        work-on: { work: 1 }
      """)
    #expect(try await bench.start().status == .done)
    #expect(bench.work.log.count("work-on") == 0)
  }

  @Test func `a node skipped by when writes nothing, counts as finished and its routes see null`() async throws {
    let bench = try Bench(
      """
      graph: skip
      state: { x: {}, path: { reduce: append } }
      start: [a, b]
      nodes:
        a: { work: 1, when: "false", save: x, next: [{ when: $result == null, to: seen }, { to: end }] }
        b: { work: 1 }
        seen: { work: seen, save: path }
        join: { after: [a, b], work: join, save: path }
      """)
    let end = try await bench.start()
    #expect(end.values == ["path": ["seen", "join"]])
    let first = try await bench.view.snapshot("t", at: 1)
    #expect(first.tasks.map(\.status) == [.skipped, .done])
  }

  @Test func `no matching route fails the task with kind route`() async throws {
    var graph = try Bench.read(
      """
      graph: stuck
      start: a
      nodes:
        a: { work: 1, next: [{ when: "false", to: b }, { to: end }] }
        b: { work: 1 }
      """)
    graph.nodes["a"]?.next?.routes.removeLast()
    let runner = Engine(store: MemoryStore(), kinds: NodeRegistry([Work()]), environment: [:])
    let end = try await runner.start(graph, thread: "t")
    #expect(end.status == .failed)
    #expect(end.error?.kind == .route)
  }

  @Test func `max-steps fails with the state kept, and the last allowed step may finish`() async throws {
    let text = """
      graph: loop
      state: { n: { reduce: sum } }
      max-steps: 3
      start: a
      nodes:
        a: { work: 1, save: n, next: [{ when: .n < LIMIT, to: a }, { to: end }] }
      """
    let endless = try Bench(text.replacing("LIMIT", with: "7"))
    let end = try await endless.start()
    #expect(end.status == .failed)
    #expect(end.error?.kind == .limit)
    #expect(end.values["n"] == 3)
    #expect(try await endless.resume().values["n"] == 6)
    #expect(try await endless.resume().status == .done)

    let exact = try Bench(text.replacing("LIMIT", with: "3"))
    #expect(try await exact.start().status == .done)
  }

  @Test func `until stops after the super-step of its node`() async throws {
    let bench = try Bench(
      """
      graph: until
      start: a
      nodes:
        a: { work: 1, next: b }
        b: { work: 1, next: c }
        c: { work: 1 }
      """)
    var options = RunOptions()
    options.until = "b"
    let end = try await bench.start(options: options)
    #expect(end.status == .stopped)
    #expect(end.next == ["c"])
    #expect(try await bench.resume().status == .done)
    #expect(bench.work.log.runs == ["a#1", "b#1", "c#1"])
  }
}

/// How many are inside at once.
final class Gauge: Sendable {
  private let state = Mutex((now: 0, most: 0))
  var most: Int { state.withLock(\.most) }
  func enter() {
    state.withLock {
      $0.now += 1
      $0.most = max($0.most, $0.now)
    }
  }
  func leave() { state.withLock { $0.now -= 1 } }
}
