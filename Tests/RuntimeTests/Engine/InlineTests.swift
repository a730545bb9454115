import Graph
import GraphRuntime
import Synchronization
import Testing

/// Super-steps of one task that only computes are run where they are, and in durability `exit`, with nobody looking on, without
/// a record of each. That shows in nothing but the time it takes.
@Suite("Super-steps of one task that only computes")
struct InlineTests {
  /// What a run left to be seen.
  private struct Outcome: Equatable {
    var ends: [String] = []
    var history: [JSON] = []
    var tasks: [TaskRecord] = []
    var output: [OutputRecord] = []
    var events: [JSON] = []
  }

  /// Runs the graph, resuming it once where it is not done.
  private func outcome(
    of text: String, _ bodies: [NodeName: Work.Body], _ durability: Durability, isInstant: Bool, isHeard: Bool,
    options: RunOptions
  ) async throws -> Outcome {
    let graph = try Bench.read(text)
    let clock = RunClock(now: { Timestamp(milliseconds: 0) }, chance: { 0 })
    let engine = Engine(
      store: MemoryStore(), kinds: NodeRegistry([Work(bodies: bodies, isInstant: isInstant)]), reader: Bench.reader,
      environment: [:], clock: clock)
    let events = Mutex<[JSON]>([])
    let hear: Engine.Observer = { event in events.withLock { $0.append(untimed(event.json)) } }
    let observe = isHeard ? hear : nil
    var outcome = Outcome()
    var end = try await engine.start(graph, thread: "t", durability: durability, options: options, observe: observe)
    outcome.ends.append(shown(end))
    if end.status != .done {
      let answers = end.interrupts.map { Answer(id: $0.question.id, value: "yes") }
      end = try await engine.resume("t", graph: graph, answers: answers, options: options, observe: observe)
      outcome.ends.append(shown(end))
    }
    outcome.history = try await ThreadView(engine.store, reader: engine.reader).history("t").map { line in
      guard var row = line.json.objectValue, let ran = row["ran"]?.arrayValue else { return line.json }
      row["ran"] = .array(ran.map(untimed))
      return .object(row)
    }
    for checkpoint in 1...end.checkpoint {
      outcome.tasks += try await engine.store.tasks(of: "t", namespace: "", checkpoint: checkpoint).map(\.untimed)
    }
    outcome.output = try await engine.store.output(of: "t")
    // Events of siblings, and those that are told once a queue is written, come when they come.
    let isOrdered = durability != .async && !text.contains("each:")
    outcome.events = events.withLock { isOrdered ? $0 : $0.sorted { $0.text < $1.text } }
    return outcome
  }

  private func untimed(_ json: JSON) -> JSON {
    guard var object = json.objectValue else { return json }
    object["seconds"] = nil
    return .object(object)
  }

  private func shown(_ end: RunEnd) -> String {
    """
    \(end.status) \(end.checkpoint) \(end.step) \(JSON.object(end.values).text) \(end.next) \
    \(end.errors.map(\.message)) \(end.interrupts.map(\.question.prompt))
    """
  }

  private static let loop = """
    graph: loop
    state: { n: { default: 0 }, list: { reduce: append }, once: { reduce: untracked } }
    start: a
    nodes:
      a: { work: 1, save: { n: .n + $result, list: .n, once: $run.step }, next: [{ when: .n < 30, to: b }, { to: end }] }
      b: { work: { result: x }, save: { list: $result }, next: a }

    """

  private static let cases: [(name: String, text: String, bodies: [NodeName: Work.Body])] = [
    ("a loop", loop, [:]),
    (
      "a task that prints", loop,
      [
        "b": { task in
          task.print("here\n", to: .stdout); return .result("x")
        }
      ]
    ),
    ("a task that fails", loop, ["b": { _ in throw NodeFailure(.exit, "exit 3") }]),
    ("a task that asks", loop, ["b": asks("Go on?")]),
    ("a task that notes something down", loop, ["b": { task in .result(try await task.remember("k") { "kept" }) }]),
    ("writes of its own", loop, ["b": { _ in .writes([ChannelWrite("list", ["p", "q"])]) }]),
    ("a channel that there is not", loop, ["b": { _ in .writes([ChannelWrite("none", 1)]) }]),
    (
      "a value that does not fit",
      "graph: g\nstate: { n: { type: integer, default: 0 } }\nstart: a\nnodes:\n  a: { work: 1, save: n, next: b }\n"
        + "  b: { work: { result: x }, save: n }\n", [:]
    ),
    (
      "a computed route to nowhere",
      "graph: g\nstate: { n: { default: 0 } }\nstart: a\nnodes:\n  a: { work: 1, save: n, next: b }\n"
        + "  b: { work: 1, next: { to: { expr: .n, may: [a] } } }\n", [:]
    ),
    (
      "a computed route to nowhere once a list has grown",
      "graph: g\nstate: { n: { default: 0 }, list: { reduce: append } }\nstart: a\nnodes:\n"
        + "  a: { work: 1, save: { n: .n + 1, list: .n }, next: b }\n"
        + "  b: { work: 1, save: { n: .n + 1, list: .n }, next: { to: { expr: .n, may: [a] } } }\n", [:]
    ),
    (
      "a fan-out, a barrier and what is deferred",
      "graph: g\nstate: { list: { reduce: append } }\nstart: a\nnodes:\n  a: { work: 1, next: b }\n"
        + "  b: { work: [1, 2, 3], save: list, next: [{ each: \"[1, 2]\", to: c }] }\n  c: { work: 1, save: { list: $item } }\n"
        + "  d: { work: 4, after: [c], save: list, next: e }\n  e: { work: 5, defer: true, save: list }\n", [:]
    ),
    (
      "channels that fade",
      "graph: g\nstate: { n: { default: 0 }, f: { reduce: ephemeral } }\nstart: a\nnodes:\n"
        + "  a: { work: 1, save: f, next: b }\n  b: { work: 1, save: { n: .f }, next: c }\n  c: { work: 1, save: { n: .f } }\n",
      [:]
    ),
    (
      "messages",
      "graph: g\nstate: { n: { default: 0 }, chat: { reduce: messages } }\nstart: a\nnodes:\n"
        + "  a: { work: hello, save: { chat: $result, n: .n + 1 }, next: [{ when: .n < 5, to: a }, { to: end }] }\n",
      [:]
    ),
  ]

  @Test(arguments: cases.indices, Durability.allCases)
  func `come to the same as those that are watched over`(number: Int, durability: Durability) async throws {
    let (name, text, bodies) = Self.cases[number]
    for steps in [nil, 3] {
      var options = RunOptions()
      options.maxSteps = steps
      options.streams = [.updates, .values]
      func outcome(isInstant: Bool, isHeard: Bool) async throws -> Outcome {
        try await self.outcome(
          of: text, bodies, durability, isInstant: isInstant, isHeard: isHeard, options: options)
      }
      let watched = try await outcome(isInstant: false, isHeard: true)
      #expect(try await outcome(isInstant: true, isHeard: true) == watched, "\(name), max-steps \(steps ?? 0)")
      var unheard = watched
      unheard.events = []
      #expect(try await outcome(isInstant: true, isHeard: false) == unheard, "\(name), max-steps \(steps ?? 0)")
    }
  }

  @Test func `that nobody stores or is told of make no record of each`() async throws {
    let graph = try Bench.read(Self.loop.replacing("30", with: "500"))
    let looks = Mutex(0)
    let clock = RunClock(
      now: {
        looks.withLock { $0 += 1 }
        return Timestamp(milliseconds: 0)
      }, chance: { 0 })
    let engine = Engine(
      store: MemoryStore(), kinds: NodeRegistry([Work(isInstant: true)]), reader: Bench.reader, environment: [:],
      clock: clock)
    var options = RunOptions()
    options.maxSteps = 2000
    let end = try await engine.start(graph, thread: "t", durability: .exit, options: options)
    #expect(end.status == .done && end.step == 999)
    #expect(looks.withLock { $0 } < 20, "each record is dated")
  }

  @Test(.timeLimit(.minutes(1))) func `stop when they are asked to`() async throws {
    let stop = StopControl()
    let graph = try Bench.read(
      "graph: g\nstate: { n: { default: 0 } }\nstart: a\nnodes:\n  a: { work: 1, save: { n: .n + 1 }, next: a }\n")
    let work = Work(
      bodies: [
        "a": { task in
          if task.scope.state["n"] == 100 { stop.request() }
          return .result(1)
        }
      ], isInstant: true)
    let engine = Engine(store: MemoryStore(), kinds: NodeRegistry([work]), reader: Bench.reader, environment: [:])
    var options = RunOptions()
    options.maxSteps = 1_000_000
    let end = try await engine.start(graph, thread: "t", durability: .exit, options: options, stop: stop)
    #expect(end.status == .stopped)
    #expect(end.values["n"] == 101, "the super-step under way ends")
  }
}

extension TaskRecord {
  fileprivate var untimed: TaskRecord {
    var record = self
    record.seconds = nil
    return record
  }
}
