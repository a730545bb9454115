import Foundation
import Graph
import Testing

@Suite("Rehearsing from the command line")
struct RehearseTests {
  static let files = [
    "graphs/parcel.graph": """
    graph: parcel
    inputs: { to: { type: string } }
    state: { weight: { type: integer } }
    secrets: [POST_OFFICE_KEY]
    start: weigh
    nodes:
      weigh:
        shell: { run: touch weighed; echo 3, parse: json }
        save: { weight: $result.json }
        next:
          - { when: .weight > 10, to: ask-boss }
          - { to: send }
      ask-boss: { ask: { prompt: "Send it?", choices: [yes, no] }, next: send }
      send: { http: { method: POST, url: "https://example.org/parcels", headers: { Key: "${{ $secrets.POST_OFFICE_KEY }}" } } }
    """,
    "graphs/parcel.rehearsal.yaml": """
    - name: light
      inputs: { to: Ada }
      nodes: { weigh: { result: { json: 3 } }, send: { result: { status: 201 } } }
      expect: { path: [weigh, send], that: [.weight == 3] }
    - name: heavy, and refused at the counter
      inputs: { to: Ada }
      nodes: { weigh: { result: { json: 30 } }, ask-boss: { answer: "yes" }, send: { result: { status: 413 } } }
      expect: { status: failed, path: [weigh, ask-boss, send], that: [$error.kind == "http"] }
    """,
    "wrong.rehearsal.yaml": """
    - name: nothing as it is
      inputs: { to: Ada }
      nodes: { weigh: { result: { json: 3 } }, send: { fail: no post today } }
      expect: { path: [weigh, ask-boss, send], that: [.weight == 30] }
    - name: forgotten
      inputs: { to: Ada }
      nodes: { weigh: { result: { json: 3 } } }
    """,
    "broken.rehearsal.yaml": """
    - name: broken
      inputs: { to: Ada }
      nodes: { weihg: { result: { json: 3 } } }
    """,
    "bare.graph": "graph: bare\nstart: a\nnodes: { a: { shell: 'true' } }\n",
  ]

  @Test(arguments: [
    Call("rehearse parcel", 0, output: "✓ light\n"), Call("rehearse parcel light", 0, output: "1 scenario, all passed"),
    Call("rehearse parcel ligth", 2, error: "did you mean \"light\"?"),
    Call("rehearse parcel nowhere.yaml", 2, error: "no scenario \"nowhere.yaml\""),
    Call("rehearse parcel wrong.rehearsal.yaml", 1, output: "✗ nothing as it is  wrong.rehearsal.yaml:1"),
    Call("rehearse parcel wrong.rehearsal.yaml", 1, output: "send (http) has no script"),
    Call("rehearse parcel broken.rehearsal.yaml", 2, error: "broken.rehearsal.yaml:3:12: error: no node is named"),
    Call("rehearse bare", 2, error: "no file bare.rehearsal.yaml"), Call("rehearse nothing", 2, error: "no graph"),
    Call("rehearse parcel --quiet", 0, output: "2 scenarios, all passed"),
    Call("rehearse parcel --record nobody", 2, error: "no store"), Call("rehearse parcel --output x.yaml", 2),
    Call("schema --rehearsal", 0, output: "graphrun rehearsal"), Call("rehearse --help", 0, output: "--record"),
  ])
  func `ends as it should`(call: Call) async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool.call(call.arguments)
    #expect(outcome.code == call.code, "\(outcome.output)\(outcome.error)")
    if let output = call.output { #expect(outcome.output.contains(output), "\(outcome.output)") }
    if let error = call.error { #expect(outcome.error.contains(error), "\(outcome.error)") }
  }

  @Test func `what differs is shown as one would look for it`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let outcome = try await tool("rehearse", "parcel", "wrong.rehearsal.yaml", "--no-color")
    let shown = """
      ✗ nothing as it is  wrong.rehearsal.yaml:1
          status: expected done, found failed
            send (http): no post today
          path:
              weigh
            - ask-boss
              send
          does not hold: .weight == 30
            .weight is 3

      """
    #expect(outcome.output.hasPrefix(shown), "\(outcome.output)")
    #expect(outcome.output.contains("nodes   2 of 3, never: ask-boss\n"))
    #expect(outcome.output.contains("routes  1 of 2, never: weigh → ask-boss\n"))
  }

  @Test func `programs get a line per scenario and one for all`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let lines = try await tool("rehearse", "parcel", "wrong.rehearsal.yaml", "--json").lines()
    #expect(lines.count == 3)
    #expect(lines[0]["scenario"] == "nothing as it is" && lines[0]["ok"] == false && lines[0]["status"] == "failed")
    #expect(lines[0]["differences"]?.arrayValue?.map { $0["in"] } == ["status", "path", "that"])
    #expect(lines[0]["differences"]?[1]?["found"] == ["weigh", "send"])
    #expect(lines[1]["differences"]?[0]?["in"] == "script" && lines[1]["differences"]?[0]?["node"] == "send")
    #expect(lines[2]["passed"] == 0 && lines[2]["nodes"]?["never"] == ["ask-boss"])
    #expect(lines[2]["routes"]?["never"]?[0]?["when"] == ".weight > 10")
    let broken = try await tool("rehearse", "parcel", "broken.rehearsal.yaml", "--json").lines()
    #expect(broken.first?["ok"] == false && broken.first?["problems"]?[0]?["line"] == 3)
  }

  @Test func `it leaves nothing behind, and needs no secret`() async throws {
    let tool = try Tool(Self.files)
    defer { tool.remove() }
    let before = try FileManager.default.subpathsOfDirectory(atPath: tool.folder.path).sorted()
    #expect(try await tool("rehearse", "parcel").code == 0)
    #expect(try FileManager.default.subpathsOfDirectory(atPath: tool.folder.path).sorted() == before)
  }

  @Test func `a thread becomes a scenario that passes`() async throws {
    let tool = try Tool([
      "tour.graph": #"""
      graph: tour
      inputs: { words: { type: array, default: [ox] }, least: { type: integer, default: 1 } }
      state: { sizes: { reduce: append }, turns: { type: integer, reduce: sum }, said: {} }
      start: { each: ".words[]", to: measure }
      nodes:
        measure:
          shell:
            run: |
              printf %s "$WORD" | wc -c
              echo '$${{ no template }}' >&2
            env: { WORD: "${{ $item }}" }
            parse: json
          effects: repeatable
          save: { sizes: $result.json }
        look:
          after: measure
          verify:
            shell: { run: 'echo "a: 1"; echo "- b"' }
            that: [{ expect: '$result.stdout | startswith("a: 1")' }]
          next: again
        again:
          set: { turns: 1 }
          next:
            - { when: .turns < .least, to: look }
            - { to: fails }
        fails: { shell: 'echo "it # broke: \"so\"" >&2; exit 9', on-error: question }
        question:
          ask: { prompt: "${{ $error.message }}", choices: [yes, no] }
          save: said
      """#
    ])
    defer { tool.remove() }
    #expect(
      try await tool("tour", "--thread", "t", "--input", "least=2", "--input", #"words=["ox","bee"]"#).code == 3)
    #expect(try await tool("rehearse", "tour", "--record", "t", "--output", "tour.rehearsal.yaml").code == 0)
    #expect(try await tool("resume", "t", "--answer", "yes").code == 0)
    #expect(try await tool("rehearse", "tour", "--record", "t", "--output", "tour.rehearsal.yaml").code == 0)
    let played = try await tool("rehearse", "tour")
    #expect(played.code == 0, "\(played.output)\(played.error)\n\(tool.read("tour.rehearsal.yaml"))")
    #expect(played.output.contains("as in thread t\n") && played.output.contains("as in thread t (2)\n"))
    let lines = try await tool("rehearse", "tour", "--json").lines()
    #expect(lines[0]["status"] == "waiting" && lines[1]["status"] == "done")
    #expect(
      lines[1]["path"] == ["measure", "measure", "look", "again", "look", "again", "fails", "question"])
  }

  @Test func `a thread with its secrets masked is recorded so`() async throws {
    let tool = try Tool([
      "secret.graph": """
      graph: secret
      secrets: [TOKEN]
      start: a
      nodes:
        a: { shell: { run: 'echo "$T"', env: { T: "${{ $secrets.TOKEN }}" } } }
      """
    ])
    defer { tool.remove() }
    let secret = "hunter2-hunter2"
    #expect(try await tool("secret", "--thread", "t", environment: ["TOKEN": secret]).code == 0)
    let recorded = try await tool("rehearse", "secret", "--record", "t")
    #expect(recorded.output.contains("***") && !recorded.output.contains(secret))
  }

  /// Of the repository's own graphs, those that have scenarios.
  static let ownGraphs: [String] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../graphs")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".rehearsal.yaml") }.sorted().map {
      folder.appending(path: $0.replacing(".rehearsal.yaml", with: ".graph")).standardizedFileURL.path
    }
  }()

  @Test(arguments: ownGraphs) func `the scenarios of our own graphs pass`(graph: String) async throws {
    let tool = try Tool()
    defer { tool.remove() }
    let outcome = try await tool("rehearse", graph)
    #expect(outcome.code == 0, "\(outcome.output)\(outcome.error)")
  }

  @Test func `there are such graphs`() { #expect(Self.ownGraphs.contains { $0.hasSuffix("list-containers.graph") }) }
}
