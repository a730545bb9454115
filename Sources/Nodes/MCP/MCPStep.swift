import Graph
import GraphRuntime
import OrderedCollections

/// One call of a tool, as `mcp` fields describe it: a node's own or a probe's.
struct MCPStep: Sendable {
  /// How often a tool may ask before it gives its result.
  static let mostRounds = 5

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

  /// The tool as its server describes it now.
  func described() async throws -> MCPTool {
    let tools = try await session.tools()
    guard let described = tools.first(where: { $0.name == tool }) else { throw session.unknown(tool) }
    return described
  }

  /// The node's result, its failure where the tool failed, or the questions the tool asks.
  func run() async throws -> NodeResult {
    let pin = MCPPin(server: session.name, tool: try await described())
    if let question = try await pin.question(for: task) { return .ask([question]) }
    var answers: MCPAnswers?
    for round in 1...Self.mostRounds {
      let note = "input \(round)"
      if let asked = try await task.remembered(note).flatMap(MCPQuestions.init) {
        guard let given = asked.answers(from: task, round: round) else { return .ask(asked.prompts(round: round)) }
        answers = given
        continue
      }
      switch try await call(answers: answers, mayAsk: true) {
      case .result(let result): return .result(try checked(result).json)
      case .inputRequired(let requests, let state):
        try await task.remember(note, MCPQuestions(requests: requests, state: state).json)
        guard requests.isEmpty else {
          return .ask(MCPQuestions(requests: requests, state: state).prompts(round: round))
        }
        // It only wants to be asked again.
        try await Task.sleep(for: .seconds(1))
        answers = MCPAnswers([:], state: state)
      }
    }
    throw NodeFailure(.limit, "\(session.name): \(tool) asks more than \(Self.mostRounds) times in one call")
  }

  /// What a probe found: `{text, content, structured?}`, or `{error}` where the tool failed.
  func finding() async throws -> JSON {
    try await refuseEffects()
    guard case .result(let result) = try await call(answers: nil, mayAsk: false) else {
      throw NodeFailure(.tool, "\(session.name): \(tool) asks for input, which a probe cannot give")
    }
    guard result.isError else { return result.json }
    return ["error": ["kind": "tool", "message": .string(failure(result).message)]]
  }

  /// A probe calls again and again, so it may only call what does no harm.
  private func refuseEffects() async throws {
    if try await fields.bool("repeatable") { return }
    guard try await !described().annotations.isReadOnly else { return }
    throw NodeFailure(
      .refused,
      "\(fields.prefix)tool: \(session.name) does not say that \(tool) only reads, and a probe may call it many times; "
        + "write repeatable: true beside it if that does no harm", precedesEffect: true)
  }

  private func call(answers: MCPAnswers?, mayAsk: Bool) async throws -> MCPOutcome {
    let task = task
    defer { for warning in session.takeWarnings() { task.print(warning + "\n", to: .stderr) } }
    let limit = task.node.timeout ?? Node.defaultTimeout
    return try await session.call(
      tool, arguments: try await fields.value("arguments") ?? [:], key: task.key, timeout: limit, answers: answers,
      mayAsk: mayAsk, progress: { task.print($0 + "\n", to: .stdout) })
  }

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

/// What a tool asked in one round of a call, as it is remembered until a person has answered.
struct MCPQuestions: Sendable {
  var requests: [MCPInputRequest]
  var state: JSON?

  init(requests: [MCPInputRequest], state: JSON?) {
    self.requests = requests
    self.state = state
  }

  init?(_ json: JSON) {
    guard let list = json["requests"]?.arrayValue else { return nil }
    requests = list.compactMap { item in
      guard let key = item["key"]?.stringValue else { return nil }
      return MCPInputRequest(key: key, message: item["message"]?.stringValue ?? "", schema: item["schema"])
    }
    state = json["state"]
  }

  var json: JSON {
    let list = requests.map { request -> JSON in
      var item: JSONObject = ["key": .string(request.key), "message": .string(request.message)]
      if let schema = request.schema { item["schema"] = schema }
      return .object(item)
    }
    var object: JSONObject = ["requests": .array(list)]
    if let state { object["state"] = state }
    return .object(object)
  }

  func prompts(round: Int) -> [Prompt] {
    requests.map { Prompt($0.message, schema: $0.answerSchema, key: "\(round) \($0.key)") }
  }

  /// What a person answered; `nil` while an answer is missing. The answer `null` declines.
  func answers(from task: TaskContext, round: Int) -> MCPAnswers? {
    var responses = JSONObject()
    for request in requests {
      guard let answer = task.answer(to: "\(round) \(request.key)") else { return nil }
      responses[request.key] = answer == .null ? ["action": "decline"] : ["action": "accept", "content": answer]
    }
    return MCPAnswers(responses, state: state)
  }
}

extension MCPInputRequest {
  /// The server's schema as far as it can be used, with `null` to decline.
  var answerSchema: JSON? {
    guard let schema, let usable = try? ForeignSchema(schema).inlined else { return nil }
    return ["anyOf": [usable, ["type": "null", "description": "decline"]]]
  }
}

extension TaskContext {
  /// The session with the server that the graph, or the server file beside it, calls `name`.
  func server(_ name: String) async throws -> MCPSession {
    let configuration = try await MCPServerReader(name: name, task: self).configuration(declared: servers[name])
    return try resource(MCPServers.self) { MCPServers() }.session(configuration)
  }
}
