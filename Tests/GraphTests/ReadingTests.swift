import OrderedCollections
import Testing

@testable import Graph

@Suite("Reading a graph file")
struct ReadingTests {
  @Test func `gives the graph it spells`() throws {
    let reading = GraphReader().read(Self.example, path: "/graphs/review.graph")
    #expect(reading.problems == [])
    let graph = try #require(reading.graph)
    #expect(graph.name == "review-loop")
    #expect(graph.channels.keys == ["topic", "draft", "notes", "approved"])
    #expect(graph.channels["notes"]?.reducer == .append)
    #expect(graph.channels["approved"]?.initial == false)
    #expect(graph.inputs.map(\.name) == ["topic"])
    #expect(graph.channels["topic"]?.initial == nil)
    #expect(graph.maxSteps == 50)
    #expect(graph.secrets == ["TOKEN"])
    #expect(graph.outputs == ["text": .expression(try Expression(".draft"))])
    #expect(graph.start == Routes(to: ["write"]))
    #expect(graph.source == GraphSource(path: "/graphs/review.graph", text: Self.example))
  }

  @Test func `spells shorthands out and keeps expressions, templates and values apart`() throws {
    let graph = try #require(GraphReader().read(Self.example).graph)
    #expect(graph.nodes["write"]?.fields["draft"] == .expression(try Expression("\"About \\(.topic)\"")))
    #expect(graph.nodes["write"]?.fields["notes"] == .literal(["started"]))
    let that = try #require(graph.nodes["check"]?.fields["that"])
    #expect(
      that
        == .list([
          .map([
            "expect": .expression(try Expression("(.draft | length) > 200")),
            "message": .literal("the draft has at least 200 characters"),
          ])
        ]))
    #expect(graph.nodes["pause"]?.fields == ["for": .literal("5s")])
    #expect(graph.nodes["publish"]?.fields["run"] == .literal("./publish.sh"))
    guard case .template = graph.nodes["publish"]?.fields["env"]?["DRAFT"] else {
      Issue.record("DRAFT is no template")
      return
    }
  }

  @Test func `reads edges, limits and policies`() throws {
    let graph = try #require(GraphReader().read(Self.example).graph)
    let publish = try #require(graph.nodes["publish"])
    #expect(publish.timeout == .seconds(120))
    #expect(publish.effects == .repeatable)
    #expect(publish.retry?.kinds == ["exit", "timeout"])
    #expect(publish.retry?.exitCodes == [75])
    #expect(publish.retry?.maxDelay == .seconds(30))
    #expect(publish.approve == .standard)
    let question = try #require(graph.nodes["question"])
    #expect(question.save == .whole("approved"))
    #expect(
      question.next
        == Routes([
          Route(when: try Expression(".approved"), to: .nodes(["publish", "pause"])), Route(to: .nodes([])),
        ]))
    #expect(graph.nodes["check"]?.onError == "write")
    #expect(graph.nodes["join"]?.after == ["publish", "pause"])
    #expect(graph.nodes["join"]?.cache == CachePolicy(ttl: .seconds(3600)))
    #expect(
      graph.nodes["join"]?.next
        == Routes([Route(each: try Expression(".notes"), parallel: 2, to: .nodes(["item"]))]))
  }

  @Test func `gives nodes the defaults they do not set`() throws {
    let graph = try #require(GraphReader().read(Self.example).graph)
    #expect(graph.nodes["write"]?.timeout == .seconds(600))
    #expect(graph.nodes["publish"]?.fields["parse"] == .literal("lines"))
    #expect(graph.nodes["item"]?.fields["parse"] == .literal("text"))
    #expect(graph.nodes["publish"]?.fields["env"]?["LANG"] == .literal("C"))
    #expect(graph.nodes["write"]?.fields["parse"] == nil)
  }

  @Test func `a model comes from the node or from defaults, and what holds its key is a secret`() throws {
    let text = """
      graph: g
      defaults: { llm: { model: llama3.1, options: { temperature: 0 } } }
      secrets: [TOKEN]
      start: [a, b]
      nodes:
        a: { llm: hello }
        b:
          llm:
            provider: openai
            model: m
            prompt: hello
            api-key: MY_KEY
            options: { seed: 1 }
            headers: { X-Token: "${{ $secrets.TOKEN }}" }

      """
    let reading = GraphReader().read(text)
    let graph = try #require(reading.graph, "\(reading.problems)")
    #expect(graph.nodes["a"]?.fields["model"] == .literal("llama3.1"))
    #expect(graph.nodes["a"]?.fields["prompt"] == .literal("hello"))
    #expect(graph.nodes["b"]?.fields["model"] == .literal("m"))
    #expect(graph.nodes["b"]?.fields["options"]?["temperature"] == .literal(0))
    #expect(graph.secrets == ["TOKEN", "MY_KEY"])
  }

  @Test func `takes Windows line ends and a byte order mark`() {
    let text = "\u{FEFF}" + Self.example.replacing("\n", with: "\r\n")
    #expect(GraphReader().read(text).problems == [])
  }

  @Test func `says every mistake of a file at once`() {
    let reading = GraphReader().read(Self.mistaken, path: "/graphs/mistaken.graph")
    #expect(reading.problems.map { $0.description(in: "mistaken.graph") } == Self.mistakes)
    #expect(reading.graph == nil)
  }

  @Test func `the good files satisfy the JSON Schema`() throws {
    let schema = try JSONSchema(GraphFormat.jsonSchema)
    #expect(schema.violations(of: try #require(JSON(yaml: Self.example))) == [])
  }

  @Test func `kinds of a user's own are read and described like the built-in ones`() throws {
    let mail = NodeFormat(
      kind: "mail", description: "Sends a letter.",
      fields: [
        FieldFormat("to", .template, "To whom.", isRequired: true), FieldFormat("file", .fileName, "The text."),
      ],
      shorthand: "to", effects: .once)
    let reader = GraphReader(kinds: NodeFormat.builtIn + [mail])
    let text = "graph: g\nstart: a\nnodes: { a: { mail: { to: me, file: ../x } } }\n"
    #expect(
      reader.read(text).problems == [
        Problem(
          at: SourcePosition(line: 3, column: 37), #"the file "../x" leaves the graph's folder"#,
          hint: "name a file in the graph's folder or below it")
      ])
    #expect(GraphFormat(kinds: reader.kinds).jsonSchema["properties"]?["nodes"] != nil)
  }

  static let example = """
    graph: review-loop                    # name
    description: Draft, check, ask, publish.
    inputs:
      topic: { type: string, description: What to write about }
    state:
      draft:    { type: string }
      notes:    { type: array, reduce: append }
      approved: { type: boolean, default: false }
    outputs: { text: .draft }
    defaults:
      shell: { parse: lines, env: { LANG: C } }
      timeout: 10m
    servers:
      docker: { command: uvx, args: [mcp-server-docker] }
      remote: { url: "https://example.org/mcp", headers: { Authorization: "Bearer ${{ $secrets.TOKEN }}" } }
    secrets: [TOKEN]
    max-steps: 50
    start: write
    nodes:
      write:
        set:
          draft: '"About \\(.topic)"'
          notes: [started]
        next: check
      check:
        verify:
          that:
            - expect: (.draft | length) > 200
              message: the draft has at least 200 characters
        on-error: write
        next:
          - when: .approved
            to: end
          - to: question
      question:
        ask: { prompt: "Publish this?\\n${{ .draft }}", answer: { type: boolean } }
        save: approved
        next:
          - { when: .approved, to: [publish, pause] }
          - { to: end }
      publish:
        shell:
          run: ./publish.sh
          env: { DRAFT: "${{ .draft }}" }
        effects: repeatable               # so a timeout may be tried again
        retry: { attempts: 3, delay: 2s, backoff: 2, max-delay: 30s, jitter: true, on: [exit, timeout, 75] }
        timeout: 2m
        approve: true
      pause: { wait: 5s }
      join:
        after: [publish, pause]
        http: https://example.org
        cache: { ttl: 1h }
        next: { each: .notes, parallel: 2, to: item }
      item:
        shell: { run: "echo -- ${{ $item }}", parse: text }

    """

  private static let mistaken = """
    graph: mistaken
    nmae: x
    state:
      draft: { type: string }
      draft: { type: sting }
      count: { reduce: sum, default: many }
    start: wirte
    nodes:
      write:
        shell:
          run: echo "${{ .draft }}"
        save: drat
        timeout: 30
        next: [{ when: .draft, to: check }]
      check:
        verify:
          that: [{ exepct: .drfat }]
        retry: { attempts: 0 }
      lost:
        wait: tomorrow

    """

  private static let mistakes = [
    #"mistaken.graph:2:1: error: unknown key "nmae" in the graph (known: graph, description, inputs, state, "#
      + "outputs, defaults, servers, secrets, env, max-steps, schedule, start, nodes)",
    #"mistaken.graph:5:3: error: the key "draft" is there twice, first at 4:3"#,
    #"mistaken.graph:6:34: error: the default does not fit "reduce: sum", which takes a number"#,
    #"mistaken.graph:7:8: error: no node is named "wirte" (did you mean "write"?)"#,
    #"mistaken.graph:11:22: error: an expression inside quotes; each ${{ }} is quoted for the shell already "#
      + #"(remove the quotes around it, or pass it in "env")"#,
    #"mistaken.graph:12:11: error: no channel is named "drat" (did you mean "draft"?)"#,
    "mistaken.graph:13:14: error: expected a duration above zero such as 500ms, 2s, 10m or 1h, found a number "
      + "(a duration has a unit: 30s)",
    "mistaken.graph:14:11: error: no route is left when none of the conditions holds "
      + #"(add a last one without "when", for instance {to: end})"#,
    #"mistaken.graph:17:16: error: unknown key "exepct" in an expectation ({expect, message}) (did you mean "expect"?)"#,
    "mistaken.graph:18:24: error: expected a whole number from 1 to 1000, found 0",
    "mistaken.graph:19:3: error: lost is unreachable: no way from the start leads here "
      + #"(name it in a "next", or remove it)"#,
    #"mistaken.graph:20:11: error: expected a duration such as 500ms, 2s, 10m or 1h, found "tomorrow""#,
  ]
}
