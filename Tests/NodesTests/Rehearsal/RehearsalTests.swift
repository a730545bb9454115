import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Testing

@testable import GraphNodes

/// A graph, its scenarios, and what they come to.
struct Stagecraft {
  var graph: StateGraph
  var scenarios: [Scenario]

  init(_ graph: String, _ scenarios: String) throws {
    let reading = GraphReader().read(graph)
    self.graph = try #require(reading.graph, "\(reading.problems)")
    let read = RehearsalReader(self.graph).read(scenarios)
    self.scenarios = try #require(read.scenarios, "\(read.problems)")
  }

  func reports() async -> [ScenarioReport] {
    var reports: [ScenarioReport] = []
    for scenario in scenarios {
      reports.append(await Rehearsal(graph, kinds: NodeRegistry(BuiltInNodes.all)).report(on: scenario))
    }
    return reports
  }

  func only() async throws -> ScenarioReport { try #require(await reports().first) }
}

@Suite("A rehearsal")
struct RehearsalTests {
  static let review = """
    graph: review
    inputs:
      topic: { type: string }
    state:
      draft: { type: string }
      tries: { type: integer, reduce: sum }
      ok: {}
    start: write
    nodes:
      write:
        llm: { model: none, prompt: "About ${{ .topic }}" }
        save: { draft: $result.text, tries: "1" }
        next: check
      check:
        verify:
          that: [{ expect: (.draft | length) > 5, message: too short }]
        on-error: write
        next: question
      question:
        ask: { prompt: "Publish ${{ .draft }}?", answer: { type: boolean } }
        save: ok
        next:
          - { when: .ok, to: publish }
          - { to: write }
      publish:
        shell: echo published >> published.txt
        retry: { attempts: 3, delay: 1h, jitter: false, on: [75] }

    """

  @Test func `runs routes, reducers, expectations, questions and handlers for real`() async throws {
    let play = try Stagecraft(
      Self.review,
      """
      - name: in the third go
        inputs: { topic: bees }
        nodes:
          write: [{ result: { text: no } }, { result: { text: still not } }, { result: { text: "All about ${{ .topic }}" } }]
          question: [{ answer: false }, { answer: true }]
          publish: { result: { exit: 0 } }
        expect:
          status: done
          path: [write, check, write, check, question, write, check, question, publish]
          that: [.tries == 3, '.draft == "All about bees"', .ok]
      """)
    let report = try await play.only()
    #expect(report.differences == [])
    #expect(report.coverage.nodes.count == 4)
    #expect(RehearsalSummary(play.graph, [report]).idleRoutes == [])
  }

  @Test func `without an answer the thread waits`() async throws {
    let report = try await Stagecraft(
      Self.review,
      """
      - name: nobody answers
        inputs: { topic: bees }
        nodes: { write: { result: { text: long enough } } }
        expect: { status: waiting, path: [write, check, question], that: [.ok == null] }
      """
    ).only()
    #expect(report.differences == [])
    #expect(report.questions.map(\.question.prompt) == ["Publish long enough?"])
  }

  @Test func `a node that needs the world and has no script ends it, and is named`() async throws {
    let report = try await Stagecraft(
      Self.review,
      """
      - name: forgotten
        inputs: { topic: bees }
        nodes:
          write: { result: { text: long enough } }
          question: { answer: true }
      """
    ).only()
    #expect(report.differences == [.unscripted(.init(place: "publish", kind: "shell", given: 0))])
  }

  @Test func `a list that is used up ends it too`() async throws {
    let report = try await Stagecraft(
      Self.review,
      """
      - name: one go
        inputs: { topic: bees }
        nodes: { write: [{ result: { text: no } }] }
      """
    ).only()
    #expect(report.differences == [.unscripted(.init(place: "write", kind: "llm", given: 1))])
    #expect("\(ScenarioReport.Missing(place: "write", kind: "llm", given: 1))".contains("attempt 2 of write"))
  }

  @Test func `a handler does not hide that a script is missing`() async throws {
    let report = try await Stagecraft(
      """
      graph: g
      start: a
      nodes:
        a: { shell: "true", on-error: b }
        b: { set: { x: 1 } }
      state: { x: {} }
      """, "- { name: s }"
    ).only()
    #expect(report.differences == [.unscripted(.init(place: "a", kind: "shell", given: 0))])
  }

  @Test func `failures are retried as the graph says, and no delay is waited for`() async throws {
    let start = ContinuousClock.now
    let report = try await Stagecraft(
      Self.review,
      """
      - name: the third attempt
        inputs: { topic: bees }
        nodes:
          write: { result: { text: long enough } }
          question: { answer: true }
          publish: [{ fail: busy, exit: 75 }, { fail: busy, exit: 75 }, { result: { exit: 0 } }]
        expect: { path: [write, check, question, publish] }
      """
    ).only()
    #expect(report.differences == [])
    #expect(.now - start < .seconds(30))
  }

  @Test func `a deadline counts the delays that are not waited for`() async throws {
    let report = try await Stagecraft(
      """
      graph: g
      start: a
      nodes:
        a: { http: "https://example.org/", retry: { attempts: 9, delay: 1h, max-delay: 9h, backoff: 1, jitter: false }, deadline: 150m }
      """,
      """
      - name: two delays fit
        nodes: { a: { fail: none there, kind: connection } }
        expect: { status: failed, that: ['$error.message | contains("no time left")'] }
      """
    ).only()
    #expect(report.differences == [])
  }

  @Test(arguments: ["1h", "40m"]) func `a wait is over at once`(time: String) async throws {
    let start = ContinuousClock.now
    let report = try await Stagecraft(
      """
      graph: g
      state: { until: {} }
      start: a
      nodes:
        a: { wait: \(time), save: { until: $result.until }, next: b }
        b: { wait: { until: "2300-01-01T00:00:00Z" }, save: { until: $result.until } }
      """,
      """
      - name: waits
        expect: { path: [a, b], that: ['.until >= "2300"'] }
      """
    ).only()
    #expect(report.differences == [])
    #expect(.now - start < .seconds(30))
  }

  @Test func `each task of a fan-out reads its own script from the start`() async throws {
    let graph = """
      graph: g
      state: { out: { reduce: append } }
      start: { each: "[10, 20, 30]", to: work }
      nodes:
        work: { shell: "true", retry: { on: [exit] }, save: { out: $result.stdout } }
      """
    let reports = try await Stagecraft(
      graph,
      """
      - name: the same for all
        nodes: { work: [{ fail: not yet }, { result: { stdout: "${{ $item }}" } }] }
        expect: { path: [work, work, work], that: ['.out == ["10", "20", "30"]'] }
      - name: one each
        nodes: { work: { items: [{ result: { stdout: a } }, [{ fail: not yet }, { result: { stdout: b } }], { result: { stdout: c } }] } }
        expect: { that: ['.out == ["a", "b", "c"]'] }
      - name: too few
        nodes: { work: { items: [{ result: { stdout: a } }, { result: { stdout: b } }] } }
      """
    ).reports()
    #expect(reports.map(\.passed) == [true, true, false])
    #expect(reports[2].differences == [.unscripted(.init(place: "work[2]", kind: "shell", given: 0))])
  }

  @Test func `an approval, a refusal and a doubt are answered`() async throws {
    let graph = """
      graph: g
      state: { out: {} }
      start: a
      nodes:
        a: { approve: true, shell: "true", timeout: 1m, save: { out: $result.stdout } }
      """
    let reports = try await Stagecraft(
      graph,
      """
      - name: approved
        nodes: { a: { answer: true, result: { stdout: x } } }
        expect: { that: [.out == "x"] }
      - name: refused
        nodes: { a: { answer: false } }
        expect: { status: failed, that: [$error.kind == "refused"] }
      - name: in doubt, and run again
        nodes: { a: [{ answer: true, fail: gone, kind: timeout }, { answer: rerun }, { result: { stdout: y } }] }
        expect: { that: [.out == "y"] }
      - name: in doubt, and skipped with a result
        nodes: { a: [{ answer: true, fail: gone, kind: timeout }, { answer: { skip: { stdout: z } } }] }
        expect: { that: [.out == "z"] }
      - name: in doubt, and nobody knows
        nodes: { a: [{ answer: true, fail: gone, kind: timeout }] }
        expect: { status: waiting }
      - name: an answer that does not fit
        nodes: { a: { answer: perhaps } }
      """
    ).reports()
    for report in reports.dropLast() { #expect(report.differences == [], "\(report.scenario.name)") }
    guard case .refused(let why)? = reports.last?.differences.first else { throw UnexpectedResult() }
    #expect(why.contains("does not fit"))
  }

  @Test func `a check can hold from the start, or after a failure in doubt`() async throws {
    let graph = """
      graph: g
      state: { out: {} }
      start: a
      nodes:
        a: { shell: { run: "true", check: "false" }, save: { out: $result } }
      """
    let reports = try await Stagecraft(
      graph,
      """
      - name: already so
        nodes: { a: { checked: true } }
        expect: { that: [.out.checked] }
      - name: it had worked
        nodes: { a: [{ fail: gone, kind: timeout }, { checked: true }] }
        expect: { that: [.out.checked] }
      - name: not yet so
        nodes: { a: { result: { stdout: made } } }
        expect: { that: [.out.stdout == "made"] }
      """
    ).reports()
    for report in reports { #expect(report.differences == [], "\(report.scenario.name)") }
  }

  @Test func `what a probe finds is scripted, what is expected of it is not`() async throws {
    let graph = """
      graph: g
      state: { size: {} }
      start: a
      nodes:
        a:
          verify:
            shell: { run: du, parse: json }
            within: 10m
            that: [{ expect: $result.json < 10, message: "too big: ${{ $result.json }}" }]
          save: { size: $result.json }
      """
    let reports = try await Stagecraft(
      graph,
      """
      - name: small
        nodes: { a: { result: { json: 3 } } }
        expect: { that: [.size == 3] }
      - name: big
        nodes: { a: { result: { json: 30 } } }
        expect: { status: failed, that: ['$error.message | startswith("too big: 30")', $error.kind == "expect"] }
      """
    ).reports()
    for report in reports { #expect(report.differences == [], "\(report.scenario.name)") }
  }

  @Test func `a result is judged as a real one, and what it does not say is as usual`() async throws {
    let graph = """
      graph: g
      state: { kind: { type: string }, out: {} }
      start: { to: { expr: .kind, may: [sh, lines, web, mind, tool] } }
      nodes:
        sh: { shell: { run: "true", ok: [0, 3], parse: json }, save: out }
        lines: { shell: { run: "true", parse: lines }, save: out }
        web: { http: "https://example.org/", save: out }
        mind: { llm: { model: m, prompt: p, format: { type: object, required: [n] } }, save: out }
        tool: { agent: { model: m, prompt: p }, save: out }
      """
    let cases: [(kind: String, result: String, expect: String)] = [
      (
        "sh", "{ exit: 3, stdout: '{\"a\": 1}' }",
        "that: ['.out.json == {a: 1}', .out.exit == 3, '.out.stderr == \"\"']"
      ),
      ("sh", "{ exit: 4 }", "status: failed, that: [$error.kind == \"exit\", $error.result.exit == 4]"),
      ("sh", "{ stdout: no json }", "status: failed, that: [$error.kind == \"parse\"]"),
      ("lines", "{ json: [a, b] }", "that: ['.out.stdout == \"a\\nb\\n\"', '.out.json == [\"a\", \"b\"]']"),
      ("lines", "{ stdout: '${{ 5 }}' }", "that: ['.out.stdout == \"5\"']"),
      ("web", "{ body: hello }", "that: [.out.status == 200, '.out.body == \"hello\"']"),
      ("web", "{ status: 404 }", "status: failed, that: [$error.kind == \"http\"]"),
      ("mind", "{ text: '{\"n\": 1}' }", "that: [.out.json.n == 1]"),
      ("mind", "{ text: well }", "status: failed, that: [$error.kind == \"parse\"]"),
      ("tool", "{ text: hi }", "that: ['.out.calls == []']"),
    ]
    for (kind, result, expect) in cases {
      let play = try Stagecraft(
        graph.replacing("kind: { type: string }", with: "kind: { default: \(kind) }"),
        "- { name: s, nodes: { \(kind): { result: \(result) } }, expect: { \(expect) } }")
      #expect(try await play.only().differences == [], "\(kind) \(result)")
    }
  }

  @Test func `a mistake in a scripted node's own expressions is found`() async throws {
    let report = try await Stagecraft(
      """
      graph: g
      state: { list: { default: [1] } }
      start: a
      nodes:
        a: { shell: { run: "true", env: { N: "${{ .list.name }}" } } }
      """,
      """
      - name: s
        nodes: { a: { result: { exit: 0 } } }
        expect: { status: failed, that: [$error.kind == "expression"] }
      """
    ).only()
    #expect(report.differences == [])
  }

  @Test func `secrets have stand-ins, and the environment is the scenario's`() async throws {
    let graph = """
      graph: g
      secrets: [GRAPHRUN_REHEARSED_TOKEN]
      env: [HOME, LANG]
      state: { home: {}, lang: {} }
      start: a
      nodes:
        a: { set: { home: $env.HOME, lang: $env.LANG }, next: b }
        b: { http: { url: "https://example.org/", headers: { Authorization: "${{ $secrets.GRAPHRUN_REHEARSED_TOKEN }}" } } }
      """
    let report = try await Stagecraft(
      graph,
      """
      - name: s
        env: { HOME: /home/ada }
        nodes: { b: { result: { status: 200 } } }
        expect: { that: ['.home == "/home/ada"', .lang == null] }
      """
    ).only()
    #expect(report.differences == [])
  }

  @Test func `what differs is told: status with its error, path, and values seen`() async throws {
    let report = try await Stagecraft(
      """
      graph: g
      state: { n: { reduce: sum } }
      start: a
      nodes:
        a: { set: { n: 2 }, next: b }
        b: { shell: "true" }
      """,
      """
      - name: s
        nodes: { b: { fail: broke, kind: exit }, a: {fail: never mind} }
        expect: { path: [a, c1, b], that: [.n == 3] }
      """.replacing("c1", with: "a").replacing(", a: {fail: never mind}", with: "")
    ).only()
    let error = TaskError(node: "b", kind: .exit, message: "broke")
    #expect(
      report.differences == [
        .status(expected: "done", found: .failed, error: error), .path(expected: ["a", "a", "b"], found: ["a", "b"]),
        .expectation(".n == 3", seen: [.init(source: ".n", value: 2)], error: nil),
      ])
  }

  @Test func `a loop that never ends is stopped by the graph's own limit, with questions in it too`() async throws {
    let report = try await Stagecraft(
      """
      graph: g
      max-steps: 20
      start: a
      nodes:
        a: { ask: "Again?", next: a }
      """,
      """
      - name: for ever
        nodes: { a: { answer: true } }
        expect: { status: failed, that: [$error.kind == "limit"] }
      """
    ).only()
    #expect(report.differences == [])
  }

  @Test func `everything a scenario can say is read`() throws {
    let graph = try #require(GraphReader().read(Self.review + "env: [HOME]\n").graph)
    let reading = RehearsalReader(graph).read(
      """
      - name: all of it
        description: What it is for
        inputs: { topic: bees }
        env: { HOME: /home/ada }
        nodes:
          write: { result: { text: "about ${{ .topic }}" } }
          publish: [{ fail: busy, exit: 75, result: { stderr: no } }, { answer: rerun }]
        expect: { status: failed, path: [write], that: [.draft == null] }
      """)
    let scenario = try #require(reading.scenarios?.first)
    #expect(reading.problems == [])
    #expect(scenario.name == "all of it" && scenario.description == "What it is for")
    #expect(scenario.inputs == ["topic": "bees"] && scenario.environment == ["HOME": "/home/ada"])
    #expect(
      scenario.scripts["publish"]
        == .inTurn([
          .init(
            .failure(
              ScriptedFailure(.literal("busy"), kind: nil, exitCode: 75, result: .map(["stderr": .literal("no")])))),
          .init(answer: "rerun"),
        ]))
    #expect(scenario.expectation.path == ["write"] && scenario.expectation.status == "failed")
  }

  @Test func `nothing outside is touched`() async throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/g.graph"
    let text = """
      graph: g
      start: [a, b, c]
      nodes:
        a: { shell: touch a }
        b: { shell: { run: touch b, detach: { ready: touch c } } }
        c: { verify: { shell: touch d, that: [{ expect: $result.exit == 0 }] } }
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let graph = try #require(try GraphReader().read(contentsOf: path).graph)
    let scenarios = try #require(
      RehearsalReader(graph).read(
        "- { name: s, nodes: { a: { result: { exit: 0 } }, b: { result: {} }, c: { result: { exit: 0 } } } }"
      ).scenarios)
    let report = await Rehearsal(graph, kinds: NodeRegistry(BuiltInNodes.all)).report(on: scenarios[0])
    #expect(report.differences == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["g.graph"])
  }
}
