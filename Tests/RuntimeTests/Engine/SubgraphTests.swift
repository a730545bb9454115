import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

/// Runs the graph that its node names inside the task, as a `graph` node does.
struct Nested: NodeKind {
  let name = "graph"

  func effectClass(of node: Node) -> EffectClass { .pure }

  func defaultTimeout(of node: Node) -> Duration? { nil }

  func run(_ task: TaskContext) async throws -> NodeResult {
    let graph = try #require(task.subgraph)
    return try await task.run(graph) { try await task.value("inputs")?.objectValue ?? [:] }
  }
}

@Suite("Subgraphs")
struct SubgraphTests {
  static let outer = """
    graph: outer
    inputs: { n: { default: 3 } }
    state: { got: {}, hidden: { default: secret }, log: { reduce: append } }
    start: before
    nodes:
      before: { work: before, save: log, next: inside }
      inside: { graph: { file: inner.graph, inputs: { n: "${{ .n + 1 }}" } }, save: got, next: after }
      after: { work: after, save: log }
    """

  static let inner = """
    graph: inner
    inputs: { n: { type: integer } }
    state: { a: {}, b: {} }
    outputs: { sum: .a + .b }
    start: one
    nodes:
      one: { work: { result: "${{ .n * 10 }}", class: once }, save: a, next: two }
      two: { work: { result: "${{ .a + 1 }}", class: once }, save: b }
    """

  @Test func `the outputs are the result, and no key crosses otherwise`() async throws {
    let seen = Mutex<[String]>([])
    let bench = try Bench(
      Self.outer, files: ["inner.graph": Self.inner],
      [
        "one": { task in
          seen.withLock { $0 = task.scope.state.map(\.key) }
          return .result(40)
        }
      ])
    let end = try await bench.start()
    #expect(end.status == .done)
    #expect(end.values["got"] == ["sum": 81])
    #expect(end.values["a"] == nil)
    #expect(seen.withLock { $0 } == ["n"])
    #expect(bench.work.log.runs == ["before#1", "one#1", "two#1", "after#1"])
    #expect(Set(bench.work.log.keys).count == 4)
  }

  @Test func `without outputs the result is every channel that can be stored`() async throws {
    let inner = Self.inner.replacing("outputs: { sum: .a + .b }\n", with: "")
      .replacing("b: {} }", with: "b: {}, c: { reduce: untracked, default: 1 } }")
    let bench = try Bench(Self.outer, files: ["inner.graph": inner])
    #expect(try await bench.start().values["got"] == ["n": 4, "a": 40, "b": 41])
  }

  @Test func `it has checkpoints, steps and events of its own, and leaves the thread's header alone`() async throws {
    let bench = try Bench(Self.outer, files: ["inner.graph": Self.inner])
    let end = try await bench.start()
    #expect(end.step == 3)
    #expect(end.checkpoint == 4)
    let store = bench.runner.store
    #expect(try await store.namespaces(of: "t") == ["", "inside@2"])
    let numbers = try await store.history(of: "t", namespace: "inside@2", before: nil, limit: nil).map(\.record.number)
    #expect(numbers == [3, 2, 1])
    #expect(
      bench.placed("inside@2").compactMap { if case .checkpoint(let number, _, _) = $0 { number } else { nil } } == [
        2, 3,
      ])
    let lines = try await bench.view.historyWithSubgraphs("t")
    #expect(
      lines.map { "\($0.entry.record.namespace) \($0.entry.record.number)" } == [
        " 4", " 3", "inside@2 3", "inside@2 2", "inside@2 1", " 2", " 1",
      ])
  }

  static let loops = """
    graph: loops
    state: { n: { reduce: sum }, all: { reduce: append } }
    start: turn
    nodes:
      turn: { graph: { file: leaf.graph, inputs: { x: "${{ .n }}" } }, save: { all: $result.y, n: "1" }, next: [{ when: .n < 3, to: turn }, { to: spread }] }
      spread: { work: 1, next: { each: "[10, 20]", to: item } }
      item: { graph: { file: middle.graph, inputs: { x: "${{ $item }}" } }, save: { all: $result.z } }
    """

  static let leaf = """
    graph: leaf
    inputs: { x: {} }
    state: { y: {} }
    start: leaf
    nodes: { leaf: { work: { result: "${{ .x + 1 }}", class: once }, save: y } }
    """

  static let middle = """
    graph: middle
    inputs: { x: {} }
    state: { z: {} }
    start: deeper
    nodes: { deeper: { graph: { file: leaf.graph, inputs: { x: "${{ .x }}" } }, save: { z: $result.y } } }
    """

  static let looping = ["leaf.graph": leaf, "middle.graph": middle]

  @Test func `every loop turn, every item and every level has a namespace and keys of its own`() async throws {
    let bench = try Bench(Self.loops, files: Self.looping)
    let end = try await bench.start()
    #expect(end.values["all"] == [1, 2, 3, 11, 21])
    let namespaces = Set(try await bench.runner.store.namespaces(of: "t"))
    #expect(
      namespaces == [
        "", "turn@1", "turn@2", "turn@3", "item[0]@5", "item[1]@5", "item[0]@5/deeper@1", "item[1]@5/deeper@1",
      ])
    #expect(Set(bench.work.log.keys).count == bench.work.log.keys.count)
  }

  @Test func `max-steps counts inside by itself`() async throws {
    let inner = Self.inner + "\nmax-steps: 1"
    let bench = try Bench(Self.outer + "\nmax-steps: 3", files: ["inner.graph": inner])
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.error?.kind == .limit)
    #expect(end.error?.node == "inside")
    #expect(try await bench.resume().status == .done)
    #expect(bench.work.log.runs == ["before#1", "one#1", "two#1", "after#1"])
  }

  // MARK: Questions

  static let asking = """
    graph: asking
    state: { a: {}, b: {} }
    start: [left, right, quick]
    nodes:
      left: { work: 1, save: a }
      right: { work: 1, save: b }
      quick: { work: { class: once } }
    """

  @Test(arguments: Durability.allCases)
  func `questions inside are the thread's, each answer goes inside, and nothing runs twice`(
    durability: Durability
  ) async throws {
    let outer = Self.outer.replacing(", inputs: { n: \"${{ .n + 1 }}\" }", with: "")
    let bench = try Bench(
      outer, files: ["inner.graph": Self.asking], ["left": asks("left?"), "right": asks("right?")])
    let waiting = try await bench.start(durability: durability)
    #expect(waiting.status == .waiting)
    #expect(waiting.next == ["inside"])
    let open = waiting.interrupts
    #expect(open.map(\.task) == ["inside/left", "inside/right"])
    #expect(open.map(\.node) == ["left", "right"])
    #expect(open[0].json["namespace"] == .string(try #require(open[0].question.origin?.namespace)))
    let told = bench.events.compactMap { if case .interrupt(_, _, let question) = $0 { question.id } else { nil } }
    #expect(told.sorted() == open.map(\.question.id).sorted())
    await #expect(throws: RunRefusal.answerNeedsID(open)) { try await bench.resume([Answer(value: 1)]) }

    let half = try await bench.resume([Answer(id: open[1].question.id, value: 7)])
    #expect(half.status == .waiting)
    #expect(half.interrupts.map(\.question.id) == [open[0].question.id])
    let runs = bench.work.log.runs
    #expect(try await bench.resume().interrupts.map(\.question.id) == [open[0].question.id])
    #expect(bench.work.log.runs == runs)
    // Once more the same is no change, another is refused: the first answer counts.
    #expect(try await bench.resume([Answer(id: open[1].question.id, value: 7)]).status == .waiting)
    await #expect(throws: RunRefusal.alreadyAnswered(open[1].question.id, of: "t")) {
      try await bench.resume([Answer(id: open[1].question.id, value: 8)])
    }

    let end = try await bench.resume([Answer(value: 5)])
    #expect(end.status == .done)
    #expect(end.values["got"] == ["a": 5, "b": 7])
    #expect(bench.work.log.count("quick") == 1)
    #expect(bench.work.log.count("before") == 1)
  }

  @Test func `a question two levels down is shown and answered by one id`() async throws {
    let bench = try Bench(Self.loops, files: Self.looping, ["leaf": asks("y?")])
    let first = try await bench.start()
    #expect(first.interrupts.map(\.task) == ["turn/leaf"])
    var end = first
    for _ in 0..<3 { end = try await bench.resume([Answer(value: 1)]) }
    #expect(end.interrupts.map(\.task) == ["item[0]/deeper/leaf", "item[1]/deeper/leaf"])
    let shown = try await bench.view.snapshot("t").json
    let deep = shown["tasks"]?[1]?["subgraph"]?["tasks"]?[0]?["subgraph"]?["tasks"]?[0]
    #expect(deep?["interrupt"]?["id"] == .string(end.interrupts[1].question.id))
    end = try await bench.resume(end.interrupts.map { Answer(id: $0.question.id, value: 4) })
    #expect(end.values["all"] == [1, 1, 1, 4, 4])
  }

  @Test func `a failure beside a question inside: the same resume may answer it`() async throws {
    let broken = Mutex(true)
    let outer = Self.outer.replacing(", inputs: { n: \"${{ .n + 1 }}\" }", with: "")
    let bench = try Bench(
      outer, files: ["inner.graph": Self.asking],
      [
        "left": asks("left?"),
        "right": { _ in if broken.withLock({ $0 }) { throw NodeFailure(.exit, "boom") } else { .result(2) } },
      ])
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.interrupts.map(\.task) == ["inside/left"])
    broken.withLock { $0 = false }
    let done = try await bench.resume([Answer(value: 1)])
    #expect(done.values["got"] == ["a": 1, "b": 2])
    #expect(bench.work.log.count("quick") == 1)
  }

  @Test func `approval inside, and of the task itself, are asked one after the other`() async throws {
    let inner = Self.inner.replacing("save: b }", with: "save: b, approve: true }")
    let outer = Self.outer.replacing("save: got,", with: "save: got, approve: true,")
    let bench = try Bench(outer, files: ["inner.graph": inner])
    #expect(try await bench.start().interrupts.map(\.task) == ["inside"])
    #expect(try await bench.resume([Answer(value: true)]).interrupts.map(\.task) == ["inside/two"])
    #expect(try await bench.resume([Answer(value: true)]).status == .done)
    #expect(bench.work.log.count("one") == 1)
  }

  // MARK: Failure, time and stops

  @Test func `a failure inside is the node's error, and resume runs only what has not finished`() async throws {
    let broken = Mutex(true)
    let bench = try Bench(
      Self.outer, files: ["inner.graph": Self.inner],
      ["two": { _ in if broken.withLock({ $0 }) { throw NodeFailure(.exit, "boom") } else { .result(1) } }])
    let end = try await bench.start()
    #expect(end.error == TaskError(node: "inside", kind: .exit, message: "two: boom"))
    let shown = try await bench.view.snapshot("t").json
    #expect(shown["tasks"]?[0]?["subgraph"]?["values"] == ["n": 4, "a": 40])
    #expect(shown["tasks"]?[0]?["subgraph"]?["next"] == ["two"])
    broken.withLock { $0 = false }
    #expect(try await bench.resume().values["got"] == ["sum": 41])
    #expect(bench.work.log.runs == ["before#1", "one#1", "two#1", "two#2", "after#1"])
  }

  @Test(arguments: Durability.allCases)
  func `retry of the node goes on inside`(durability: Durability) async throws {
    let left = Mutex(2)
    let outer = Self.outer.replacing("save: got,", with: "save: got, retry: { attempts: 3, delay: 1ms },")
    let bench = try Bench(
      outer, files: ["inner.graph": Self.inner],
      [
        "two": { _ in
          guard
            left.withLock({ count in
              count -= 1; return count < 0
            })
          else { throw NodeFailure(.exit, "boom") }
          return .result(2)
        }
      ])
    let end = try await bench.start(durability: durability)
    #expect(end.status == .done)
    #expect(end.values["got"] == ["sum": 42])
    #expect(bench.work.log.runs == ["before#1", "one#1", "two#1", "two#2", "two#3", "after#1"])
    #expect(Set(bench.work.log.keys).count == 4)
  }

  @Test func `on-error of the node takes what fails inside`() async throws {
    let outer = Self.outer.replacing("save: got,", with: "save: got, on-error: after,")
    let bench = try Bench(
      outer, files: ["inner.graph": Self.inner],
      [
        "two": { _ in throw NodeFailure(.exit, "boom") },
        "after": { task in .result(task.scope.variables["error"]?["message"] ?? .null) },
      ])
    let end = try await bench.start()
    #expect(end.status == .done)
    #expect(end.values["log"] == ["before", "two: boom"])
  }

  @Test func `the node's timeout ends what runs inside; what was in flight is in doubt there`() async throws {
    let outer = Self.outer.replacing("save: got,", with: "save: got, timeout: 2s,")
    let slow = Mutex(true)
    let bench = try Bench(
      outer, files: ["inner.graph": Self.inner],
      [
        "two": { _ in
          if slow.withLock({ $0 }) { try await Task.sleep(for: .seconds(60)) }
          return .result(2)
        }
      ])
    let doubt = try await bench.start()
    #expect(doubt.status == .waiting)
    #expect(doubt.interrupts.map(\.question.kind) == [.doubt])
    #expect(doubt.interrupts.map(\.task) == ["inside/two"])
    slow.withLock { $0 = false }
    #expect(try await bench.resume([Answer(value: "rerun")]).values["got"] == ["sum": 42])
    #expect(bench.work.log.count("one") == 1)
  }

  @Test func `idle of the node counts every sign of life inside`() async throws {
    let outer = Self.outer.replacing("save: got,", with: "save: got, idle: 2s,")
    let bench = try Bench(
      outer, files: ["inner.graph": Self.inner],
      [
        "two": { task in
          for _ in 0..<12 {
            try await Task.sleep(for: .milliseconds(200))
            task.print(".", to: .stdout)
          }
          return .result(2)
        }
      ])
    #expect(try await bench.start().status == .done)
  }

  @Test func `a stop lets the running task inside end and starts nothing more`() async throws {
    let stop = StopControl()
    let bench = try Bench(
      Self.outer, files: ["inner.graph": Self.inner],
      [
        "one": { _ in
          stop.request()
          return .result(1)
        }
      ])
    let end = try await bench.start(stop: stop)
    #expect(end.status == .stopped)
    #expect(bench.work.log.runs == ["before#1", "one#1"])
    #expect(try await bench.resume().values["got"] == ["sum": 3])
    #expect(bench.work.log.runs == ["before#1", "one#1", "two#1", "after#1"])
  }

  @Test func `what its outputs cannot be made of fails the node`() async throws {
    let inner = Self.inner.replacing("sum: .a + .b", with: "sum: '.a + {}'")
    let bench = try Bench(Self.outer, files: ["inner.graph": inner])
    let end = try await bench.start()
    #expect(end.error?.kind == .expression)
    #expect(end.error?.message.hasPrefix("outputs.sum of inner: ") == true)
  }

  @Test func `inputs of the wrong type fail the node`() async throws {
    let bench = try Bench(Self.outer.replacing(".n + 1", with: ".log"), files: ["inner.graph": Self.inner])
    let end = try await bench.start()
    #expect(end.error?.kind == .type)
    #expect(bench.work.log.runs == ["before#1"])
  }
}
