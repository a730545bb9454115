import Graph
import GraphRuntime

extension OpenAIModel {
  /// The answer as far as it came, put together from its pieces.
  struct Answer: Sendable {
    private var builder: ReplyBuilder
    private var calls: [PartialCall] = []

    /// Which of ``calls`` the pieces with an index belong to now.
    private var places: [Int: Int] = [:]
    private var refusal = ""

    /// Bytes after which no more of a refusal is taken; far more than is quoted.
    private static let longestRefusal = 16 << 10
    private var hasFinished = false

    /// The first words outside of any event.
    private var stray = ""

    private struct PartialCall: Sendable {
      var id = ""
      var name = ""
      var text = ""
      var object: JSONObject?
    }

    init(_ request: ChatRequest) {
      builder = ReplyBuilder(request)
    }

    /// Goes through the events of a stream.
    mutating func take(
      _ body: HTTPStream.Body, _ endpoint: ModelEndpoint, _ show: @Sendable (String, OutputStream) -> Void
    ) async throws {
      var parser = EventStreamParser()
      for try await piece in body {
        for event in try parser.framed({ parser throws(FramingError) in try parser.events(in: piece) }) {
          if try take(event, endpoint, show) { return }
        }
      }
      for event in try parser.framed({ parser throws(FramingError) in try parser.finish().map { [$0] } ?? [] }) {
        if try take(event, endpoint, show) { return }
      }
    }

    /// An answer that came in one piece.
    mutating func take(
      whole body: [UInt8], _ endpoint: ModelEndpoint, _ show: @Sendable (String, OutputStream) -> Void
    ) throws {
      try take(chunk: try Self.json(body, endpoint), endpoint, show)
      hasFinished = hasFinished || !isEmpty
    }

    /// - Returns: whether the stream says that this was all.
    private mutating func take(
      _ event: ServerEvent, _ endpoint: ModelEndpoint, _ show: @Sendable (String, OutputStream) -> Void
    ) throws -> Bool {
      if !event.strays.isEmpty { try take(strays: event.strays, endpoint, show) }
      guard let data = event.data, !data.isEmpty else { return false }
      if data.split(whereSeparator: \.isWhitespace) == ["[DONE]"] {
        hasFinished = hasFinished || !isEmpty
        return true
      }
      if event.event == "error" { throw Self.failure((try? JSON(parsing: data)) ?? .string(data), endpoint) }
      try take(chunk: try Self.json(Array(data.utf8), endpoint), endpoint, show)
      return false
    }

    /// Lines without the form of an event: an answer, or pieces of one, from servers that only call it a stream, and
    /// errors. Others are kept to be quoted where there is no answer.
    private mutating func take(
      strays lines: [String], _ endpoint: ModelEndpoint, _ show: @Sendable (String, OutputStream) -> Void
    ) throws {
      if let line = lines.first(where: { $0.hasPrefix("error:") }) {
        let text = String(line.dropFirst(6))
        throw Self.failure(Self.object(text) ?? .string(text), endpoint)
      }
      let whole = Self.object(lines.joined(separator: "\n")).map { [$0] }
      for json in whole ?? lines.compactMap(Self.object) where json["choices"] != nil || json["error"] != nil {
        try take(chunk: json, endpoint, show)
        let isPiece = json["choices"]?.arrayValue?.first?["delta"] != nil
        hasFinished = hasFinished || (!isPiece && !isEmpty)
      }
      if stray.isEmpty { stray = endpoint.mask.excerpt(of: lines.joined(separator: " "), 300) }
    }

    private static func object(_ text: String) -> JSON? {
      guard let json = try? JSON(parsing: text), json.objectValue != nil else { return nil }
      return json
    }

    /// - Parameter error: the error, or what has it as its member `error`.
    private static func failure(_ error: JSON, _ endpoint: ModelEndpoint) -> NodeFailure {
      NodeFailure(.model, "the model failed: \(ServerError(endpoint).text(error["error"] ?? error))")
    }

    private static func json(_ bytes: [UInt8], _ endpoint: ModelEndpoint) throws(NodeFailure) -> JSON {
      do {
        return try JSON(parsing: bytes)
      } catch {
        throw NodeFailure(.protocol, "\(endpoint.base.text) sent what is no JSON: \(error)")
      }
    }
  }
}

// MARK: Chunks

extension OpenAIModel.Answer {
  private mutating func take(
    chunk: JSON, _ endpoint: ModelEndpoint, _ show: @Sendable (String, OutputStream) -> Void
  ) throws {
    guard chunk.objectValue != nil else {
      throw NodeFailure(
        .protocol, "\(endpoint.base.text) sent \(endpoint.mask.summary(of: chunk)) where an object should be")
    }
    if let error = chunk["error"], error != .null { throw Self.failure(error, endpoint) }
    if let usage = chunk["usage"], usage != .null { note(usage) }
    if let timings = chunk["timings"], builder.usage["tokens_per_second"] == nil { note(timings: timings) }
    let choice = try chunk.part(list: "choices").first { ($0["index"]?.intValue ?? 0) == 0 }
    guard let choice else { return }
    if let delta = try choice.part(object: "delta") ?? choice.part(object: "message") { try take(delta: delta, show) }
    if let reason = try choice.part(text: "finish_reason") {
      hasFinished = true
      builder.finish = reason
    }
  }

  private mutating func take(delta: JSON, _ show: (String, OutputStream) -> Void) throws {
    if let thinking = try delta.part(text: "reasoning_content") ?? delta.part(text: "reasoning") {
      try builder.add(thinking: thinking)
      show(thinking, .thinking)
    }
    if let text = try delta.part(text: "content") {
      try builder.add(text: text)
      show(text, .token)
    }
    if let text = try delta.part(text: "refusal"), refusal.utf8.count < Self.longestRefusal { refusal += text }
    for call in try delta.part(list: "tool_calls") { try take(call: call) }
  }

  /// Pieces of one index belong together, until one brings another id, or a second name without an id.
  private mutating func take(call piece: JSON) throws {
    let index = piece["index"]?.intValue ?? 0
    let id = try piece.part(text: "id") ?? ""
    let function = try piece.part(object: "function") ?? .object([:])
    let name = try function.part(text: "name") ?? ""
    var place = places[index]
    if let known = place {
      let call = calls[known]
      let isOther = !id.isEmpty ? !call.id.isEmpty && id != call.id : !name.isEmpty && !call.name.isEmpty
      if isOther { place = nil }
    }
    guard let place else {
      guard calls.count < ReplyBuilder.mostCalls else {
        throw NodeFailure(.limit, "the model made more than \(ReplyBuilder.mostCalls) tool calls in one answer")
      }
      places[index] = calls.count
      calls.append(PartialCall(id: id, name: name))
      return try extend(calls.count - 1, function)
    }
    if calls[place].id.isEmpty { calls[place].id = id }
    if calls[place].name.isEmpty { calls[place].name = name }
    try extend(place, function)
  }

  private mutating func extend(_ place: Int, _ function: JSON) throws {
    switch function["arguments"] {
    case nil, .null?: return
    case .object(let object)?: calls[place].object = object
    case .string(let text)?:
      calls[place].text += text
      guard calls[place].text.utf8.count <= ReplyBuilder.limitBytes else {
        throw NodeFailure(.limit, "the arguments of a tool call are longer than \(ByteCount(ReplyBuilder.limitBytes))")
      }
    case let other?: throw JSON.mistake("arguments", other)
    }
  }

  private mutating func note(_ usage: JSON) {
    builder.usage["prompt_tokens"] = usage["prompt_tokens"].flatMap { $0.intValue.map(JSON.int) }
    builder.usage["completion_tokens"] = usage["completion_tokens"].flatMap { $0.intValue.map(JSON.int) }
    let cached = usage["prompt_tokens_details"]?["cached_tokens"]?.intValue
    let reasoning = usage["completion_tokens_details"]?["reasoning_tokens"]?.intValue
    if let cached { builder.usage["cached_tokens"] = .int(cached) }
    if let reasoning { builder.usage["reasoning_tokens"] = .int(reasoning) }
  }

  /// llama-server tells its pace, and its counts even where no usage was asked for.
  private mutating func note(timings: JSON) {
    if let pace = timings["predicted_per_second"]?.doubleValue {
      builder.usage["tokens_per_second"] = .number((pace * 10).rounded() / 10)
    }
    if builder.usage["prompt_tokens"] == nil, let count = timings["prompt_n"]?.intValue {
      builder.usage["prompt_tokens"] = .int(count + (timings["cache_n"]?.intValue ?? 0))
    }
    if builder.usage["completion_tokens"] == nil, let count = timings["predicted_n"]?.intValue {
      builder.usage["completion_tokens"] = .int(count)
    }
  }
}

// MARK: Its end

extension OpenAIModel.Answer {
  private var isEmpty: Bool { builder.isEmpty && calls.isEmpty && refusal.isEmpty }

  /// What was collected, once the stream has ended.
  func finished(model: String, _ endpoint: ModelEndpoint) throws(NodeFailure) -> ReplyBuilder {
    guard !isEmpty || hasFinished else {
      let reason = stray.isEmpty ? "; the prompt may be longer than the model's context" : "; it said: \(stray)"
      throw NodeFailure(.model, "the stream of \(model) ended before its first word\(reason)")
    }
    guard hasFinished else {
      throw NodeFailure(
        .model, "the answer of \(model) broke off \(builder.extent): its stream does not say that it ended")
    }
    guard refusal.isEmpty else {
      throw NodeFailure(.model, "\(model) refuses: \(endpoint.mask.excerpt(of: refusal, 1000))")
    }
    var builder = builder
    guard builder.finish != "content_filter" else {
      throw NodeFailure(.model, "the answer of \(model) was cut off by the server's content filter")
    }
    for call in calls {
      let arguments = call.object.map { ToolCall.Arguments.object($0) } ?? ToolCall.Arguments(text: call.text)
      try builder.add(call: call.name, id: call.id, arguments)
    }
    // What servers say here differs; whether there are calls decides.
    if builder.finish != "length" { builder.finish = "stop" }
    return builder
  }
}

extension EventStreamParser {
  /// The events that `body` reads, framing trouble as a node's failure.
  fileprivate mutating func framed(
    _ body: (inout EventStreamParser) throws(FramingError) -> [ServerEvent]
  ) throws(NodeFailure) -> [ServerEvent] {
    do {
      return try body(&self)
    } catch {
      throw NodeFailure(error.isLimit ? .limit : .protocol, "the answer: \(error)")
    }
  }
}
