import Graph
import GraphRuntime

/// One call that a model asks for, from its permission to its result.
///
/// Its start is written down before it is made and its end as soon as it is known: a start without an end is in doubt
/// (DESIGN rule 8).
struct AgentCall: Sendable {
  let call: ToolCall
  let turn: Int
  let index: Int
  let task: TaskContext
  let toolbox: Toolbox
  let limits: AgentLimits

  /// What earlier attempts wrote down.
  let notes: JSONObject

  enum End: Sendable {
    case done(AgentCallRecord)

    /// A person must say something before it can go on.
    case ask([Prompt])
  }

  /// What the call is called in notes and questions.
  private var name: String { "call \(turn).\(index)" }
  private var startName: String { "\(name) start" }

  func end() async throws -> End {
    if let known = notes[name] { return .done(AgentCallRecord(json: known)) }
    guard let known = toolbox[call.name] else { return try await settle(.refused, unknownTool) }
    // Before what may be called now: it may have been called already.
    if let end = try await settleDoubt(known) { return end }
    guard known.verdict != .never else { return try await settle(.refused, unknownTool) }
    guard case .object(let arguments) = call.arguments.fitted(to: known.tool.parameters.inlined) else {
      guard case .malformed(_, let reason) = call.arguments else { preconditionFailure("fitting keeps objects") }
      return try await settle(.error, "error: \(reason)", known)
    }
    if let objection = known.tool.objection(to: arguments) {
      return try await settle(.error, "error: \(objection)", known, arguments)
    }
    switch try await permission(known, arguments) {
    case .ask(let prompts): return .ask(prompts)
    case .refused(let why): return try await settle(.refused, why, known, arguments)
    case .granted(let entry): return try await make(entry, arguments, attempt: attempts + 1)
    }
  }

  // MARK: Permission

  private enum Permission {
    case granted(Toolbox.Entry)
    case refused(String)
    case ask([Prompt])
  }

  /// Whether the call may be made: what the graph says, what a person says, and that the tool is still the one it was.
  private func permission(_ entry: Toolbox.Entry, _ arguments: JSONObject) async throws -> Permission {
    guard let entry = try await toolbox.current(entry) else {
      return .refused("error: \(entry.server) has no tool \(entry.tool.name) any more")
    }
    var prompts: [Prompt] = []
    do {
      if let changed = try await MCPPin(server: entry.server, tool: entry.tool).question(for: task) {
        prompts.append(changed)
      }
    } catch let failure as NodeFailure where failure.kind == .refused {
      return .refused("error: \(failure.message)")
    }
    if entry.verdict == .ask {
      let question = approval(entry, arguments)
      switch task.answer(to: question.key) {
      case nil: prompts.append(question)
      case true?: break
      default: return .refused("error: a person did not allow this call")
      }
    }
    return prompts.isEmpty ? .granted(entry) : .ask(prompts)
  }

  /// Shows exactly what would be called.
  private func approval(_ entry: Toolbox.Entry, _ arguments: JSONObject) -> Prompt {
    Prompt(
      "\(task.node.name) wants to call \(entry.tool.name) of the server \(entry.server) with\n"
        + "\(JSON.object(arguments).text)\nAllow it?",
      schema: ["type": "boolean"], key: "\(name) approve", kind: .approve)
  }

  private var unknownTool: String {
    let names = toolbox.offered.map(\.name)
    let hint = Suggestion.hint(for: call.name, in: names, listing: 30)
    return "error: there is no tool \"\(task.secretMask.excerpt(of: call.name, 128))\"\(hint.map { "; \($0)" } ?? "")"
  }

  // MARK: Making it

  /// How often earlier attempts of the task began it.
  private var attempts: Int { notes[startName]?["attempt"]?.intValue ?? 0 }

  /// Where an earlier attempt at it may have taken effect a person decides; `nil` where it is to be made.
  private func settleDoubt(_ entry: Toolbox.Entry) async throws -> End? {
    guard isInDoubt(entry) else { return nil }
    let arguments = arguments(for: entry)
    let question = doubt(
      entry, arguments, attempts, givenUp: givenUp,
      why: givenUp > 0
        ? "it was given up in doubt before" : "its runner ended, or it was stopped, while it was called")
    switch task.answer(to: question.key) {
    case nil: return .ask([question])
    case "rerun"?: return nil
    case "fail"?:
      // Whoever goes on after that is asked again.
      try await task.remember(startName, ["attempt": .int(attempts), "given up": .int(givenUp + 1)])
      throw NodeFailure(.refused, "given up while it was not known whether \(entry.tool.name) took effect")
    case let answer?:
      let given = answer["skip"]?.argumentText ?? "it was skipped, as it is not known whether it took effect"
      return try await settle(.skipped, given, entry, arguments)
    }
  }

  /// What is to be asked where the agent is cut off; `nil` where it has not begun, or its end is known or given up.
  func doubt(_ why: String) -> Prompt? {
    guard notes[name] == nil, givenUp == 0, let entry = toolbox[call.name], isInDoubt(entry) else { return nil }
    return doubt(entry, arguments(for: entry), attempts, why: why)
  }

  /// Began and has no end, and may not be made again as if it had not begun.
  private func isInDoubt(_ entry: Toolbox.Entry) -> Bool {
    attempts > 0 && notes[startName]?["paused"] != true && !mayRepeat(entry)
  }

  /// How often the doubt about its newest attempt was answered with `fail`.
  private var givenUp: Int { notes[startName]?["given up"]?.intValue ?? 0 }

  private func arguments(for entry: Toolbox.Entry) -> JSONObject {
    call.arguments.fitted(to: entry.tool.parameters.inlined).json.objectValue ?? [:]
  }

  private func make(_ entry: Toolbox.Entry, _ arguments: JSONObject, attempt: Int) async throws -> End {
    try await task.remember(startName, ["attempt": .int(attempt)])
    let shown = task.secretMask.summary(of: .object(arguments))
    task.print("→ \(entry.server).\(entry.tool.name) \(shown)\n", to: .stdout)
    let start = ContinuousClock.now
    let exchange = MCPExchange(
      task: task, session: entry.session, tool: entry.tool.name, arguments: .object(arguments),
      key: task.key(call: name), limit: entry.session.configuration.timeout ?? .seconds(300), name: "\(name) ")
    do {
      switch try await exchange.run() {
      case .ask(let prompts):
        // The tool waits for an answer: nothing is in doubt until it is called on.
        try await task.remember(startName, ["attempt": .int(attempt), "paused": true])
        return .ask(prompts)
      case .result(let result):
        let record = record(result.isError ? .error : .done, entry, arguments)
        return try await settle(record.with(result, seconds: (.now - start).seconds))
      }
    } catch let failure as NodeFailure {
      guard failure.isInDoubt, !mayRepeat(entry) else {
        return try await settle(.error, "error: \(failure.message)", entry, arguments)
      }
      return .ask([doubt(entry, arguments, attempt, why: failure.message)])
    }
  }

  private func mayRepeat(_ entry: Toolbox.Entry) -> Bool {
    task.node.effects == .repeatable || (entry.mayRepeat && task.node.effects == nil)
  }

  /// - Parameter givenUp: how often the same doubt was answered with `fail` before.
  private func doubt(
    _ entry: Toolbox.Entry, _ arguments: JSONObject, _ attempt: Int, givenUp: Int = 0, why: String
  ) -> Prompt {
    Prompt(
      "It is not known whether \(entry.tool.name) of the server \(entry.server) with\n\(JSON.object(arguments).text)\n"
        + "took effect: \(why). Run it again, skip it, or fail?",
      choices: ["rerun", "skip", "fail"], key: "\(name) doubt \(attempt)" + (givenUp > 0 ? " again \(givenUp)" : ""),
      kind: .doubt)
  }

  // MARK: Its end

  private func record(
    _ status: AgentCallRecord.Status, _ entry: Toolbox.Entry?, _ arguments: JSONObject?
  ) -> AgentCallRecord {
    AgentCallRecord(
      turn: turn, id: call.id, server: entry?.server, tool: entry?.tool.name ?? call.name,
      arguments: arguments.map(JSON.object) ?? call.arguments.json, status: status)
  }

  private func settle(
    _ status: AgentCallRecord.Status, _ text: String, _ entry: Toolbox.Entry? = nil, _ arguments: JSONObject? = nil
  ) async throws -> End {
    try await settle(
      record(status, entry, arguments).with(MCPResult(content: [["type": "text", "text": .string(text)]])))
  }

  /// Writes the end down; from here on the call is never made again.
  private func settle(_ record: AgentCallRecord) async throws -> End {
    let stored = AgentCallRecord(json: try await task.remember(name, record.json))
    task.print("← \(stored.tool): \(stored.outcome)\n", to: .stdout)
    return .done(stored)
  }
}
