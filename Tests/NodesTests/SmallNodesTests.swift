import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("Set, ask and wait")
struct SmallNodesTests {
  let bench = Bench()

  @Test func `set writes in order, all from the same state`() async throws {
    let fields: [(String, Field)] = [
      ("a", .expression(try Expression(".b"))), ("b", .expression(try Expression(".a"))),
    ]
    let task = bench.task("set", fields, scope: Scope(state: ["a": 1, "b": 2]))
    guard case .writes(let writes) = try await SetNode().run(task) else { throw UnexpectedResult() }
    #expect(writes == [ChannelWrite("a", 2), ChannelWrite("b", 1)])
  }

  @Test func `ask asks, and the answer is the result`() async throws {
    let fields: [(String, Field)] = [("prompt", "Go on?"), ("choices", .literal(["yes", "no"]))]
    guard case .ask(let prompts) = try await AskNode().run(bench.task("ask", fields)) else { throw UnexpectedResult() }
    #expect(prompts == [Prompt("Go on?", choices: ["yes", "no"])])
    #expect(try await AskNode().result(bench.task("ask", fields, answers: ["": false])) == false)
  }

  @Test func `wait sleeps the duration, and after a crash only the rest`() async throws {
    let slept = Mutex<[Duration]>([])
    let now = Mutex(Date(timeIntervalSince1970: 1_000_000))
    let wait = WaitNode()
    let clock = RunClock(
      now: { .init(now.withLock { $0 }) }, chance: { 0 }, sleep: { time in slept.withLock { $0.append(time) } })
    let task = bench.task("wait", [("for", "10m")], clock: clock)
    let result = try await wait.result(task)
    now.withLock { $0 += 450 }
    _ = try await wait.result(task)
    now.withLock { $0 += 450 }
    _ = try await wait.result(task)
    #expect(slept.withLock { $0 } == [.seconds(600), .seconds(150)])
    #expect(result["until"] == "1970-01-12T13:56:40.000Z")
  }

  @Test func `wait until asks the clock on the wall again`() async throws {
    let now = Mutex(Date(timeIntervalSince1970: 0))
    let sleeps = Mutex(0)
    let wait = WaitNode()
    let clock = RunClock(now: { .init(now.withLock { $0 }) }, chance: { 0 }) { time in
      sleeps.withLock { $0 += 1 }
      now.withLock { $0 += 3600 + time / .seconds(1) }
    }
    _ = try await wait.result(bench.task("wait", [("until", "1970-01-01T02:00:00+01:00")], clock: clock))
    #expect(sleeps.withLock { $0 } == 1)
    let failure = try await wait.failure(Bench().task("wait", [("until", "tomorrow")]))
    #expect(failure.kind == .type && failure.message.contains("tomorrow"))
  }
}

@Suite("Verify")
struct VerifyTests {
  let bench = Bench()
  let verify = VerifyNode()

  func that(_ expectations: (String, String?)...) throws -> (String, Field) {
    (
      "that",
      .list(
        try expectations.map { source, message in
          var fields: [(String, Field)] = [("expect", .expression(try Expression(source)))]
          if let message { fields.append(("message", .literal(.string(message)))) }
          return .map(.init(uniqueKeysWithValues: fields))
        })
    )
  }

  @Test func `everything that does not hold is listed with what was seen`() async throws {
    let that = try that(
      (".draft | length > 200", "200 characters"), (".ok", nil), (".n == 3", "n is three"), (".n > 1", nil))
    let task = bench.task("verify", [that], scope: Scope(state: ["draft": "short", "n": 2]))
    let failure = try await verify.failure(task)
    #expect(failure.kind == .expect)
    #expect(
      failure.message == """
        200 characters (.draft | length is 5)
        .ok (.ok is null)
        n is three (.n is 2)
        """)
    #expect(failure.result?["held"] == [".n > 1"])
  }

  @Test func `what holds is evidence`() async throws {
    let task = bench.task("verify", [try that((".a", nil))], scope: Scope(state: ["a": 1]))
    #expect(try await verify.result(task) == ["held": [".a"]])
  }

  @Test func `a probe's exit code is a finding`() async throws {
    let probe = Field.map(["run": "echo '{\"up\": false}'; exit 3", "parse": "json"])
    let that = try that(("$result.exit == 3", nil), ("$result.json.up | not", nil))
    let result = try await verify.result(bench.task("verify", [("shell", probe), that]))
    #expect(result["exit"] == 3)
    let alone = try await verify.failure(bench.task("verify", [("shell", probe)]))
    #expect(alone.kind == .expect)
  }

  @Test func `a server that cannot be reached is a finding`() async throws {
    let probe = Field.map(["url": "http://127.0.0.1:1/"])
    let that = try that(("$result.error.kind == \"connection\"", nil))
    _ = try await verify.result(bench.task("verify", [("http", probe), that]))
  }

  @Test func `it tries again until it holds`() async throws {
    let scratch = try Scratch()
    let probe = Field.map(["run": "echo x >> n; test $(wc -l < n) -ge 3"])
    let fields: [(String, Field)] = [("shell", probe), ("within", "30s"), ("every", "1ms")]
    _ = try await verify.result(bench.task("verify", fields, folder: scratch.path))
  }

  @Test func `the time to hold bounds a probe that hangs`() async throws {
    let probe = Field.map(["run": "sleep 600"])
    let start = ContinuousClock.now
    let failure = try await verify.failure(bench.task("verify", [("shell", probe), ("within", "200ms")]))
    #expect(failure.kind == .expect && failure.message.contains("in time"))
    #expect(.now - start < .seconds(30))
  }

  @Test func `what was seen before counts when the last look is cut short`() async throws {
    let scratch = try Scratch()
    let probe = Field.map(["run": "if test -e seen; then sleep 600; fi; touch seen; exit 3"])
    let that = try that(("$result.exit == 0", nil))
    let fields = [("shell", probe), that, ("within", "6s"), ("every", "10ms")]
    let failure = try await verify.failure(bench.task("verify", fields, folder: scratch.path))
    #expect(failure.kind == .expect && failure.message.contains("$result.exit is 3"), "\(failure.message)")
  }

  @Test(arguments: [
    ("(.draft | length) > 200", ["(.draft | length)"]), (".a == \"x == y\"", [".a"]),
    (".items | length > 3", [".items | length"]),
    (".a > 1 and .b < 2", [".a", ".b"]), (".approved", [".approved"]), (".x | test(\"a|b\")", [".x"]),
    ("any(.items[]; .ok)", [".items", ".ok"]), ("$result.status == 200", ["$result.status"]),
  ]) func `the telling parts of an expression`(source: String, parts: [String]) {
    #expect(ExpressionAnatomy.operands(of: source) == parts)
  }
}
