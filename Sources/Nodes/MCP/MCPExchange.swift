import Graph
import GraphRuntime

/// A call of a tool with the rounds of questions that it may take: the tool asks, a person answers in a later attempt, and
/// the same call goes on.
struct MCPExchange: Sendable {
  /// How often a tool may ask before it gives its result.
  static let mostRounds = 5

  let task: TaskContext
  let session: MCPSession
  let tool: String
  let arguments: JSON

  /// The idempotency key, the same for every attempt.
  let key: String
  let limit: Duration

  /// What stands before the names of notes and questions, where a task makes several calls.
  let name: String

  enum End: Sendable {
    case result(MCPResult)
    case ask([Prompt])
  }

  /// - Throws: ``NodeFailure``. A tool's own error is a result.
  func run() async throws -> End {
    let notes = try await task.remembered()
    var answers: MCPAnswers?
    for round in 1...Self.mostRounds {
      let place = "\(name)input \(round)"
      if let asked = notes[place].flatMap(MCPQuestions.init) {
        guard let given = asked.answers(from: task, place) else { return .ask(prompts(asked, place)) }
        answers = given
        continue
      }
      switch try await call(answers) {
      case .result(let result): return .result(result)
      case .inputRequired(let requests, let state):
        let asked = MCPQuestions(requests: requests, state: state)
        try await task.remember(place, asked.json)
        guard requests.isEmpty else { return .ask(prompts(asked, place)) }
        // It only wants to be asked again.
        try await Task.sleep(for: .seconds(1))
        answers = MCPAnswers([:], state: state)
      }
    }
    throw NodeFailure(.limit, "\(session.name): \(tool) asks more than \(Self.mostRounds) times in one call")
  }

  private func call(_ answers: MCPAnswers?) async throws -> MCPOutcome {
    let task = task
    defer { for warning in session.takeWarnings() { task.print(warning + "\n", to: .stderr) } }
    return try await session.call(
      tool, arguments: arguments, key: key, timeout: limit, answers: answers,
      progress: { task.print($0 + "\n", to: .stdout) })
  }

  /// Names who asks: a server must not be taken for graphrun.
  private func prompts(_ asked: MCPQuestions, _ place: String) -> [Prompt] {
    asked.requests.map { request in
      Prompt(
        "The tool \(tool) of the server \(session.name) asks: \(request.message)", schema: request.answerSchema,
        key: "\(place) \(request.key)")
    }
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

  /// What a person answered; `nil` while an answer is missing. The answer `null` declines.
  func answers(from task: TaskContext, _ place: String) -> MCPAnswers? {
    var responses = JSONObject()
    for request in requests {
      guard let answer = task.answer(to: "\(place) \(request.key)") else { return nil }
      responses[request.key] = answer == .null ? ["action": "decline"] : ["action": "accept", "content": answer]
    }
    return MCPAnswers(responses, state: state)
  }
}

extension MCPInputRequest {
  /// The server's schema as far as it can be used, with `null` to decline.
  fileprivate var answerSchema: JSON? {
    guard let schema, let usable = try? ForeignSchema(schema).inlined else { return nil }
    return ["anyOf": [usable, ["type": "null", "description": "decline"]]]
  }
}
