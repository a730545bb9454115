import Graph
import GraphRuntime
import OrderedCollections

/// One call of a tool, as `mcp` fields describe it: a node's own or a probe's.
struct MCPStep: Sendable {
  let fields: NodeFields
  let session: MCPSession
  let tool: String

  init(_ fields: NodeFields) async throws {
    self.fields = fields
    guard let server = try await fields.text("server") else { throw fields.failure("server", "is missing") }
    guard let tool = try await fields.text("tool") else { throw fields.failure("tool", "is missing") }
    session = try await fields.task.server(server)
    self.tool = tool
  }

  private var task: TaskContext { fields.task }

  /// What a person must be asked before the server is started or reached; `nil` where that is nothing.
  func consent() async throws -> Prompt? {
    try await ServerPin(configuration: session.configuration, task: task).question()
  }

  /// What a cached result depends on besides the fields.
  var surroundings: [JSON] {
    [.string(task.folder), task.servers[session.name]?.outline ?? .null, session.configuration.entry ?? .null]
  }

  /// The tool as its server describes it now.
  func described() async throws -> MCPTool {
    let tools = try await session.tools(anew: true)
    guard let described = tools.first(where: { $0.name == tool }) else { throw session.unknown(tool) }
    return described
  }

  /// As `body`; who is cut off is told what was waited for, and what the server said meanwhile.
  private func inTime<Value: Sendable>(
    _ what: String, precedesEffect: Bool, _ body: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch is CancellationError {
      let words = session.lastWords
      let said = words.isEmpty ? "" : "; it said: \(words)"
      throw NodeFailure(
        .timeout, "\(session.name) \(what)\(said)", precedesEffect: precedesEffect, isInDoubt: !precedesEffect)
    }
  }

  /// The node's result, its failure where the tool failed, or the questions the tool asks.
  func run() async throws -> NodeResult {
    if let question = try await consent() { return .ask([question]) }
    let tool = try await inTime("had not yet said what tools it has, so nothing was called", precedesEffect: true) {
      try await described()
    }
    let pin = MCPPin(server: session.name, tool: tool)
    if let question = try await pin.question(for: task) { return .ask([question]) }
    let exchange = MCPExchange(
      task: task, session: session, tool: tool.name, arguments: try await arguments(), key: task.key, limit: limit,
      name: "")
    let end = try await inTime("had not answered the call of \(tool.name)", precedesEffect: false) {
      try await exchange.run()
    }
    switch end {
    case .ask(let prompts): return .ask(prompts)
    case .result(let result): return .result(try checked(result).json)
    }
  }

  /// What a probe found: `{text, content, structured?}`, or `{error}` where the tool failed.
  ///
  /// - Throws: ``Probe/Asking`` where a person must be asked before the tool is called.
  func finding() async throws -> JSON {
    let described = try await described()
    try await refuseEffects(of: described)
    if let question = try await MCPPin(server: session.name, tool: described).question(for: task) {
      throw Probe.Asking(prompts: [question])
    }
    defer { for warning in session.takeWarnings() { task.print(warning + "\n", to: .stderr) } }
    let outcome = try await session.call(
      tool, arguments: try await arguments(), key: task.key, timeout: limit, mayAsk: false)
    guard case .result(let result) = outcome else {
      throw NodeFailure(.tool, "\(session.name): \(tool) asks for input, which a probe cannot give")
    }
    guard result.isError else { return result.json }
    return ["error": ["kind": "tool", "message": .string(failure(result).message)]]
  }

  /// A probe calls again and again, so it may only call what does no harm.
  private func refuseEffects(of described: MCPTool) async throws {
    if try await fields.bool("repeatable") { return }
    guard !described.annotations.isReadOnly else { return }
    throw NodeFailure(
      .refused,
      "\(fields.prefix)tool: \(session.name) does not say that \(tool) only reads, and a probe may call it many times; "
        + "write repeatable: true beside it if that does no harm", precedesEffect: true)
  }

  private func arguments() async throws -> JSON { try await fields.value("arguments") ?? [:] }
  private var limit: Duration { task.node.timeout ?? Node.defaultTimeout }

  private func checked(_ result: MCPResult) throws -> MCPResult {
    guard result.isError else { return result }
    throw failure(result)
  }

  /// The tool's own words, and the server's: some give the cause on standard error only.
  private func failure(_ result: MCPResult) -> NodeFailure {
    let words = session.lastWords
    let said = words.isEmpty ? "" : "\nthe server said: \(words)"
    let text = result.text.isEmpty ? "it gives no reason" : String(result.text.prefix(4096))
    return NodeFailure(.tool, "\(session.name): \(tool) failed: \(text)\(said)", result: result.json)
  }
}

extension TaskContext {
  /// The session with the server that the graph, or the server file beside it, calls `name`.
  func server(_ name: String) async throws -> MCPSession {
    let configuration = try await MCPServerReader(name: name, task: self).configuration(declared: servers[name])
    return try resource(MCPServers.self) { MCPServers(mask: secretMask) }.session(configuration)
  }
}
