/// The whole of a graph file, in shapes, for a set of node kinds.
public struct GraphFormat: Sendable {
  public var kinds: [NodeFormat]
  public var reducers: [CustomReducer]

  public init(kinds: [NodeFormat] = NodeFormat.builtIn, reducers: [CustomReducer] = []) {
    self.kinds = kinds
    self.reducers = reducers
  }

  var file: ObjectShape {
    ObjectShape(
      "the graph",
      [
        FieldFormat("graph", .text, "The graph's name.", isRequired: true),
        FieldFormat("description", .text, "What it does, for people."),
        FieldFormat(
          "inputs", .map(keys: .channel, values: .object(channel("an input"))),
          "Channels that are given from outside; without a default they must be."),
        FieldFormat("state", .map(keys: .channel, values: .object(channel("a channel"))), "The other channels."),
        FieldFormat(
          "outputs", .map(keys: .output, values: .assignment),
          "What programs and parent graphs get back; without it all channels."),
        FieldFormat("defaults", .object(defaults), "What nodes have when they do not say otherwise."),
        FieldFormat("servers", .map(keys: .server, values: .object(Self.server)), "MCP servers by name."),
        FieldFormat("secrets", Self.variables, "Environment variables whose values are secret, for $secrets."),
        FieldFormat("env", Self.variables, "Environment variables that expressions may read, for $env."),
        FieldFormat("max-steps", .integer(1...1_000_000), "Super-steps allowed per run; without it 1000."),
        FieldFormat(
          "schedule", .choice(Schedule.allCases.map(\.rawValue)),
          "Whether a task may start before siblings of an earlier super-step have ended, where they cannot touch it: "
            + "ahead (as without it) or strict. What is stored is the same."),
        FieldFormat("start", .named(.routes), "Where a run begins: a node, a list, or routes.", isRequired: true),
        FieldFormat(
          "nodes", .map(keys: .node, values: .object(node), isEmptyAllowed: false), "The nodes by name.",
          isRequired: true),
      ])
  }

  private static let variables = Shape.list(.environmentName, isEmptyAllowed: true)

  private func channel(_ name: String) -> ObjectShape {
    let own = [
      FieldFormat(
        "reduce", .choice(Reducer.allCases.map(\.rawValue) + reducers.map(\.name)),
        "How a write folds into the value; without it replace."),
      FieldFormat("default", .json, "The value before any write."),
      FieldFormat("description", .text, "What it holds, for people."),
    ]
    let names = Set(own.map(\.name))
    var shape = ObjectShape(name, own + SchemaFormat.keywords.filter { !names.contains($0.name) })
    shape.example = "{ type: string }"
    return shape
  }

  var node: ObjectShape {
    ObjectShape(
      "a node", kinds.map { FieldFormat($0.kind, $0.shape, $0.description) } + Self.common,
      exactlyOne: [kinds.map(\.kind)])
  }

  private var defaults: ObjectShape {
    let perKind = kinds.compactMap { kind in
      kind.defaults.map { FieldFormat(kind.kind, .object($0), "Fields of every \(kind.kind) node.") }
    }
    return ObjectShape("defaults", perKind + Self.common.filter { Self.defaulted.contains($0.name) })
  }

  /// The keys of `defaults` that are no kind.
  static let defaulted = ["retry", "timeout", "idle", "deadline", "queue"]

  /// The keys every node may have.
  static let common = [
    FieldFormat("description", .text, "What it is for; shown while it runs."),
    FieldFormat(
      "after", .any([.nodeName, .list(.nodeName)]), "A barrier: runs once all of these have finished since it last ran."
    ),
    FieldFormat("next", .named(.routes), "What runs one super-step later; without it the branch ends."),
    FieldFormat(
      "save", .any([.channelName, .map(keys: .channel, values: .assignment, isEmptyAllowed: false)]),
      "The channel that gets the result, or {channel: expression} for parts of it."),
    FieldFormat("when", .expression, "Where it does not hold the node is skipped, and counts as finished."),
    FieldFormat("retry", .named(.retry), "How a failed attempt is tried again; without it never."),
    FieldFormat("timeout", .duration(), "How long one attempt may take; without it 10m."),
    FieldFormat("idle", .duration(), "How long an attempt may give no output."),
    FieldFormat("deadline", .duration(), "How long all attempts and the waits between them may take."),
    FieldFormat("queue", .duration(), "How long it may wait for its turn in a fan-out with parallel."),
    FieldFormat("cache", .any([.bool, .object(cache)]), "Keeps the result for equal fields: true, or {ttl, key}."),
    FieldFormat("on-error", .nodeName, "Where a failure leads instead of failing the run; it sees $error."),
    FieldFormat("defer", .bool, "Runs only when nothing else can, once for all arrivals."),
    FieldFormat(
      "effects", .choice(Effects.allCases.map(\.rawValue)),
      "Whether it may run again after a crash or a timeout (repeatable), or a person decides (once)."),
    FieldFormat("approve", .any([.bool, .template]), "Asks a person before it runs: true, or the question."),
  ]

  static let retry = ObjectShape(
    "retry",
    [
      FieldFormat("attempts", .integer(1...1000), "Attempts in all, the first included; without it 3."),
      FieldFormat("delay", .duration(orZero: true), "The wait before the second attempt; without it 1s."),
      FieldFormat("backoff", .number(1...100), "What each further wait is multiplied with; without it 2."),
      FieldFormat("max-delay", .duration(), "The longest wait; without it 60s."),
      FieldFormat("jitter", .bool, "Whether a wait is anything between zero and the computed one; without it true."),
      FieldFormat(
        "on", .list(.any([.choice(errorKinds), .integer(0...255)])), "Error kinds and exit codes that are tried again."),
    ])

  /// Error kinds a node's failure can have (DESIGN §7).
  static let errorKinds = [
    "exit", "signal", "timeout", "spawn", "connection", "http", "model", "tool", "swift", "parse", "expect",
    "expression",
    "type", "limit", "protocol",
  ]

  private static let cache = ObjectShape(
    "cache",
    [
      FieldFormat("ttl", .duration(orZero: true), "How long a result is good; without it for ever."),
      FieldFormat("key", .value, "What else must be equal."),
    ])

  private static let server = ObjectShape(
    "a server",
    [
      FieldFormat("command", .text, "The program of a local server."),
      FieldFormat("args", .list(.template, isEmptyAllowed: true), "Its arguments."),
      FieldFormat(
        "env", .map(keys: .environment, values: .template),
        "Its environment besides PATH, HOME and the like; secrets may stand here."),
      FieldFormat("cwd", .text, "Where it runs; without it the graph file's folder."),
      FieldFormat("url", .template, "The address of a remote server."),
      FieldFormat("headers", .map(keys: .header, values: .template), "Header fields; secrets may stand here."),
      FieldFormat(
        "private", .bool, "Whether a url whose host an expression gives may lead to this machine or the local network."),
      FieldFormat("from", .fileName, "The file that has the server, of the shape of mcp.json."),
      FieldFormat(
        "type", .choice(["stdio", "http", "sse", "streamable-http"]),
        "How it is spoken to; without it that is found out."
      ),
      FieldFormat("trust", .bool, "Whether to believe what it says of its tools (read-only, idempotent)."),
      FieldFormat("timeout", .duration(), "How long a request may take at most."),
      FieldFormat(
        "startup", .duration(), "How long it may take until it answers for the first time; without it 60s."),
      FieldFormat(
        "protocol", .choice(["auto", "modern", "legacy"]), "The era of the protocol; without it that is found out."),
    ], exactlyOne: [["command", "url", "from"]])
}
