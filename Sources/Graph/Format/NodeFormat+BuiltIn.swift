extension NodeFormat {
  /// `set`, `shell`, `verify`, `http`, `llm`, `mcp`, `agent`, `ask`, `graph`, `wait`, `memory`, `swift`.
  public static let builtIn: [NodeFormat] = [
    set, shell, verify, http, llm, mcp, agent, ask, graph, wait, memory, swift,
  ]

  private static let set = NodeFormat(
    kind: "set",
    description: "Writes channels. A string is an expression, any other value is itself; all see the same state.",
    body: .entries(.channel, .assignment))

  private static let shell = NodeFormat(
    kind: "shell",
    description: "Runs a script or a program. The result is {exit, stdout, stderr, json?, seconds, truncated?}.",
    fields: shellFields, shorthand: "run", exactlyOne: [["run", "argv"]], effects: .onceWithout(field: "check"))

  private static let shellFields = [
    FieldFormat("run", .script, "The script. Every ${{ }} is quoted for the shell; to pass data prefer `env`."),
    FieldFormat("argv", .list(.template), "The program and its arguments, run without a shell."),
    FieldFormat(
      "interpreter", .any([.text, .list(.text)]),
      "What runs the script instead of /bin/sh -eu: a program, or a list of it and its options."),
    FieldFormat(
      "env", .map(keys: .environment, values: .template), "Environment variables; secrets may stand here."),
    FieldFormat("dir", .template, "Where it runs; without it the graph file's folder."),
    FieldFormat("stdin", .value, "What it reads on standard input: text, or a value as JSON."),
    parse,
    FieldFormat("ok", .list(.integer(0...255)), "The exit codes that are no failure; without it only 0."),
    FieldFormat(
      "check", .script, "A script: exit code 0 means it is already so, and the step is done without running."),
    limit,
    FieldFormat(
      "detach", .object(detach), "Makes it a service in the background: started, probed until ready, and kept."),
  ]

  private static let detach = ObjectShape(
    "detach",
    [
      FieldFormat("ready", .script, "A script that exits with 0 once the service is ready.", isRequired: true),
      FieldFormat("within", .duration(computed: true), "How long it may take to be ready; without it 30s."),
      FieldFormat("every", .duration(computed: true), "How often it is probed; without it every 500ms."),
      FieldFormat("stop", .choice(["run-end", "never"]), "When it is stopped; without it at the end of the run."),
    ])

  private static let parse = FieldFormat(
    "parse", .choice(["text", "json", "lines", "jsonl"]), "How the output is read into the result's json.")

  private static let limit = FieldFormat(
    "limit", .integer(1...(1 << 30)), "Bytes of output that are kept; without it 1048576. The rest is counted.")

  private static let verify = NodeFormat(
    kind: "verify",
    description:
      "Holds the state, or what a probe found ($result), to expectations. Failure lists all that did not hold.",
    fields: [
      FieldFormat(
        "shell", .shorthand(for: "run", shellProbe), "A probe: runs a script or a program; any exit code is a result."),
      FieldFormat("http", .shorthand(for: "url", httpObject), "A probe: asks a web server; any status is a result."),
      FieldFormat("mcp", .object(mcpProbe), "A probe: calls a tool that only reads; its own error is a result too."),
      FieldFormat("that", .list(.object(expectation)), "What must hold.", isRequired: true),
      FieldFormat("within", .duration(computed: true, orZero: true), "Tries again for so long, until it holds."),
      FieldFormat("every", .duration(computed: true), "How often it tries within that time; without it every second."),
    ], shorthand: "that", atMostOne: [["shell", "http", "mcp"]])

  private static let expectation = ObjectShape(
    "an expectation ({expect, message})",
    [
      FieldFormat("expect", .expression, "What must hold.", isRequired: true),
      FieldFormat("message", .template, "What to say when it does not: the remedy."),
    ])

  private static let shellProbe = ObjectShape(
    "shell", shellFields.filter { $0.name != "check" && $0.name != "detach" }, exactlyOne: [["run", "argv"]])

  private static let http = NodeFormat(
    kind: "http", description: "Asks a web server. The result is {status, headers, body, json?, seconds}.",
    fields: httpFields, shorthand: "url",
    effects: .onceUnless(field: "method", in: ["GET", "HEAD", "OPTIONS"], absent: true))

  private static let httpObject = ObjectShape("http", httpFields)

  private static let httpFields = [
    FieldFormat(
      "method", .choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]), "Without it GET."),
    FieldFormat("url", .template, "What to ask, http or https.", isRequired: true),
    FieldFormat("headers", .map(keys: .header, values: .template), "Header fields; secrets may stand here."),
    FieldFormat("body", .value, "What to send: text as it is, any other value as JSON."),
    FieldFormat("ok", .list(.integer(100...599)), "The statuses that are no failure; without it 200 to 299."),
    parse,
    limit,
    FieldFormat("private", .bool, "Whether an address that an expression gives may be a private one."),
  ]

  private static let ask = NodeFormat(
    kind: "ask", description: "Asks a person. The result is the answer.",
    fields: [
      FieldFormat("prompt", .template, "The question.", isRequired: true),
      FieldFormat("answer", .schema, "What the answer must fit, a JSON Schema."),
      FieldFormat("choices", .list(.value), "The answers there may be."),
    ], shorthand: "prompt", atMostOne: [["answer", "choices"]])

  /// What nodes that run a graph are called in files.
  public static let graphKind = "graph"

  private static let graph = NodeFormat(
    kind: graphKind,
    description: "Runs another graph inside this task. The result is its outputs, or all its channels without any.",
    fields: [
      FieldFormat("file", .fileName, "The other graph's file, in this graph's folder or below it.", isRequired: true),
      FieldFormat(
        "inputs", .map(keys: .channel, values: .value), "The other graph's inputs; it sees nothing else of the state."),
    ], shorthand: "file")

  private static let wait = NodeFormat(
    kind: "wait", description: "Waits for a time or until one; a stop in between does not make it longer.",
    fields: [
      FieldFormat("for", .duration(computed: true, orZero: true), "How long."),
      FieldFormat("until", .template, "A date and time with its offset, for instance 2026-01-31T09:00:00Z."),
    ], shorthand: "for", exactlyOne: [["for", "until"]])

  private static let memory = NodeFormat(
    kind: "memory",
    description:
      "Keeps values that all threads of the store share, and finds them. A change is stored with the task's end.",
    fields: [
      FieldFormat(
        "namespace", .any([.list(.template), .template]),
        "Where: a label, or a list of them from the general to the particular.", isRequired: true),
      FieldFormat("get", .template, "The key to look up. The result is {found, value, updated?}."),
      FieldFormat("put", .object(memoryPut), "Keeps a value under a key. The result is {key}."),
      FieldFormat("delete", .template, "The key to forget. The result is {found}."),
      FieldFormat(
        "search", .object(memorySearch),
        "Looks for values here and below. The result is {items: [{namespace, key, value, updated, expires?}], more}."),
    ], exactlyOne: [["get", "put", "delete", "search"]])

  private static let memoryPut = ObjectShape(
    "put ({key, value, ttl})",
    [
      FieldFormat("key", .template, "The key; a value that is there already is replaced.", isRequired: true),
      FieldFormat("value", .value, "What to keep.", isRequired: true),
      FieldFormat("ttl", .duration(computed: true), "How long it is kept; without it for ever."),
    ])

  private static let memorySearch = ObjectShape(
    "search ({filter, limit, offset})",
    [
      FieldFormat("filter", .map(keys: .any, values: .value), "Members that a value must have, with these values."),
      FieldFormat("limit", .integer(1...999), "How many are given at most; without it 100."),
      FieldFormat("offset", .integer(0...Int(Int32.max)), "How many are left out at the beginning."),
    ])

  private static let swift = NodeFormat(
    kind: "swift", description: "Runs a function of the Swift program that runs the graph; graphrun itself has none.",
    fields: [FieldFormat("function", .text, "The function's name, as the program calls it.", isRequired: true)],
    shorthand: "function")

  private static let mcp = NodeFormat(
    kind: "mcp", description: "Calls a tool of an MCP server. The result is {text, content, structured?}.",
    fields: mcpFields, effects: .once)

  private static let mcpFields = [
    FieldFormat("server", .serverName, "The server, by its name under servers or in mcp.json.", isRequired: true),
    FieldFormat("tool", .text, "The tool's name.", isRequired: true),
    FieldFormat(
      "arguments", .any([.map(keys: .any, values: .value), .template]),
      "What the tool gets, an object; checked against its schema."),
  ]

  private static let mcpProbe = ObjectShape(
    "mcp",
    mcpFields + [
      FieldFormat(
        "repeatable", .bool, "Says that the tool may be called again and again, where it does not say so itself.")
    ])
}
