import Graph
import GraphRuntime
import Synchronization

/// A model behind Ollama's own interface (`/api/chat`, streamed).
struct OllamaModel: ChatModel {
  let name: String
  var server: OllamaServer

  /// How long the server keeps the model loaded: `"5m"`, or seconds; `nil` leaves it to the server.
  var keepAlive: JSON?

  /// Members of the request beside those made here; they win.
  var extra: JSONObject = [:]

  init(_ name: String, at server: OllamaServer) {
    self.name = name
    self.server = server
  }

  func reply(
    to request: ChatRequest, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChatReply {
    do {
      return try await answer(to: request, show: show)
    } catch let failure as NodeFailure {
      throw failure.naming(name, at: server.endpoint)
    }
  }

  private func answer(
    to request: ChatRequest, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> ChatReply {
    // Without messages the server would load the model and answer nothing.
    guard !request.messages.isEmpty else { throw NodeFailure(.type, "messages: there are none", precedesEffect: true) }
    let start = ContinuousClock.now
    let details = try await knownDetails()
    try await checkFitness(request, details)
    let context = OllamaContext(request.options, details)
    let answer = try await server.fold(into: Answer(request), "/api/chat", body(request, context), model: name) {
      try $0.take($1, show: show)
    }
    guard answer.isDone else {
      throw NodeFailure(
        .model,
        "the answer of \(name) broke off \(answer.builder.extent): the stream ended without its last line; see Ollama's log"
      )
    }
    var builder = answer.builder
    if let warning = context.warning(usage: builder.usage, model: name) { builder.warnings.append(warning) }
    return try builder.reply(
      tokenLimit: request.options["num_predict"].flatMap { ($0.intValue ?? 0) > 0 ? "options.num_predict" : nil },
      room: "options.num_ctx", seconds: start.secondsUntilNow)
  }

  private func body(_ request: ChatRequest, _ context: OllamaContext) throws -> JSON {
    var options = request.options
    options["num_ctx"] = .int(context.tokens)
    var body: JSONObject = [
      "model": .string(name), "messages": .array(request.turnMessages.map(Self.message)), "stream": true,
      "options": .object(options),
    ]
    if !request.tools.isEmpty { body["tools"] = .array(try request.tools.map(Self.tool)) }
    body["format"] = request.format
    body["think"] = request.think
    body["keep_alive"] = keepAlive
    for (key, value) in extra { body[key] = value }
    return .object(body)
  }

  private static func message(_ message: ChatMessage) -> JSON {
    var object: JSONObject = ["role": .string(message.role.rawValue), "content": .string(message.text)]
    object["thinking"] = message.thinking.map(JSON.string)
    if !message.images.isEmpty { object["images"] = .array(message.images.map(JSON.string)) }
    if !message.calls.isEmpty {
      object["tool_calls"] = .array(
        message.calls.map { call in
          // The server refuses arguments that are no object; the tool's answer says what was wrong with them.
          var arguments = JSONObject()
          if case .object(let object) = call.arguments { arguments = object }
          return ["id": .string(call.id), "function": ["name": .string(call.name), "arguments": .object(arguments)]]
        })
    }
    object["tool_call_id"] = message.callID.map(JSON.string)
    object["tool_name"] = message.toolName.map(JSON.string)
    return .object(object)
  }

  private static func tool(_ tool: ChatTool) throws(NodeFailure) -> JSON {
    [
      "type": "function",
      "function": [
        "name": .string(tool.name), "description": .string(tool.description),
        "parameters": try OllamaSchema.reduced(tool.parameters, tool: tool.name),
      ],
    ]
  }
}

// MARK: What the model can do

extension OllamaModel {
  /// What servers said of their models, asked once each: the context must not change while a model is in use, as that
  /// would load it again.
  private static let known = Mutex<[String: OllamaServer.Details]>([:])

  /// - Throws: ``NodeFailure`` where the server is not there or has no such model. Of all else the chat itself tells.
  private func knownDetails() async throws -> OllamaServer.Details {
    let key = "\(server.endpoint.base.text) \(name)"
    if let details = Self.known.withLock({ $0[key] }) { return details }
    do {
      let details = try await server.details(of: name)
      Self.known.withLock { $0[key] = details }
      return details
    } catch let failure as NodeFailure {
      let isFinal = failure.precedesEffect && [.connection, .timeout, .model, .refused].contains(failure.kind)
      if isFinal { throw failure }
      return OllamaServer.Details()
    }
  }

  private func checkFitness(_ request: ChatRequest, _ details: OllamaServer.Details) async throws {
    guard let capabilities = details.capabilities, !capabilities.isEmpty else { return }
    if !request.tools.isEmpty, !capabilities.contains("tools") {
      throw await server.unfit("\(name) does not support tools", name)
    }
    if request.messages.contains(where: { !$0.images.isEmpty }), !capabilities.contains("vision") {
      throw NodeFailure(.model, "\(name) does not see images; take a model with vision", precedesEffect: true)
    }
  }
}

// MARK: The answer's lines

extension OllamaModel {
  /// The answer as far as it came.
  struct Answer: Sendable {
    var builder: ReplyBuilder
    var isDone = false

    init(_ request: ChatRequest) {
      builder = ReplyBuilder(request)
    }

    /// - Returns: whether this was the last line. It too may hold text and calls.
    mutating func take(_ line: JSON, show: (String, OutputStream) -> Void) throws -> Bool {
      if let message = try line.part(object: "message") {
        if let thinking = try message.part(text: "thinking") {
          try builder.add(thinking: thinking)
          show(thinking, .thinking)
        }
        if let text = try message.part(text: "content") {
          try builder.add(text: text)
          show(text, .token)
        }
        for call in try message.part(list: "tool_calls") { try take(call: call) }
      }
      switch line["done"] {
      case nil, .null?, .bool(false)?: return false
      case .bool(true)?: break
      case let other?: throw JSON.mistake("done", other)
      }
      isDone = true
      builder.finish = try line.part(text: "done_reason") ?? "stop"
      builder.usage = Self.usage(line)
      return true
    }

    private mutating func take(call: JSON) throws {
      let function = call["function"] ?? .null
      try builder.add(
        call: function["name"]?.stringValue ?? "", id: call["id"]?.stringValue ?? "",
        ToolCall.Arguments(function["arguments"] ?? .null))
    }

    private static func usage(_ line: JSON) -> JSONObject {
      var usage = JSONObject()
      // Counts of zero are left out.
      let prompt = line["prompt_eval_count"]?.intValue ?? 0
      let answer = line["eval_count"]?.intValue ?? 0
      usage["prompt_tokens"] = .int(prompt)
      usage["completion_tokens"] = .int(answer)
      for key in ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"] {
        if let nanoseconds = line[key]?.intValue { usage[key] = .int(nanoseconds) }
      }
      if let nanoseconds = line["eval_duration"]?.intValue, nanoseconds > 0 {
        usage["tokens_per_second"] = .number((Double(answer) / Double(nanoseconds) * 1e10).rounded() / 10)
      }
      return usage
    }
  }
}
