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

  /// What earlier attempts asked in this call, each with its place among the notes, and where the next question goes.
  private struct Past {
    var asked: [(place: String, questions: MCPQuestions)] = []
    var next: String
  }

  /// - Throws: ``NodeFailure``. A tool's own error is a result.
  func run() async throws -> End {
    let past = past(try await task.remembered())
    var answers: MCPAnswers?
    for (place, questions) in past.asked {
      guard let given = questions.answers(from: task, place) else { return .ask(prompts(questions, place)) }
      answers = given
    }
    do {
      let end = try await go(on: answers, past)
      if case .result = end { try await forget(past) }
      return end
    } catch let failure as NodeFailure where [.protocol, .limit].contains(failure.kind) {
      // The server has answered: what it knew of the call is of no use any more.
      try await forget(past)
      throw failure
    }
  }

  /// Calls until there is a result or a question to a person.
  private func go(on given: MCPAnswers?, _ past: Past) async throws -> End {
    var answers = given
    for _ in min(past.asked.count, Self.mostRounds)...Self.mostRounds {
      switch try await call(answers) {
      case .result(let result): return .result(result)
      case .inputRequired(let requests, let state) where requests.isEmpty:
        // It only wants to be asked again.
        try await Task.sleep(for: .seconds(1))
        answers = MCPAnswers([:], state: state)
      case .inputRequired(let requests, let state):
        guard past.asked.count < Self.mostRounds else { throw tooOften }
        let asked = MCPQuestions(requests: requests, state: state)
        try await task.remember(past.next, asked.json)
        return .ask(prompts(asked, past.next))
      }
    }
    throw tooOften
  }

  private var tooOften: NodeFailure {
    NodeFailure(.limit, "\(session.name): \(tool) asks more than \(Self.mostRounds) times in one call")
  }

  /// - Parameter notes: of the task; what was asked in a call that has ended is `null` there, so that no later question is
  ///   taken for an answered one.
  private func past(_ notes: JSONObject) -> Past {
    var (past, number) = (Past(next: ""), 1)
    while let note = notes["\(name)input \(number)"] {
      if let questions = MCPQuestions(note) { past.asked.append(("\(name)input \(number)", questions)) }
      number += 1
    }
    past.next = "\(name)input \(number)"
    return past
  }

  /// The call has ended: made again, it begins anew.
  private func forget(_ past: Past) async throws {
    for (place, _) in past.asked.reversed() { try await task.remember(place, .null) }
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
        "The tool \(tool) of the server \(session.name) asks: \(request.message)\n\(request.form)",
        schema: request.answerSchema, key: "\(place) \(request.key)")
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
  /// The server's schema as far as it can be used.
  private var usable: JSON? { schema.flatMap { try? ForeignSchema($0).inlined } }

  /// What an answer may be: what the server wants, or `null` to decline.
  fileprivate var answerSchema: JSON? {
    guard let usable else { return nil }
    // An answer that is neither is told what it lacks as an object, not that it is none of two.
    guard var keywords = usable.objectValue, keywords["type"] == "object", keywords["enum"] == nil,
      keywords["const"] == nil
    else { return ["anyOf": [usable, ["type": "null", "description": "decline"]]] }
    keywords["type"] = ["object", "null"]
    return .object(keywords)
  }

  /// ``answerSchema`` in words.
  fileprivate var form: String {
    guard let usable else { return "(null declines)" }
    return "(the answer is \(SchemaWords.type(usable)); null declines)"
  }
}
