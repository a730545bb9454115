import Testing

@testable import Graph

@Suite("Values of the wrong shape")
struct ShapeTests {
  @Test(arguments: mistakes)
  func `are said with their place and a hint`(_ mistake: Mistake) {
    #expect(mistake.reading.problems == [mistake.expected].compactMap(\.self))
    #expect(mistake.reading.graph == nil)
  }

  @Test(arguments: mistakes)
  func `are refused by the JSON Schema too`(_ mistake: Mistake) throws {
    let schema = try JSONSchema(GraphFormat.jsonSchema)
    let value = try #require(JSON(yaml: Marked(mistake.text).text))
    #expect(!schema.violations(of: value).isEmpty)
  }

  static let mistakes = keys + values + edges + kinds

  private static let keys: [Mistake] = [
    Mistake("▶start: a\nnodes: { a: { wait: 1s } }\n", #"the graph needs the key "graph""#, hint: "The graph's name."),
    Mistake(
      "▶graph: g\nnodes: { a: { wait: 1s } }\n", #"the graph needs the key "start""#,
      hint: "Where a run begins: a node, a list, or routes."),
    Mistake("▶graph: g\nstart: a\n", #"the graph needs the key "nodes""#, hint: "The nodes by name."),
    Mistake("graph: g\nstart: a\nnodes: ▶{}\n", "the map is empty"),
    Mistake(
      "graph: g\n▶stat: {}\nstart: a\nnodes: { a: { wait: 1s } }\n", #"unknown key "stat" in the graph"#,
      hint: #"did you mean "state"?"#),
    .node("wait: 1s\n▶nexst: a", #"unknown key "nexst" in a node"#, hint: #"did you mean "next"?"#),
    .node("▶shel: ls", #"unknown key "shel" in a node"#, hint: #"did you mean "shell"?"#),
    .node(
      "▶browser: {}", #"unknown key "browser" in a node"#,
      hint: "known kinds: set, shell, verify, http, llm, mcp, agent, ask, graph, wait, memory, swift"
    ),
    .node(
      "▶description: nothing to do",
      #"a node needs one of "set", "shell", "verify", "http", "llm", "mcp", "agent", "ask", "graph", "wait", "memory", "swift""#
    ),
    .node("wait: 1s\n▶shell: ls", #"a node has "shell" and "wait"; only one of them may be there"#),
    .node(
      "wait: 1s\nretry: { ▶attempt: 3 }", #"unknown key "attempt" in retry"#, hint: #"did you mean "attempts"?"#),
    Mistake(
      "graph: g\nstate:\n  ▶2nd: {}\nstart: a\nnodes: { a: { wait: 1s } }\n",
      #""2nd" is not a channel name: a letter or _ first, then letters, digits and _; at most 128"#),
    Mistake(
      "graph: g\nstart: a\nnodes:\n  a: { wait: 1s }\n  ▶end: { wait: 1s }\n",
      #""end" is not a node name: a letter or _ first, then letters, digits, _ and -; at most 128; not start, end or input"#
    ),
    .node(
      "shell: { run: env, env: { ▶A=B: x } }",
      #""A=B" is not the name of an environment variable: a letter or _ first, then letters, digits and _"#),
  ]

  private static let values: [Mistake] = [
    .node(
      "wait: 1s\ntimeout: ▶30", "expected a duration above zero such as 500ms, 2s, 10m or 1h, found a number",
      hint: "a duration has a unit: 30s"),
    .node("wait: 1s\ntimeout: ▶2 m", #"expected a duration above zero such as 500ms, 2s, 10m or 1h, found "2 m""#),
    .node("wait: 1s\ntimeout: ▶0s", #"expected a duration above zero such as 500ms, 2s, 10m or 1h, found "0s""#),
    .node("wait: 1s\ndefer: ▶yes", "expected true or false, found text", hint: "write true or false"),
    .node("wait: 1s\nwhen: ▶[a]", "expected an expression, found a list"),
    .node("wait: 1s\nwhen:▶", "expected an expression, found nothing"),
    .node("wait: 1s\nretry: { attempts: ▶0 }", "expected a whole number from 1 to 1000, found 0"),
    .node("wait: 1s\nretry: { backoff: ▶0.5 }", "expected a number from 1 to 100, found 0.5"),
    .node(
      "wait: 1s\neffects: ▶repeatible", #"expected one of repeatable, once, found "repeatible""#,
      hint: #"did you mean "repeatable"?"#),
    .node(
      "wait: 1s\ndescription: ▶{ a: b }", "expected text, found a map", hint: "quote the text if it has braces in it"),
    .node(
      "shell: { run: ls, ok: ▶2 }", "expected a list (each item a whole number from 0 to 255), found a number",
      hint: "write it as a list: [2]"),
    Mistake(
      "graph: g\nmax-steps: ▶many\nstart: a\nnodes: { a: { wait: 1s } }\n",
      "expected a whole number from 1 to 1000000, found text"),
    Mistake(
      "graph: g\nstate: { n: { type: ▶int } }\nstart: a\nnodes: { a: { set: { n: 1 } } }\n",
      #"expected one of string, number, integer, boolean, array, object, null, found "int""#),
    Mistake(
      "graph: g\nstate: { n: { ▶minimal: 1 } }\nstart: a\nnodes: { a: { set: { n: 1 } } }\n",
      #"unknown key "minimal" in a channel"#, hint: #"did you mean "minimum"?"#),
    Mistake(
      "graph: g\nstate: { n: { reduce: ▶concat } }\nstart: a\nnodes: { a: { set: { n: 1 } } }\n",
      "expected one of replace, append, sum, min, max, merge, union, messages, last, ephemeral, untracked, "
        + #"found "concat""#),
    Mistake(
      "graph: g\nsecrets: [▶MY-TOKEN]\nstart: a\nnodes: { a: { wait: 1s } }\n",
      #"expected the name of an environment variable, found "MY-TOKEN""#,
      hint: "the name of an environment variable: a letter or _ first, then letters, digits and _"),
  ]

  private static let edges: [Mistake] = [
    .node("wait: 1s\nnext: ▶[]", "the list is empty"),
    .node(
      "wait: 1s\nnext: [a, ▶{ to: a }]", "expected the name of a node, or end, found a map"),
    .node(
      "wait: 1s\nnext: ▶{ when: true }", #"a route ({when, to}, {each, to} or {to}) needs the key "to""#,
      hint: "Where it leads: a node, a list of nodes, end, or {expr, may}."),
    .node(
      "wait: 1s\nnext: { ▶if: true, to: a }", #"unknown key "if" in a route ({when, to}, {each, to} or {to})"#,
      hint: "did you mean \"when\"?"),
    .node("wait: 1s\nnext: { each: .list, parallel: ▶0, to: a }", "expected a whole number from 1 to 10000, found 0"),
    .node(
      "wait: 1s\nnext: { to: ▶{ expr: .draft } }", #"a computed target ({expr, may}) needs the key "may""#,
      hint: "The names it may give; end is always allowed."),
    .node(
      "wait: 1s\nnext: ▶a b", #"expected the name of a node, or end, found "a b""#,
      hint: "a letter or _ first, then letters, digits, _ and -; at most 128; not start, end or input"),
    .node(
      "wait: 1s\nnext: ▶true", "expected the name of a node, end, or a list of nodes or routes, found true or false",
      hint: "quote it if it is meant as a name"),
  ]

  private static let kinds: [Mistake] = [
    .node("shell: ▶{}", #"shell needs one of "run", "argv""#),
    .node(
      "shell: { run: ls, ▶argv: [ls] }", #"shell has "run" and "argv"; only one of them may be there"#),
    .node(
      "shell: { run: ls, ▶cwd: x }", #"unknown key "cwd" in shell"#,
      hint: "did you mean \"dir\"?"),
    .node(
      "shell: { run: ls, detach: ▶{ stop: never } }", #"detach needs the key "ready""#,
      hint: "A script that exits with 0 once the service is ready."),
    .node("verify: ▶{ within: 5s }", #"verify needs the key "that""#, hint: "What must hold."),
    .node(
      "verify: { that: [▶{ message: x }] }", #"an expectation ({expect, message}) needs the key "expect""#,
      hint: "What must hold."),
    .node(
      "http: { url: 'http://x', method: ▶FETCH }",
      #"expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, found "FETCH""#),
    .node("http: ▶{ method: GET }", #"http needs the key "url""#, hint: "What to ask, http or https."),
    .node(
      "ask: { prompt: x, answer: { type: boolean }, ▶choices: [a] }",
      #"ask has "answer" and "choices"; only one of them may be there"#),
    .node(
      "wait: { for: 1s, ▶until: '2026-01-31T09:00:00Z' }", #"wait has "for" and "until"; only one of them may be there"#
    ),
    .node("set: ▶.draft", "expected a map, found text"),
    .node("wait: 1s\nretry: { on: [▶sometimes] }", expectedKind),
  ]

  private static let expectedKind =
    "expected one of \(GraphFormat.errorKinds.joined(separator: ", ")), found \"sometimes\""
}
