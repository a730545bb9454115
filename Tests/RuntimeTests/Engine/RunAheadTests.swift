import Graph
import GraphRuntime
import Synchronization
import Testing

/// A task that nothing still running can touch does not wait for its siblings; everything stored is as if it had.
@Suite("Running ahead")
struct RunAheadTests {
  /// `slow` and `first` start together; `second` and `third` follow `first`.
  static func graph(_ settings: String = "", second: String = "{ work: 2, save: b, next: third }") -> String {
    """
    graph: ahead
    \(settings)
    state: { a: {}, b: {}, c: {}, s: {} }
    start: [slow, first]
    nodes:
      slow: { work: 0, save: s }
      first: { work: 1, save: a, next: second }
      second: \(second)
      third: { work: "${{ .b }}", save: c }
    """
  }

  /// `slow` ends when the node called `opening` has ended, so that a run in which it waited would never end.
  private func bodies(opening node: NodeName, _ gate: Gate) -> [NodeName: Work.Body] {
    [
      "slow": { _ in
        await gate.opened()
        return .result(0)
      },
      node: { task in
        gate.open()
        return .result(try await task.value("result") ?? .null)
      },
    ]
  }

  @Test func `a branch does not wait for its slow sibling, over any number of super-steps`() async throws {
    let gate = Gate()
    let bench = try Bench(Self.graph(), sight: .fields, bodies(opening: "third", gate))
    let end = try await bench.start()
    #expect(end.status == .done)
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    #expect(end.checkpoint == 4)
    #expect(try await history(bench) == [[], ["slow", "first"], ["second"], ["third"]])
  }

  @Test func `what is told has the step it belongs to, and checkpoints come in order`() async throws {
    let gate = Gate()
    let bench = try Bench(Self.graph(), sight: .fields, bodies(opening: "third", gate))
    _ = try await bench.start()
    let told = bench.events.compactMap { event -> String? in
      switch event {
      case .stepStart(let step, let nodes): "step \(step) \(nodes.map(\.rawValue).joined(separator: " "))"
      case .taskEnd(let step, let node, _, _, _, _): "end \(step) \(node)"
      case .checkpoint(let number, let step, _): "checkpoint \(number) \(step)"
      default: nil
      }
    }
    #expect(told.prefix(5) == ["step 1 slow first", "end 1 first", "step 2 second", "end 2 second", "step 3 third"])
    // Whether the last task ends before its sibling or after it is a matter of timing.
    #expect(
      told.dropFirst(5).sorted() == ["checkpoint 2 1", "checkpoint 3 2", "checkpoint 4 3", "end 1 slow", "end 3 third"])
    #expect(told.filter { $0.hasPrefix("checkpoint") } == ["checkpoint 2 1", "checkpoint 3 2", "checkpoint 4 3"])
    #expect(told.last == "checkpoint 4 3")
  }

  @Test(arguments: [
    ("schedule: strict", "{ work: 2, save: b, next: third }"),
    ("", #"{ work: "${{ .s }}", save: b, next: third }"#),
    ("", "{ work: 2, when: .s == null, save: b, next: third }"),
    ("", "{ work: 2, save: { b: .s }, next: third }"),
    ("", "{ work: 2, save: b, next: [{ when: .s == null, to: end }, { to: third }] }"),
    ("", #"{ work: "${{ . }}", save: b, next: third }"#),
    ("", #"{ work: "${{ now }}", save: b, next: third }"#),
    ("", #"{ work: "at ${{ [0, now] }}", save: b, next: third }"#),
    ("", "{ work: { result: 2, class: once }, save: b, next: third }"),
    ("", "{ work: { result: 2, class: check }, save: b, next: third }"),
    ("", "{ work: { result: 2, class: repeatable }, save: b, next: third }"),
    ("", "{ work: 2, save: b, approve: true, next: third }"),
    ("", "{ work: 2, save: b, cache: {}, next: third }"),
    ("", "{ work: 2, save: b, defer: true, next: third }"),
    ("", "{ work: 2, save: b, after: [slow], next: third }"),
  ])
  func `what may be touched, has effects, or is to wait, waits`(settings: String, second: String) async throws {
    let ended = Mutex(false)
    let wasEarly = Mutex(false)
    let bench = try Bench(
      Self.graph(settings, second: second), sight: .fields,
      [
        "slow": { _ in
          for _ in 0..<2000 { await Task.yield() }
          ended.withLock { $0 = true }
          return .result(0)
        },
        "second": { _ in
          if !ended.withLock({ $0 }) { wasEarly.withLock { $0 = true } }
          return .result(2)
        },
      ])
    var options = RunOptions()
    options.approveAll = true
    _ = try await bench.start(options: options)
    #expect(bench.work.log.count("second") > 0 || second.contains("when:"))
    #expect(!wasEarly.withLock { $0 })
  }

  @Test(arguments: [
    ("{ work: 0, save: s }", true), ("{ work: { result: 0, class: repeatable }, save: s }", false),
    ("{ work: { result: 0, class: wait }, save: s }", false), ("{ work: 0, approve: true, save: s }", false),
  ])
  func `what looks at the world waits for what may change it, or waits itself`(
    slow: String, isAhead: Bool
  ) async throws {
    let text = Self.graph().replacing("{ work: 0, save: s }", with: slow)
    let gate = Gate()
    let wasEarly = Mutex(false)
    let bench = try Bench(
      text, sight: .world,
      [
        "slow": { _ in
          if isAhead { await gate.opened() } else { for _ in 0..<2000 { await Task.yield() } }
          wasEarly.withLock { $0 = gate.isOpen }
          return .result(0)
        },
        "second": { _ in
          gate.open()
          return .result(2)
        },
      ])
    var options = RunOptions()
    options.approveAll = true
    #expect(try await bench.start(options: options).status == .done)
    #expect(wasEarly.withLock { $0 } == isAhead)
  }

  @Test func `nothing runs ahead of where the run is asked to stop`() async throws {
    var options = RunOptions()
    options.until = "first"
    let bench = try Bench(Self.graph(), sight: .fields)
    let end = try await bench.start(options: options)
    #expect(end.status == .stopped)
    #expect(bench.work.log.count("second") == 0)
  }

  @Test func `when a sibling fails, what ran ahead is kept and not run again`() async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails)
    fails.clear()
    let end = try await bench.resume()
    #expect(end.status == .done)
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    #expect(bench.work.log.runs.dropFirst(2) == ["second#1", "third#1", "slow#2"])
    #expect(try await history(bench) == [[], ["slow", "first"], ["second"], ["third"]])
  }

  @Test func `a failure ahead of its super-step is told when that comes`() async throws {
    let gate = Gate()
    var bodies = bodies(opening: "third", gate)
    bodies["second"] = { _ in
      gate.open()
      throw NodeFailure(.exit, "no")
    }
    let bench = try Bench(Self.graph(), sight: .fields, bodies)
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.checkpoint == 2)
    #expect(end.next == ["second"])
    #expect(end.values == ["a": 1, "s": 0])
    #expect(bench.work.log.count("second") == 1)
    let told = bench.events.compactMap { event -> String? in
      switch event {
      case .taskEnd(let step, let node, _, let status, _, _): "\(step) \(node) \(status)"
      case .checkpoint(let number, _, _): "checkpoint \(number)"
      default: nil
      }
    }
    #expect(told == ["1 first done", "1 slow done", "checkpoint 2", "2 second failed"])
  }

  @Test func `a failure ahead of its super-step is told at the end of a run in which that does not come`() async throws
  {
    let gate = Gate()
    var bodies = bodies(opening: "third", gate)
    bodies["second"] = { _ in
      gate.open()
      throw NodeFailure(.exit, "no")
    }
    bodies["slow"] = { _ in
      await gate.opened()
      throw NodeFailure(.exit, "no")
    }
    let bench = try Bench(Self.graph(), sight: .fields, bodies)
    let end = try await bench.start()
    #expect(end.next == ["slow"])
    let told = bench.events.compactMap { event -> String? in
      if case .taskEnd(let step, let node, _, let status, _, _) = event { "\(step) \(node) \(status)" } else { nil }
    }
    #expect(told == ["1 first done", "1 slow failed", "2 second failed"])
  }

  @Test func `what was refused by a state that had not come is run again in its super-step`() async throws {
    let gate = Gate()
    let bench = try Bench(
      """
      graph: refused
      inputs:
        total: { type: integer, maximum: 10, reduce: sum, default: 8 }
      state: { a: {}, trail: { reduce: append } }
      start: [slow, first]
      nodes:
        slow: { work: 0, save: { total: '{"$overwrite": 0}' } }
        first: { work: 1, save: a, next: second }
        second: { work: 5, save: total, next: third, on-error: handler }
        third: { work: 3, save: trail }
        handler: { work: 9, save: trail }
      """, sight: .fields,
      [
        "slow": { _ in
          await gate.opened()
          for _ in 0..<2000 { await Task.yield() }
          return .result(0)
        },
        "second": { _ in
          gate.open()
          return .result(5)
        },
      ])
    let end = try await bench.start()
    #expect(end.status == .done)
    #expect(end.values == ["total": 5, "a": 1, "trail": [3]])
  }

  @Test func `what saw the world is looked at again by a run after one that closed`() async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails, sight: .world)
    fails.clear()
    let end = try await bench.resume()
    #expect(end.status == .done)
    #expect(bench.work.log.runs.dropFirst(4).sorted() == ["second#1", "slow#2", "third#1"])
  }

  @Test(arguments: [("1", 4), ("2", 6)])
  func `what ran ahead counts while the variables that the graph names are the same`(
    value: String, count: Int
  ) async throws {
    let store = MemoryStore()
    let text = Self.graph("env: [FOO]")
    let gate = Gate()
    var bodies = bodies(opening: "third", gate)
    bodies["slow"] = { _ in
      await gate.opened()
      throw NodeFailure(.exit, "no")
    }
    let first = try Bench(text, store: store, environment: ["FOO": "1"], sight: .fields, bodies)
    #expect(try await first.start().status == .failed)
    let second = try Bench(text, store: store, environment: ["FOO": value], sight: .fields)
    #expect(try await second.resume().status == .done)
    #expect(first.work.log.runs.count - 1 + second.work.log.runs.count == count)
  }

  @Test func `a run that is to stop at a certain point takes over what ran ahead before`() async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails)
    fails.clear()
    var options = RunOptions()
    options.until = "third"
    let end = try await bench.resume(options: options)
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    #expect(bench.work.log.count("second") == 1)
    #expect(bench.work.log.count("third") == 1)
  }

  @Test(arguments: [(#"work: "${{ .b }}""#, "work: 7", 7 as JSON), ("work: 0", "description: mended, work: 0", 2)])
  func `an edited graph runs again what ran ahead of the old one`(old: String, new: String, c: JSON) async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails)
    fails.clear()
    let edited = try Bench.read(Self.graph().replacing(old, with: new))
    let end = try await bench.resume(graph: edited)
    #expect(end.values == ["a": 1, "b": 2, "c": c, "s": 0])
    #expect(bench.work.log.runs.dropFirst(4).sorted() == ["second#1", "slow#2", "third#1"])
  }

  @Test func `what is set as a node does not take what ran ahead on another line`() async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails)
    // Its checkpoints have the numbers at which what ran ahead was to become due.
    _ = try await bench.runner.update("t", StateUpdate(values: ["a": 1], node: "first"), graph: bench.graph)
    let end = try await bench.resume()
    #expect(end.status == .done)
    #expect(bench.work.log.runs.dropFirst(4) == ["second#1", "third#1"])
  }

  @Test(arguments: 1...9, DyingStore.Moment.allCases)
  func `a crash at any commit keeps each end exactly once`(commit: Int, moment: DyingStore.Moment) async throws {
    let memory = MemoryStore()
    let gate = Gate()
    let dying = try Bench(
      Self.graph(), store: DyingStore(memory, dyingAt: commit, moment), sight: .fields, bodies(opening: "third", gate))
    async let run = try? dying.start()
    gate.open()
    _ = await run
    let bench = try Bench(Self.graph(), store: memory, sight: .fields)
    let end = try await memory.thread("t") == nil ? bench.start() : bench.resume()
    #expect(end.status == .done)
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    #expect(try await history(bench) == [[], ["slow", "first"], ["second"], ["third"]])
  }

  @Test func `a barrier opens ahead once all it waits for has come`() async throws {
    let gate = Gate()
    let bench = try Bench(
      """
      graph: barrier
      state: { x: { reduce: append } }
      start: [slow, one, two]
      nodes:
        slow: { work: 0 }
        one: { work: 1, save: x }
        two: { work: 2, save: x, next: three }
        three: { work: 3, save: x }
        both: { work: 4, save: x, after: [one, three] }
        all: { work: 5, save: x, after: [slow, both] }
      """, sight: .fields, bodies(opening: "both", gate))
    let end = try await bench.start()
    #expect(end.values == ["x": [1, 2, 3, 4, 5]])
    #expect(try await history(bench) == [[], ["slow", "one", "two"], ["three"], ["both"], ["all"]])
  }

  @Test func `a fan-out starts ahead, its items in their places`() async throws {
    let gate = Gate()
    let bench = try Bench(
      """
      graph: fan
      state: { x: { reduce: append } }
      start: [slow, list]
      nodes:
        slow: { work: 0 }
        list: { work: 1, next: [{ each: "[7, 8]", to: item }] }
        item: { work: $item, save: { x: $item } }
        done: { work: 4, after: [item] }
      """, sight: .fields, bodies(opening: "done", gate))
    let end = try await bench.start()
    #expect(end.values == ["x": [7, 8]])
    #expect(try await history(bench) == [[], ["slow", "list"], ["item[0]", "item[1]"], ["done"]])
  }

  @Test func `set leaves what ran ahead behind, as its super-step has another number then`() async throws {
    let fails = Flag(true)
    let bench = try await failed(while: fails)
    fails.clear()
    _ = try await bench.runner.update("t", StateUpdate(values: ["c": 9]), graph: bench.graph)
    let end = try await bench.resume()
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    #expect(bench.work.log.count("second") == 2)
    #expect(Set(bench.work.log.keys).count == 6)
    #expect(try await history(bench) == [[], [], ["slow", "first"], ["second"], ["third"]])
  }

  /// A thread whose `slow` failed when `third` had run ahead; `slow` fails as long as `fails` says so.
  private func failed(while fails: Flag, sight: NodeSight = .fields) async throws -> Bench {
    let gate = Gate()
    var bodies = bodies(opening: "third", gate)
    bodies["slow"] = { _ in
      await gate.opened()
      if fails.isSet { throw NodeFailure(.exit, "no") }
      return .result(0)
    }
    let bench = try Bench(Self.graph(), sight: sight, bodies)
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.checkpoint == 1)
    #expect(end.next == ["slow"])
    #expect(end.values == ["a": 1])
    return bench
  }

  private func history(_ bench: Bench) async throws -> [[String]] {
    try await bench.view.history("t").reversed().map { $0.entry.ran.map(\.label) }
  }
}

private final class Flag: Sendable {
  private let state: Mutex<Bool>
  init(_ isSet: Bool) { state = Mutex(isSet) }
  var isSet: Bool { state.withLock { $0 } }
  func clear() { state.withLock { $0 = false } }
}
