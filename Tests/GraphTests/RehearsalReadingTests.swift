import Testing

@testable import Graph

@Suite("Reading scenarios")
struct RehearsalReadingTests {
  static let graph = """
    graph: g
    inputs:
      topic: { type: string }
      count: { type: integer, default: 1 }
    state: { draft: {} }
    env: [HOME]
    secrets: [TOKEN]
    start: write
    nodes:
      write: { llm: { model: m, prompt: "${{ .topic }}" }, save: { draft: $result.text }, next: publish }
      publish: { shell: { run: "true", check: "false" }, next: settle }
      settle: { set: { draft: '"done"' }, next: look }
      look: { verify: { that: [{ expect: .draft != "" }] }, next: question }
      question: { ask: "Well?" }
    """

  static func reading(_ text: String) throws -> RehearsalReader.Reading {
    RehearsalReader(try #require(GraphReader().read(graph).graph)).read(text)
  }

  /// The text of one scenario's keys, and what is wrong where ▶ stands.
  static let mistakes: [(text: String, message: String, hint: String?)] = [
    ("▶nods: {}", #"unknown key "nods" in a scenario"#, #"did you mean "nodes"?"#),
    ("nodes: { ▶publsh: { result: 1 } }", #"no node is named "publsh""#, #"did you mean "publish"?"#),
    (
      "nodes: { publish: { ▶reslt: 1 } }",
      #"unknown key "reslt" in a script ({result}, {fail}, {answer}, {checked} or {items})"#,
      #"did you mean "result"?"#
    ),
    ("nodes: { publish: ▶{} }", "the script says nothing", "give a result, a fail, an answer or checked: true"),
    ("nodes: { publish: [{ result: {} }, { exit: ▶3 }] }", #""exit" says how it fails, and there is no "fail""#, nil),
    (
      "nodes: { publish: ▶{ checked: true, result: {} } }",
      #"what is "checked" does not run, and neither fails nor gives a result"#, nil
    ),
    ("nodes: { write: { checked: ▶true } }", "write has no check", nil),
    (
      "nodes: { publish: { items: ▶[{ result: {} }] } }", "no each leads to publish, so it has no items",
      "give it a list, one per attempt"
    ),
    (
      "nodes: { settle: { result: ▶1 } }", "settle sets channels, which a rehearsal does for real",
      "leave it out, or let it fail"
    ),
    (
      "nodes: { look: { result: ▶1 } }", "look looks at the state alone, which a rehearsal does for real",
      "leave it out, or let it fail"
    ),
    (
      "nodes: { question: { result: ▶1 } }", "question asks; its result is the answer",
      "write answer: instead of result:"
    ),
    (
      "nodes: { publish: { fail: x, kind: ▶timout } }",
      "expected one of exit, signal, timeout, spawn, connection, http, model, tool, swift, parse, expect, expression, type, "
        + #"limit, protocol, refused, found "timout""#, #"did you mean "timeout"?"#
    ),
    ("nodes: { publish: { result: '${{ ▶.draf }}' } }", #"no channel is named "draf""#, #"did you mean ".draft"?"#),
    (
      "nodes: { publish: { result: '${{ ▶$secrets.TOKEN }}' } }", "$secrets may not stand in a rehearsal", nil
    ),
    (
      "nodes: { publish: { result: { ▶stdot: x } } }", #"no such result has a part "stdot""#, #"did you mean "stdout"?"#
    ),
    ("nodes: { publish: { result: { exit: ▶one } } }", "exit is a number, not text", nil),
    ("nodes: { publish: { result: ▶3 } }", "publish gives a map, not a number", "for instance {exit: …}"),
    ("nodes: { write: { result: { warnings: ▶none } } }", "warnings is a list, not text", nil),
    ("env: { ▶HOM: x }", "the graph does not read $env.HOM", #"did you mean "HOME"?"#),
    ("env: { ▶TOKEN: x }", "TOKEN is a secret; in a rehearsal every secret has a stand-in", "leave it out"),
    (
      "expect: { status: ▶finished }", #"expected one of done, failed, waiting, found "finished""#, nil
    ),
    ("expect: { path: [write, ▶publsh] }", #"no node is named "publsh""#, #"did you mean "publish"?"#),
    ("expect: { that: [▶.drft] }", #"no channel is named "drft""#, #"did you mean ".draft"?"#),
  ]

  @Test(arguments: mistakes.indices) func `mistakes are said where they stand`(index: Int) throws {
    let mistake = Self.mistakes[index]
    let marked = Marked("- name: s\n  inputs: { topic: x }\n  " + mistake.text + "\n")
    let reading = try Self.reading(marked.text)
    let position = try #require(marked.position)
    #expect(reading.problems == [Problem(at: position, mistake.message, hint: mistake.hint)])
    #expect(reading.scenarios == nil)
  }

  @Test(arguments: [
    ("- name: s\n  inputs: { topic: x, ▶cuont: 2 }", #"the graph has no input "cuont""#, #"did you mean "count"?"#),
    ("- name: s\n  inputs: { topic: x, count: ▶many }", "the input does not fit its type: ", nil),
    ("- ▶name: s", #"the graph needs the input "topic""#, nil),
    ("- name: s\n  inputs: ▶{ count: 2 }", #"the graph needs the input "topic""#, nil),
    (
      "- { name: s, inputs: { topic: x } }\n- { name: ▶s, inputs: { topic: y } }",
      #"another scenario is called "s" already"#, nil
    ),
    ("▶name: s", "expected a list (each item a scenario), found a map", "write it as a list: […]"),
    ("- ▶inputs: { topic: x }", #"a scenario needs the key "name""#, "What the scenario is called."),
  ])
  func `and so are those of the whole scenario`(text: String, message: String, hint: String?) throws {
    let marked = Marked(text)
    let problem = try #require(try Self.reading(marked.text).problems.first)
    #expect(problem.position == marked.position)
    #expect(problem.message.hasPrefix(message))
    #expect(problem.hint == hint)
  }

  @Test func `an expectation that is no expression is said at its place`() throws {
    let reading = try Self.reading("- name: s\n  inputs: { topic: x }\n  expect:\n    that:\n      - .draft ==\n")
    let problem = try #require(reading.problems.first)
    #expect(problem.position.line == 5 && problem.severity == .error)
  }

  @Test func `the JSON Schema takes what the reader takes`() throws {
    let schema = try JSONSchema(RehearsalFormat.jsonSchema)
    let text = """
      - name: s
        nodes: { a: [{ fail: x, kind: timeout }, { answer: 1 }], b: { items: [{ result: 1 }, [{ result: 2 }]] } }
        expect: { status: done, path: [], that: [.a] }
      """
    #expect(schema.violations(of: try #require(JSON(yaml: text))) == [])
    #expect(schema.violations(of: try #require(JSON(yaml: "- { name: s, nods: {} }"))) != [])
  }
}
