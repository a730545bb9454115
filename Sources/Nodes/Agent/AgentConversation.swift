import Graph
import GraphRuntime

/// The turns of one agent: the model replies, the tools it calls run, until it answers.
struct AgentConversation: Sendable {
  let task: TaskContext
  let setup: ModelFields
  let toolbox: Toolbox
  let limits: AgentLimits

  /// What earlier attempts wrote down.
  let notes: JSONObject

  /// What happened so far.
  fileprivate struct Progress {
    var messages: [ChatMessage]
    var calls: [JSON] = []
    var usage: JSONObject = [:]

    /// A reply with more calls than a model can mean was told so once.
    var wasWarnedOfCalls = false
  }

  /// Where it is cut off while a tool is called, what came of that call is asked before anything is made of the agent's end.
  func run() async throws -> NodeResult {
    do {
      return try await turns()
    } catch {
      // A run that stops asks when it goes on.
      guard task.expiry != nil || !Task.isCancelled else { throw error }
      let reason = task.expiry ?? (error as? NodeFailure)?.message ?? "\(error)"
      let questions = try await doubts("the agent was cut off while it was called: \(reason)")
      guard !questions.isEmpty else { throw error }
      return .ask(questions)
    }
  }

  private func turns() async throws -> NodeResult {
    var progress = Progress(messages: setup.request.messages)
    for turn in 1...limits.turns {
      try checkBudget(progress)
      let reply = try await reply(turn, progress)
      progress.messages.append(reply.message)
      progress.add(reply.usage)
      guard !reply.message.calls.isEmpty else { return .result(result(progress, answer: reply.message.text)) }
      let questions = try await take(reply.message.calls, turn, &progress)
      guard questions.isEmpty else { return .ask(questions) }
    }
    throw NodeFailure(
      .limit, "the model has not answered after \(limits.turns) turns (max-turns)\(Self.goingOn)",
      result: result(progress))
  }

  /// What an author can do about a limit.
  private static let goingOn = "; raise it in the graph, and resume goes on from here"

  // MARK: The model

  private struct Reply {
    var message: ChatMessage
    var usage: JSONObject
  }

  /// The reply of this turn: as it was written down, or a new one.
  private func reply(_ turn: Int, _ progress: Progress) async throws -> Reply {
    let name = Self.noteName(turn)
    if let known = notes[name], known != .null { return try self.reply(from: known) }
    var request = setup.request
    request.messages = progress.messages
    request.tools = toolbox.offered
    let reply = try await setup.model.reply(to: request) { task.print($0, to: $1) }
    for warning in reply.warnings { task.print("\(warning)\n", to: .stderr) }
    var message = reply.message
    message.id = task.key(call: name)
    return try self.reply(
      from: try await task.remember(name, ["message": message.json, "usage": .object(reply.usage)]))
  }

  private static func noteName(_ turn: Int) -> String { "turn \(turn)" }

  private func reply(from note: JSON) throws -> Reply {
    do {
      return Reply(message: try ChatMessage(json: note["message"] ?? .null), usage: note["usage"]?.objectValue ?? [:])
    } catch {
      throw NodeFailure(.store, "a reply of the model that was stored cannot be read: \(error)")
    }
  }

  // MARK: The tools

  /// Runs what may run of `calls`, side by side; the results stand in call order whoever ends first.
  /// - Returns: what a person must be asked before the rest can run.
  private func take(_ calls: [ToolCall], _ turn: Int, _ progress: inout Progress) async throws -> [Prompt] {
    guard calls.count <= AgentLimits.callsPerTurn else {
      let text = "\(calls.count) calls in one reply are too many; at most \(AgentLimits.callsPerTurn) can be made"
      guard !progress.wasWarnedOfCalls else {
        // Another attempt asks the model again.
        try await task.remember(Self.noteName(turn), .null)
        throw NodeFailure(.model, "the model made \(text)")
      }
      progress.wasWarnedOfCalls = true
      progress.messages += calls.map { ChatMessage(resultOf: $0, "error: \(text)") }
      return []
    }
    guard progress.calls.count + calls.count <= limits.calls else {
      throw NodeFailure(
        .limit, "the model wants more than \(limits.calls) calls of tools (max-calls)\(Self.goingOn)",
        result: result(progress))
    }
    let ends = try await withThrowingTaskGroup(of: (Int, AgentCall.End).self) { group in
      for (index, call) in calls.enumerated() {
        let run = AgentCall(
          call: call, turn: turn, index: index, task: task, toolbox: toolbox, limits: limits, notes: notes)
        group.addTask { (index, try await run.end()) }
      }
      return try await group.reduce(into: [Int: AgentCall.End]()) { $0[$1.0] = $1.1 }
    }
    var questions: [Prompt] = []
    for (index, call) in calls.enumerated() {
      switch ends[index] {
      case .done(let record)?:
        progress.calls.append(record.json)
        var message = ChatMessage(resultOf: call, record.textForModel(limit: limits.resultBytes))
        message.id = task.key(call: "result \(turn) \(index)")
        progress.messages.append(message)
      case .ask(let prompts)?: questions += prompts
      case nil: preconditionFailure("every call has an end")
      }
    }
    return questions.uniqued
  }

  /// What is to be asked about calls of the newest turn that began and have no end.
  private func doubts(_ why: String) async throws -> [Prompt] {
    let notes = try await task.remembered()
    let turn = (1...limits.turns).last { notes[Self.noteName($0)] ?? .null != .null }
    guard let turn, let note = notes[Self.noteName(turn)] else { return [] }
    return try reply(from: note).message.calls.enumerated().compactMap { index, call in
      AgentCall(call: call, turn: turn, index: index, task: task, toolbox: toolbox, limits: limits, notes: notes)
        .doubt(why)
    }.uniqued
  }

  // MARK: Ends

  private func checkBudget(_ progress: Progress) throws {
    guard let most = limits.tokens else { return }
    let used = ["prompt_tokens", "completion_tokens"].reduce(0) { $0 + (progress.usage[$1]?.intValue ?? 0) }
    guard used >= most else { return }
    throw NodeFailure(
      .limit, "the turns so far took \(used) tokens, and max-tokens is \(most)\(Self.goingOn)", result: result(progress)
    )
  }

  /// `{text, messages, calls, usage}`. The node's own `system` text is no part of the messages.
  private func result(_ progress: Progress, answer: String = "") -> JSON {
    let messages = setup.hasSystem ? progress.messages.dropFirst() : progress.messages[...]
    return [
      "text": .string(answer), "messages": .array(messages.map(\.json)), "calls": .array(progress.calls),
      "usage": .object(progress.usage),
    ]
  }
}

extension [Prompt] {
  /// Each question once, though two calls need its answer.
  fileprivate var uniqued: [Prompt] {
    var keys: Set<String> = []
    return filter { keys.insert($0.key).inserted }
  }
}

extension AgentConversation.Progress {
  /// Counts add up over the turns; rates do not.
  fileprivate mutating func add(_ more: JSONObject) {
    usage["turns"] = .int((usage["turns"]?.intValue ?? 0) + 1)
    for (key, value) in more where key != "tokens_per_second" {
      guard let number = value.intValue else { continue }
      usage[key] = .int((usage[key]?.intValue ?? 0) + number)
    }
  }
}
