import Graph
import Synchronization
import Testing

@testable import GraphRuntime

@Suite("Failure, retry, questions and doubt")
struct FailureTests {
  static let two = """
    graph: two
    state: { a: {}, b: {}, c: {} }
    start: [a, b]
    nodes:
      a: { work: 1, save: a }
      b: { work: 2, save: b }
      join: { after: [a, b], work: 3, save: c }
    """

  @Test func `siblings of a failed task finish, are kept, and are not run again`() async throws {
    let broken = Mutex(true)
    let bench = try Bench(
      Self.two, ["a": { _ in if broken.withLock({ $0 }) { throw NodeFailure(.exit, "boom") } else { .result(1) } }])
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.error == TaskError(node: "a", kind: .exit, message: "boom"))
    #expect(end.next == ["a"])
    #expect(end.values == ["b": 2])
    #expect(end.checkpoint == 1)
    let shown = try await bench.view.snapshot("t")
    #expect(shown.values == ["b": 2])
    #expect(shown.next == ["a"])

    broken.withLock { $0 = false }
    let done = try await bench.resume()
    #expect(done.status == .done)
    #expect(done.values == ["a": 1, "b": 2, "c": 3])
    #expect(bench.work.log.count("b") == 1)
    #expect(bench.work.log.runs.contains("a#2"))
  }

  @Test func `every attempt of a task has the same key`() async throws {
    let left = Mutex(2)
    let bench = try Bench(
      """
      graph: retry
      start: a
      nodes:
        a: { work: 1, retry: { attempts: 3, delay: 1ms } }
      """,
      [
        "a": { _ in
          if left.withLock({
            $0 -= 1; return $0 >= 0
          }) {
            throw NodeFailure(.connection, "lost")
          }
          return .result(1)
        }
      ])
    #expect(try await bench.start().status == .done)
    #expect(bench.work.log.runs == ["a#1", "a#2", "a#3"])
    #expect(Set(bench.work.log.keys).count == 1)
    #expect(bench.work.log.keys[0].count == 26)
    let retries = bench.events.filter { if case .taskRetry = $0 { true } else { false } }
    #expect(retries.count == 2)
  }

  @Test(arguments: [
    (NodeFailure(.connection, "x"), EffectClass.pure, true), (NodeFailure(.expect, "x"), .pure, false),
    (NodeFailure(.exit, "x"), .once, true), (NodeFailure(.timeout, "x"), .once, false),
    (NodeFailure(.connection, "x"), .once, false), (NodeFailure(.connection, "x", precedesEffect: true), .once, true),
    (NodeFailure(.timeout, "x"), .repeatable, true), (NodeFailure(.signal, "x"), .once, false),
    (NodeFailure(.model, "x", isPermanent: true), .pure, false),
  ])
  func `retry takes only what can get better and cannot leave a once node in doubt`(
    failure: NodeFailure, effects: EffectClass, isAllowed: Bool
  ) {
    #expect(RetryPolicy().allows(failure, made: 1, effects: effects) == isAllowed)
  }

  @Test func `waits grow to the cap, with full jitter, and heed the other side's wish`() {
    var policy = RetryPolicy()
    policy.delay = .seconds(2)
    policy.maxDelay = .seconds(5)
    let failure = NodeFailure(.http, "busy")
    #expect((1...4).map { policy.wait(after: $0, failure, chance: 1).seconds } == [2, 4, 5, 5])
    #expect(policy.wait(after: 2, failure, chance: 0.25).seconds == 1)
    #expect(policy.wait(after: 1, NodeFailure(.http, "busy", retryAfter: .seconds(60)), chance: 0).seconds == 5)
  }

  @Test func `on-error routes the failure to a handler that sees it`() async throws {
    let bench = try Bench(
      """
      graph: handled
      state: { seen: {}, after: {} }
      start: [a, b]
      nodes:
        a: { work: 1, on-error: fix, next: unreached-otherwise }
        b: { work: 1, on-error: fix }
        unreached-otherwise: { work: 1, save: after }
        fix: { work: 1, save: { seen: "[$error.node, $error.kind, $error.message, ($errors | length)]" } }
      """,
      [
        "a": { _ in throw NodeFailure(.exit, "bad a") }, "b": { _ in throw NodeFailure(.exit, "bad b") },
      ])
    let end = try await bench.start()
    #expect(end.status == .done)
    #expect(end.values["seen"] == ["a", "exit", "bad a", 2])
    #expect(end.values["after"] == nil)
  }

  @Test func `a question stops only its own task, and answers of every kind are answers`() async throws {
    for answer: JSON in [.null, false, 0, "", ["x"]] {
      let bench = try Bench(Self.two, ["a": asks("what?")])
      let waiting = try await bench.start()
      #expect(waiting.status == .waiting)
      #expect(waiting.values["b"] == 2)
      #expect(waiting.interrupts.map(\.question.prompt) == ["what?"])
      let done = try await bench.resume([Answer(value: answer)])
      #expect(done.status == .done)
      #expect(done.values["a"] == answer)
      #expect(bench.work.log.count("b") == 1)
    }
  }

  @Test func `answers are given by id, some may be left, and what does not fit changes nothing`() async throws {
    let bench = try Bench(
      Self.two, ["a": asks("number?", schema: ["type": "integer"]), "b": asks("color?", choices: ["red", "blue"])])
    let waiting = try await bench.start()
    let ids = waiting.interrupts.map(\.question.id)
    #expect(ids.count == 2)
    await #expect(throws: RunRefusal.answerNeedsID(waiting.interrupts)) { try await bench.resume([Answer(value: 1)]) }
    await #expect(throws: RunRefusal.self) { try await bench.resume([Answer(id: ids[0], value: "one")]) }
    await #expect(throws: RunRefusal.self) { try await bench.resume([Answer(id: ids[1], value: "green")]) }
    await #expect(throws: RunRefusal.self) { try await bench.resume([Answer(id: "qnone", value: 1)]) }
    let half = try await bench.resume([Answer(id: ids[0], value: 7)])
    #expect(half.status == .waiting)
    #expect(half.interrupts.map(\.question.id) == [ids[1]])
    let done = try await bench.resume([Answer(value: "red")])
    #expect(done.values == ["a": 7, "b": "red", "c": 3])
  }

  @Test func `a task with several questions goes on once all are answered, each under its key`() async throws {
    let bench = try Bench(
      "graph: g\nstart: a\nstate: {x: {}}\nnodes: {a: {work: 1, save: x}}",
      [
        "a": { task in
          guard let left = task.answer(to: "left"), let right = task.answer(to: "right") else {
            return .ask([Prompt("left?", key: "left"), Prompt("right?", choices: [1, 2], key: "right", kind: .doubt)])
          }
          return .result(["left": left, "right": right])
        }
      ])
    let asked = try await bench.start()
    #expect(asked.interrupts.map(\.question.prompt) == ["left?", "right?"])
    let ids = asked.interrupts.map(\.question.id)
    let half = try await bench.resume([Answer(id: ids[1], value: 2)])
    #expect(half.status == .waiting && half.interrupts.map(\.question.id) == [ids[0]] && bench.work.log.count("a") == 1)
    #expect(try await bench.resume([Answer(value: .null)]).values["x"] == ["left": .null, "right": 2])
  }

  @Test func `what an attempt wrote down is there for the next, and gone once the task has ended`() async throws {
    let bench = try Bench(
      "graph: g\nstart: a\nstate: {x: {}}\nnodes: {a: {work: 1, save: x}}",
      [
        "a": { task in
          let made = try await task.remember("turn") { .int(task.attempt) }
          try await task.pin("tool", made)
          guard task.attempt > 1 else { throw NodeFailure(.model, "later") }
          return .result([made, try await task.pinned("tool") ?? .null])
        }
      ])
    #expect(try await bench.start().status == .failed)
    let key = try #require(bench.work.log.keys.first)
    #expect(try await bench.runner.store.notes(of: "t", key: key) == [NoteRecord(key: key, name: "turn", value: 1)])
    #expect(try await bench.resume().values["x"] == [1, 1])
    #expect(try await bench.runner.store.notes(of: "t", key: key) == [])
    #expect(try await bench.runner.store.notes(of: "t", key: "").map(\.value) == [1])
  }

  @Test func `what tasks share is made once per run and closed at its end`() async throws {
    let shared = Mutex<[Shared]>([])
    let use: Work.Body = { task in
      _ = task.resource(Shared.self) {
        let made = Shared()
        shared.withLock { $0.append(made) }
        return made
      }
      throw NodeFailure(.model, "no")
    }
    let bench = try Bench("graph: g\nstart: [a, b]\nnodes: {a: {work: 1}, b: {work: 1}}", ["a": use, "b": use])
    #expect(try await bench.start().status == .failed)
    #expect(shared.withLock { $0.map(\.closed) } == [1])
    _ = try await bench.resume()
    #expect(shared.withLock { $0.map(\.closed) } == [1, 1])
  }

  @Test func `a failure beside a question is failed, and its answer is not asked for again`() async throws {
    let broken = Mutex(true)
    let bench = try Bench(
      Self.two,
      [
        "a": asks("what?"),
        "b": { _ in if broken.withLock({ $0 }) { throw NodeFailure(.exit, "boom") } else { .result(2) } },
      ])
    let failed = try await bench.start()
    #expect(failed.status == .failed)
    #expect(failed.interrupts.count == 1)
    let again = try await bench.resume([Answer(value: 1)])
    #expect(again.status == .failed)
    #expect(again.interrupts.isEmpty)
    broken.withLock { $0 = false }
    #expect(try await bench.resume().values == ["a": 1, "b": 2, "c": 3])
  }

  static let once = """
    graph: once
    state: { a: {} }
    start: a
    nodes:
      a: { work: { result: did, class: once }, save: a, timeout: 20ms }
    """

  @Test(arguments: [("rerun", "did"), ("skip", nil), (["skip": "told"], "told")] as [(JSON, JSON?)])
  func `a timeout of a once node asks rerun, skip or fail`(answer: JSON, value: JSON?) async throws {
    let slow = Mutex(true)
    let bench = try Bench(
      Self.once,
      [
        "a": { _ in
          if slow.withLock({ $0 }) { try await Task.sleep(for: .seconds(60)) }
          return .result("did")
        }
      ])
    let waiting = try await bench.start()
    #expect(waiting.status == .waiting)
    #expect(waiting.interrupts.first?.question.kind == .doubt)
    #expect(waiting.interrupts.first?.question.choices == ["rerun", "skip", "fail"])
    slow.withLock { $0 = false }
    let end = try await bench.resume([Answer(value: answer)])
    #expect(end.status == .done)
    #expect(end.values["a"] == value)
    #expect(bench.work.log.count("a") == (answer == "rerun" ? 2 : 1))
  }

  @Test func `a doubt answered with fail is asked anew by a resume, and the old answer is none to it`() async throws {
    let bench = try Bench(
      Self.once,
      [
        "a": { _ in
          try await Task.sleep(for: .seconds(60))
          return .result("did")
        }
      ])
    let first = try #require(try await bench.start().interrupts.first?.question)
    #expect(try await bench.resume([Answer(value: "fail")]).error?.kind == .refused)
    let second = try #require(try await bench.resume().interrupts.first?.question)
    #expect(second.kind == .doubt && second.id != first.id)
    await #expect(throws: RunRefusal.self) { _ = try await bench.resume([Answer(id: first.id, value: "rerun")]) }
    #expect(bench.work.log.count("a") == 1)
  }

  @Test func `the answer fail fails the task with kind refused`() async throws {
    let bench = try Bench(Self.once, ["a": { _ in throw NodeFailure(.connection, "lost", isInDoubt: true) }])
    #expect(try await bench.start().status == .waiting)
    let end = try await bench.resume([Answer(value: "fail")])
    #expect(end.status == .failed)
    #expect(end.error?.kind == .refused)
  }

  @Test func `a check that holds finishes the step without running it`() async throws {
    let holds = Mutex(true)
    let bench = try Bench(
      """
      graph: checked
      start: a
      nodes:
        a: { work: 1 }
      """, checks: ["a": { holds.withLock { $0 } }])
    #expect(try await bench.start().status == .done)
    #expect(bench.work.log.runs.isEmpty)
    holds.withLock { $0 = false }
    #expect(try await bench.start().status == .done)
    #expect(bench.work.log.runs == ["a#1"])
  }

  @Test func `approve asks first, true runs it, false refuses, and yes approves`() async throws {
    let text = """
      graph: approving
      state: { a: {} }
      start: a
      nodes:
        a: { work: 1, save: a, approve: "Really?" }
      """
    let bench = try Bench(text)
    let waiting = try await bench.start()
    #expect(waiting.interrupts.first?.question.prompt == "Really?")
    #expect(bench.work.log.runs.isEmpty)
    let refused = try await bench.resume([Answer(value: false)])
    #expect(refused.error?.kind == .refused)
    #expect(try await bench.resume().status == .waiting)
    #expect(try await bench.resume([Answer(value: true)]).values["a"] == 1)

    var options = RunOptions()
    options.approveAll = true
    #expect(try await Bench(text).start(options: options).status == .done)
  }

  @Test func `two writers of a replace channel conflict, and only they run again`() async throws {
    let bench = try Bench(
      """
      graph: clash
      state: { x: {}, y: {} }
      start: [a, b, c]
      nodes:
        a: { work: 1, save: x }
        b: { work: 2, save: x }
        c: { work: 3, save: y }
      """)
    let end = try await bench.start()
    #expect(end.status == .failed)
    #expect(end.errors.map(\.kind) == [.conflict, .conflict])
    #expect(end.error?.message.contains("x: a and b") == true)
    #expect(end.next == ["a", "b"])
    #expect(end.values == ["y": 3])
    _ = try await bench.resume()
    #expect(bench.work.log.count("c") == 1)
    #expect(bench.work.log.count("a") == 2)
  }

  @Test func `the result of a once node whose save failed is kept, not made again`() async throws {
    let bench = try Bench(
      """
      graph: kept
      state: { a: { type: integer } }
      start: a
      nodes:
        a: { work: { result: text, class: once }, save: a }
      """)
    let end = try await bench.start()
    #expect(end.error?.kind == .type)
    let mended = try Bench.read(
      """
      graph: kept
      state: { a: { type: integer } }
      start: a
      nodes:
        a: { work: { result: text, class: once }, save: { a: $result | length } }
      """)
    let done = try await bench.resume(graph: mended)
    #expect(done.values["a"] == 4)
    #expect(bench.work.log.count("a") == 1)
  }

  @Test func `a stop lets running tasks end within the grace and starts nothing new`() async throws {
    let stop = StopControl()
    let bench = try Bench(
      Self.two,
      [
        "a": { _ in
          stop.request(signal: 15)
          return .result(1)
        }
      ])
    let end = try await bench.start(stop: stop)
    #expect(end.status == .stopped)
    #expect(end.signal == 15)
    #expect(end.values == ["a": 1, "b": 2])
    #expect(try await bench.resume().status == .done)
    #expect(bench.work.log.count("a") == 1)
  }

  @Test func `a second stop ends a task at once, and a once task is then in doubt`() async throws {
    let stop = StopControl()
    let bench = try Bench(
      Self.once.replacing("timeout: 20ms", with: "timeout: 10m"),
      [
        "a": { _ in
          stop.request(signal: 2)
          stop.request(signal: 2)
          try await Task.sleep(for: .seconds(600))
          return .result(1)
        }
      ])
    let end = try await bench.start(stop: stop)
    #expect(end.status == .stopped)
    let resumed = try await bench.resume()
    #expect(resumed.status == .waiting)
    #expect(resumed.interrupts.first?.question.kind == .doubt)
  }
}

private final class Shared: RunResource {
  private let count = Mutex(0)
  var closed: Int { count.withLock { $0 } }
  func close() async { count.withLock { $0 += 1 } }
}
