public import Graph
public import GraphRuntime

/// Asks a language model once.
public struct LLMNode: NodeKind {
  public let name = "llm"

  public init() {}

  public func sight(of node: Node) -> NodeSight { .world }
  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass {
    switch node.effects {
    case .once?: .once
    case .repeatable?: .repeatable
    case nil: .pure
    }
  }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    let fields = NodeFields(task)
    let setup = try await ModelFields(fields)
    var request = setup.request
    request.tools = try await Self.tools(fields)
    request.format = try await fields.value("format").flatMap { $0 == .null ? nil : $0 }
    let question = try LLMQuestion(request, fields)
    return .result(try await question.answer(of: setup.model) { task.print($0, to: $1) })
  }

  /// The tools that the model may name.
  private static func tools(_ fields: NodeFields) async throws -> [ChatTool] {
    guard let value = try await fields.value("tools"), value != .null else { return [] }
    guard let items = value.arrayValue else { throw fields.failure("tools", "\(value.summary) is no list") }
    var names: Set<String> = []
    return try items.enumerated().map { index, item in
      let tool = item["function"] ?? item
      guard let name = tool["name"]?.stringValue, !name.isEmpty, names.insert(name).inserted else {
        throw fields.failure("tools[\(index)]", "\(item.summary) has no name of its own")
      }
      return ChatTool(
        name: name, description: tool["description"]?.stringValue ?? "",
        parameters: tool["parameters"] ?? ["type": "object", "properties": [:]])
    }
  }
}

/// One question to a model, and a second where the first answer does not have the form asked for (RELIABILITY S37, S38).
struct LLMQuestion: Sendable {
  private let request: ChatRequest
  private let format: JSONSchema?

  /// What the arguments of each tool must fit; `nil` where its schema is not one that can be checked.
  private let parameters: [String: JSONSchema?]
  private let mask: SecretMask

  init(_ request: ChatRequest, _ fields: NodeFields) throws {
    self.request = request
    mask = fields.task.secretMask
    do {
      format = try request.format.map { schema throws(JSONSchemaError) in try JSONSchema(schema) }
    } catch {
      throw fields.failure("format", error.description)
    }
    parameters = Dictionary(
      request.tools.map { ($0.name, try? JSONSchema($0.parameters)) }, uniquingKeysWith: { first, _ in first })
  }

  /// `{text, message, json?, usage, seconds, finish?, warnings?}`.
  func answer(
    of model: any ChatModel, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> JSON {
    let first = try await reply(of: model, to: request, show)
    switch judge(first) {
    case .success(let json): return result(first, json)
    case .failure(let trouble):
      show("\(model.name): \(trouble.message); asking once more\n", .stderr)
      var again = request
      again.messages += followUp(first, trouble)
      let second = try await reply(of: model, to: again, show).adding(first)
      switch judge(second) {
      case .success(let json): return result(second, json)
      case .failure(let trouble):
        throw NodeFailure(
          trouble.kind, "\(model.name): \(trouble.message), also when asked again", result: result(second, nil))
      }
    }
  }

  private func reply(
    of model: any ChatModel, to request: ChatRequest, _ show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChatReply {
    let reply = try await model.reply(to: request, show: show)
    for warning in reply.warnings { show("\(warning)\n", .stderr) }
    return reply
  }

  private func result(_ reply: ChatReply, _ json: JSON?) -> JSON {
    var result: JSONObject = [
      "text": .string(reply.message.text), "message": reply.message.json, "usage": .object(reply.usage),
      "seconds": .seconds(reply.seconds),
    ]
    result["json"] = json
    if reply.finish != "stop" { result["finish"] = .string(reply.finish) }
    if !reply.warnings.isEmpty { result["warnings"] = .array(reply.warnings.map(JSON.string)) }
    return .object(result)
  }
}

// MARK: Judging

extension LLMQuestion {
  /// What is wrong with the form of an answer.
  private struct Trouble: Error {
    var kind: ErrorKind
    var message: String

    /// The call that is wrong; `nil`: the text is.
    var call: ToolCall?
  }

  /// The answer's JSON where a format is asked for.
  private func judge(_ reply: ChatReply) -> Result<JSON?, Trouble> {
    for call in reply.message.calls {
      if let message = mistake(in: call) { return .failure(Trouble(kind: .model, message: message, call: call)) }
    }
    guard let format, reply.message.calls.isEmpty else { return .success(nil) }
    do {
      return .success(try StructuredAnswer.parse(reply.message.text, as: format))
    } catch {
      return .failure(Trouble(kind: .parse, message: error.message))
    }
  }

  private func mistake(in call: ToolCall) -> String? {
    guard let known = parameters[call.name] else {
      let names = request.tools.map(\.name).joined(separator: ", ")
      return "the model calls the tool \"\(mask.excerpt(of: call.name, 100))\", which does not exist"
        + (names.isEmpty ? "" : " (there are \(names))")
    }
    switch call.arguments {
    case .malformed(_, let reason): return "the model's call of \(call.name): \(reason)"
    case .object(let object):
      guard let violation = known?.violations(of: .object(object)).first else { return nil }
      return "the model's call of \(call.name): \(violation)"
    }
  }

  /// What the model is told about its answer.
  private func followUp(_ reply: ChatReply, _ trouble: Trouble) -> [ChatMessage] {
    var messages = [reply.message]
    if trouble.call != nil {
      messages += reply.message.calls.map { call in
        ChatMessage(resultOf: call, "error: \(mistake(in: call) ?? "not run, as another call was wrong"); call again")
      }
    } else {
      let schema = request.format?.text ?? ""
      messages.append(
        ChatMessage(
          .user, "\(trouble.message). Answer again, with nothing but a JSON value that fits this schema: \(schema)"))
    }
    return messages
  }
}

extension ChatReply {
  /// With what an earlier answer to the same question took.
  fileprivate func adding(_ earlier: ChatReply) -> ChatReply {
    var sum = self
    sum.seconds += earlier.seconds
    sum.warnings = earlier.warnings + warnings.filter { !earlier.warnings.contains($0) }
    for (key, value) in earlier.usage where key != "tokens_per_second" {
      sum.usage[key] = .int((value.intValue ?? 0) + (usage[key]?.intValue ?? 0))
    }
    return sum
  }
}
