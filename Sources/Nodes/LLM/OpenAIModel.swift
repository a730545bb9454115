import Graph
import GraphRuntime

/// A model behind any endpoint that speaks OpenAI's chat completions, streamed.
struct OpenAIModel: ChatModel {
  let name: String
  var endpoint: ModelEndpoint

  /// What the endpoint calls the limit on the answer: `max_tokens`, or `max_completion_tokens`.
  var maxTokensField = "max_tokens"

  /// Members of the request beside those made here; they win.
  var extra: JSONObject = [:]

  init(_ name: String, at endpoint: ModelEndpoint) {
    self.name = name
    self.endpoint = endpoint
  }

  /// Bytes of an answer that is not streamed.
  private static let longestAnswer = 16 << 20

  func reply(
    to request: ChatRequest, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChatReply {
    do {
      return try await answer(to: request, show: show)
    } catch let failure as NodeFailure {
      throw failure.naming(name, at: endpoint)
    }
  }

  private func answer(
    to request: ChatRequest, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChatReply {
    guard !request.messages.isEmpty else { throw NodeFailure(.type, "messages: there are none", precedesEffect: true) }
    let start = ContinuousClock.now
    let body = body(request)
    let limit = [maxTokensField, "max_tokens", "max_completion_tokens"].first { body[$0] != nil }
    let stream = try endpoint.stream("/chat/completions", .object(body), accept: "text/event-stream")
    let answer = try await take(stream, Answer(request), show)
    var builder = try answer.finished(model: name, endpoint)
    if request.options["num_ctx"] != nil {
      builder.warnings.append("options.num_ctx is not sent: this interface leaves the context to the server")
    }
    return try builder.reply(
      tokenLimit: limit.map { $0 == maxTokensField ? "options.num_predict" : "extra.\($0)" },
      room: "the server's context", seconds: start.secondsUntilNow)
  }

  private func take(
    _ stream: HTTPStream, _ answer: Answer, _ show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> Answer {
    let outcome: Result<Answer, Refusal>
    do {
      outcome = try await stream.open { head, body in
        try endpoint.checkIsService(head)
        guard (200..<300).contains(head.status) else {
          return .failure(Refusal(head: head, body: try await body.beginning()))
        }
        var answer = answer
        if head.type == "application/json" {
          // Not streamed, or an error though the status is none.
          try answer.take(whole: try await body.whole(limitBytes: Self.longestAnswer), endpoint, show)
        } else {
          try await answer.take(body, endpoint, show)
        }
        return .success(answer)
      }
    } catch let failure as NodeFailure {
      throw unreachable(failure)
    }
    switch outcome {
    case .success(let answer): return answer
    case .failure(let refusal): throw await failure(refusal)
    }
  }
}

// MARK: The request

extension OpenAIModel {
  private func body(_ request: ChatRequest) -> JSONObject {
    var body: JSONObject = [
      "model": .string(name), "messages": .array(request.messages.map(Self.message)), "stream": true,
      "stream_options": ["include_usage": true],
    ]
    if !request.tools.isEmpty { body["tools"] = .array(request.tools.map(Self.tool)) }
    if let schema = request.format {
      body["response_format"] = [
        "type": "json_schema",
        "json_schema": ["name": "answer", "schema": schema, "strict": .bool(Self.isStrict(schema))],
      ]
    }
    body["reasoning_effort"] = Self.effort(request.think)
    for (key, value) in request.options where key != "num_ctx" {
      body[key == "num_predict" ? maxTokensField : key] = value
    }
    for (key, value) in extra { body[key] = value }
    return body
  }

  private static func effort(_ think: JSON?) -> JSON? {
    switch think {
    case .bool(false)?: "none"
    case .string("max")?: "high"
    case .string(let level)?: .string(level)
    default: nil
    }
  }

  private static func message(_ message: ChatMessage) -> JSON {
    var object: JSONObject = ["role": .string(message.role.rawValue), "content": .string(message.text)]
    if !message.images.isEmpty {
      let images = message.images.map { image -> JSON in
        ["type": "image_url", "image_url": ["url": .string("data:\(mediaType(image));base64,\(image)")]]
      }
      object["content"] = .array([["type": "text", "text": .string(message.text)]] + images)
    }
    if !message.calls.isEmpty {
      if message.text.isEmpty { object["content"] = .null }
      object["tool_calls"] = .array(message.calls.map(call))
    }
    if message.role == .tool {
      object["tool_call_id"] = message.callID.map(JSON.string)
      object["name"] = message.toolName.map(JSON.string)
    }
    return .object(object)
  }

  private static func call(_ call: ToolCall) -> JSON {
    let arguments: String
    switch call.arguments {
    case .object(let object): arguments = JSON.object(object).text
    // Servers refuse a history that is no JSON; the tool's answer says what was wrong with it.
    case .malformed: arguments = "{}"
    }
    return [
      "id": .string(call.id), "type": "function",
      "function": ["name": .string(call.name), "arguments": .string(arguments)],
    ]
  }

  /// As the first bytes of a picture tell, in base64.
  private static func mediaType(_ base64: String) -> String {
    let starts = ["/9j/": "image/jpeg", "R0lG": "image/gif", "UklG": "image/webp"]
    return starts.first { base64.hasPrefix($0.key) }?.value ?? "image/png"
  }

  private static func tool(_ tool: ChatTool) -> JSON {
    [
      "type": "function",
      "function": [
        "name": .string(tool.name), "description": .string(tool.description), "parameters": tool.parameters,
      ],
    ]
  }

  /// Whether a schema is of the kind that strict endpoints take: every object closed, every member required.
  static func isStrict(_ schema: JSON) -> Bool {
    guard let keywords = schema.objectValue else { return schema.boolValue == nil }
    if let properties = keywords["properties"]?.objectValue {
      let required = Set(keywords["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
      guard keywords["additionalProperties"] == false, properties.allSatisfy({ required.contains($0.key) }) else {
        return false
      }
      guard properties.allSatisfy({ isStrict($0.value) }) else { return false }
    } else if keywords["type"] == "object" {
      return false
    }
    let parts = (keywords["anyOf"]?.arrayValue ?? []) + [keywords["items"]].compactMap(\.self)
    let inner = keywords["$defs"]?.objectValue?.values ?? []
    return (parts + inner).allSatisfy(isStrict) && keywords["oneOf"] == nil && keywords["allOf"] == nil
  }
}
