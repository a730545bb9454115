import Graph
import Testing

@Suite("Mistakes only the whole graph shows")
struct RuleTests {
  @Test(arguments: mistakes)
  func `are said with their place and a hint`(_ mistake: Mistake) {
    #expect(mistake.reading.problems == [mistake.expected].compactMap(\.self))
  }

  @Test(arguments: mistakes)
  func `leave the JSON Schema content`(_ mistake: Mistake) throws {
    let schema = try JSONSchema(GraphFormat.jsonSchema)
    let value = try #require(JSON(yaml: Marked(mistake.text).text))
    #expect(schema.violations(of: value) == [])
  }

  @Test(arguments: mistakes)
  func `keep a graph from running, warnings do not`(_ mistake: Mistake) {
    #expect((mistake.reading.graph == nil) == (mistake.severity == .error))
  }

  @Test(
    arguments: [
      ("wait: 1s\nwhen: .draft | | length", 13, 11), ("ask: \"${{ .draft | nosuch }}\"", 12, 10),
      ("set: { draft: 'if .draft then 1' }", 12, 19),
    ])
  func `bad jq is said at its expression`(body: String, line: Int, column: Int) throws {
    let problems = Mistake.node(body, "").reading.problems
    let problem = try #require(problems.first)
    #expect(problems.count == 1)
    #expect(problem.severity == .error)
    #expect(problem.position >= SourcePosition(line: line, column: column))
    #expect(problem.position.line == line)
  }

  static let mistakes = edges + channels + expressions + effects + environment + models

  private static func graph(_ nodes: String, start: String = "a") -> String {
    "graph: g\nstate: { draft: {} }\nstart: \(start)\nnodes:\n  "
      + nodes.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ") + "\n"
  }

  private static let edges: [Mistake] = [
    Mistake(
      graph("write: { wait: 1s, next: ▶chekc }\ncheck: { wait: 1s }", start: "write"),
      #"no node is named "chekc""#, hint: #"did you mean "check"?"#),
    Mistake(graph("a: { wait: 1s }", start: "▶b"), #"no node is named "b""#, hint: "known: a"),
    Mistake(graph("a: { wait: 1s, on-error: ▶b }"), #"no node is named "b""#, hint: "known: a"),
    Mistake(
      graph("a: { wait: 1s, next: b }\nb: { wait: 1s, after: [a, ▶c] }"), #"no node is named "c""#, hint: "known: a, b"),
    Mistake(
      graph("a: { wait: 1s, next: { to: { expr: .draft, may: [▶b] } } }"), #"no node is named "b""#, hint: "known: a"),
    Mistake(
      graph("a: { wait: 1s }\n▶b: { wait: 1s }"), "b is unreachable: no way from the start leads here",
      hint: #"name it in a "next", or remove it"#),
    Mistake(
      graph("a: { wait: 1s, next: [b] }\nb: { wait: 1s }\n▶j: { wait: 1s, after: [b, c], next: c }\nc: { wait: 1s }"),
      "j can never run: it waits for c, which cannot finish before it",
      hint: #"lead an edge to c, or take it out of "after""#),
    Mistake(
      graph("a: { wait: 1s }\n▶j: { wait: 1s, after: [a, j] }"), "j waits for itself and can never run",
      hint: #"take it out of its "after""#),
    Mistake(
      graph("a: { wait: 1s, next: ▶[{ when: .draft, to: a }] }"), "no route is left when none of the conditions holds",
      hint: #"add a last one without "when", for instance {to: end}"#),
    Mistake(
      graph("a: { wait: 1s, next: ▶{ when: .draft, to: a } }"), "no route is left when none of the conditions holds",
      hint: #"add a last one without "when", for instance {to: end}"#),
    Mistake(
      graph("a: { wait: 1s, next: [▶{ to: end }, { when: .draft, to: a }] }"),
      #"a route without "when" is always taken; those after it never are"#,
      hint: #"move it to the end, or give it a "when""#),
    Mistake(
      graph("a: { wait: 1s, next: { each: .draft, to: ▶end } }"), "an each leads to one node",
      hint: "name the node that runs once per item"),
    Mistake(
      graph("a: { wait: 1s, next: { each: .draft, to: ▶[a] } }"), "an each leads to one node",
      hint: "name the node that runs once per item"),
    Mistake(
      graph("a: { wait: 1s, next: { each: .draft, to: ▶b } }\nb: { wait: 1s, defer: true }"),
      #"b has "defer", so it runs once and not once per item"#, hint: #"let the each lead to a node without "defer""#),
    Mistake(
      graph("a: { wait: 1s, next: [a, ▶end] }"), "end stands beside other targets",
      hint: "leave it out, or write end alone"),
  ]

  private static let channels: [Mistake] = [
    .node("ask: x\nsave: ▶drat", #"no channel is named "drat""#, hint: #"did you mean "draft"?"#),
    .node("ask: x\nsave: { ▶drat: $result }", #"no channel is named "drat""#, hint: #"did you mean "draft"?"#),
    .node("set: { ▶drat: 1 }", #"no channel is named "drat""#, hint: #"did you mean "draft"?"#),
    .node(
      "set: { draft: .topic }\nsave: ▶draft", "set writes its channels itself and has nothing to save",
      hint: #"remove "save""#),
    Mistake(
      "graph: g\ninputs: { a: {} }\nstate:\n  ▶a: {}\nstart: n\nnodes: { n: { wait: 1s } }\n",
      #""a" is an input already"#,
      hint: #"an input is a channel too: keep one of the two, with "reduce" if it needs it"#),
    Mistake(
      "graph: g\nstate: { a: { reduce: append, default: ▶1 } }\nstart: n\nnodes: { n: { wait: 1s } }\n",
      #"the default does not fit "reduce: append", which takes a list"#),
    Mistake(
      "graph: g\nstate: { a: { type: integer, minimum: 3, default: ▶1 } }\nstart: n\nnodes: { n: { wait: 1s } }\n",
      "the default does not fit the channel's type: must be at least 3, is 1"),
    Mistake(
      "graph: g\nstate: { a: { type: string, pattern: ▶'(' } }\nstart: n\nnodes: { n: { wait: 1s } }\n",
      #"not a JSON Schema: no regular expression: "(" is not closed (at character 1)"#),
    Mistake(
      "graph: g\nstate: { a: { items: { $ref: ▶'#/$defs/b' } } }\nstart: n\nnodes: { n: { wait: 1s } }\n",
      "not a JSON Schema: nothing is at #/$defs/b"),
    .node(
      "ask: { prompt: x, answer: { $ref: ▶'http://x/y' } }",
      #"not a JSON Schema: must stay within the document (#/…), is "http://x/y""#),
  ]

  private static let expressions: [Mistake] = [
    .node("wait: 1s\nwhen: ▶.drat | length", #"no channel is named "drat""#, hint: #"did you mean ".draft"?"#),
    .node("wait: 1s\nwhen: (▶.drat | length) > 2", #"no channel is named "drat""#, hint: #"did you mean ".draft"?"#),
    .node(
      "wait: 1s\nwhen: '.topic == \"x\" or ▶.drat'", #"no channel is named "drat""#, hint: #"did you mean ".draft"?"#),
    .node("ask: about ${{ ▶.topc }}", #"no channel is named "topc""#, hint: #"did you mean ".topic"?"#),
    .node("ask: |-\n  About\n    this ${{ ▶.topc }}", #"no channel is named "topc""#, hint: #"did you mean ".topic"?"#),
    .node("ask: \"\\\"é\\\" ${{ ▶.topc }}\"", #"no channel is named "topc""#, hint: #"did you mean ".topic"?"#),
    .node("ask: 'it''s ${{ ▶.topc }}'", #"no channel is named "topc""#, hint: #"did you mean ".topic"?"#),
    .node(
      "ask: ${{ ▶$secrets.TOKEN }}", "$secrets may stand only in env and headers",
      hint: #"pass it in "env", and let the script read the variable"#),
    .node(
      "shell: { argv: [curl, \"-H${{ ▶$secrets.TOKEN }}\"] }", "$secrets may stand only in env and headers",
      hint: #"pass it in "env", and let the script read the variable"#),
    .node(
      "http: { url: \"http://x?${{ ▶$secrets.TOKEN }}\" }", "$secrets may stand only in env and headers",
      hint: #"pass it in "env", and let the script read the variable"#),
    .node(
      "shell: { run: env, env: { T: \"${{ ▶$secrets.TOKN }}\" } }", "$secrets.TOKN is not declared",
      hint: #"did you mean "TOKEN"?"#),
    .node(
      "ask: ${{ ▶$env[\"USER\"] }}", "$env.USER is not declared", hint: #"add USER to the top-level "env""#),
    Mistake(
      "graph: g\nsecrets: [A]\nenv: [▶A]\nstart: a\nnodes: { a: { wait: 1s } }\n",
      "A is a secret; as $env it could stand anywhere", hint: #"list it only under "secrets""#),
    .node(
      "wait: 1s\nwhen: .draft and ▶env.HOME",
      "expressions may not use env; list the name under env: and use $env.NAME"),
    .node("ask: '${{ .draft + ▶] }}'", "\"]\" closes nothing here"),
    .node(
      "wait: 1s\nwhen: ▶${{ .draft }}", "expected a bare expression, found a template", hint: "leave out ${{ and }}"),
    .node(
      "ask: ${{ ▶$item }}", "$item is null here: no each leads to this node",
      hint: "only the node that an each leads to has it", .warning),
  ]

  private static let effects: [Mistake] = [
    .node(
      "shell: make\nretry: { on: [exit, ▶timeout] }",
      "after a timeout nobody knows whether a did its work; it must not simply run again",
      hint: #"say "effects: repeatable" if that does no harm, give it a "check", or leave out timeout"#),
    .node(
      "http: { method: POST, url: 'http://x' }\nretry: { on: [▶timeout] }",
      "after a timeout nobody knows whether a did its work; it must not simply run again",
      hint: #"say "effects: repeatable" if that does no harm, give it a "check", or leave out timeout"#),
  ]

  private static let environment: [Mistake] = [
    .node(
      "shell: { run: ls, env: { LD_PRELOAD: ▶'${{ .topic }}' } }",
      "LD_PRELOAD decides what programs load or run; an expression may not give it",
      hint: "write its value in the file"),
    .node(
      "shell: { run: ls, env: { API_TOKEN: ▶ghp_0123456789abcdefghij } }", "the value of API_TOKEN looks like a key",
      hint: #"list its name under "secrets" and write "${{ $secrets.API_TOKEN }}""#, .warning),
    .node(
      "shell: { argv: [▶'${{ .topic }}', x] }", "an expression decides which program runs",
      hint: "name the program in the file, and let expressions give its arguments", .warning),
  ]

  private static let models: [Mistake] = [
    Mistake(
      graph("▶a: { llm: hello }"), "a names no model",
      hint: #"add "model", or name one for all under defaults: { llm: { model: llama3.1 } }"#),
    Mistake(
      graph("a: { llm: { provider: openai, model: m, prompt: hello, ▶keep-alive: 5m } }"),
      "keep-alive is for provider ollama; this is openai", hint: "remove it, or say provider: ollama"),
    Mistake(
      graph("a: { llm: { model: m, prompt: hello, ▶max-tokens-field: max_tokens } }"),
      "max-tokens-field is for provider openai; this is ollama", hint: "remove it, or say provider: openai"),
    .node(
      "llm: { model: m, prompt: 'the key is ${{ ▶$secrets.TOKEN }}' }", "$secrets may stand only in env and headers",
      hint: #"pass it in "env", and let the script read the variable"#),
    .node(
      "llm: { model: m, prompt: hello, options: { user: '${{ ▶$secrets.TOKEN }}' } }",
      "$secrets may stand only in env and headers",
      hint: #"pass it in "env", and let the script read the variable"#),
  ]
}
