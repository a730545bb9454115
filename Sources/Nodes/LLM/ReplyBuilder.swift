import Graph
import GraphRuntime

/// Collects an answer as it comes, within bounds, and judges it at its end.
struct ReplyBuilder: Sendable {
  /// Bytes of text and thinking that an answer has at most (RELIABILITY R12).
  static let limitBytes = 8 << 20
  static let mostCalls = 256

  let request: ChatRequest
  private(set) var text = ""
  private(set) var thinking = ""
  private(set) var calls: [ToolCall] = []
  var usage: JSONObject = [:]
  var finish = "stop"
  var warnings: [String] = []
  private var bytes = 0
  private var usedIDs: Set<String>

  init(_ request: ChatRequest) {
    self.request = request
    usedIDs = Set(request.messages.flatMap(\.calls).map(\.id))
  }

  var isEmpty: Bool { bytes == 0 && calls.isEmpty }

  /// What came, in a few words for messages about its end.
  var extent: String { isEmpty ? "before its first word" : "after \(ByteCount(bytes))" }

  mutating func add(text piece: String) throws(NodeFailure) {
    try count(piece)
    text += piece
  }

  mutating func add(thinking piece: String) throws(NodeFailure) {
    try count(piece)
    thinking += piece
  }

  /// - Parameter id: as the server gave it; one that is missing or used already is made.
  mutating func add(call name: String, id: String, _ arguments: ToolCall.Arguments) throws(NodeFailure) {
    guard !name.isEmpty else { throw NodeFailure(.model, "the model made a tool call without a name") }
    guard calls.count < Self.mostCalls else {
      throw NodeFailure(.limit, "the model made more than \(Self.mostCalls) tool calls in one answer")
    }
    var id = id
    var number = usedIDs.count
    while id.isEmpty || usedIDs.contains(id) {
      number += 1
      id = "call_\(number)"
    }
    usedIDs.insert(id)
    let schema = request.tools.first { $0.name == name }?.parameters
    calls.append(ToolCall(id: id, name: name, arguments: arguments.fitted(to: schema)))
  }

  private mutating func count(_ piece: String) throws(NodeFailure) {
    bytes += piece.utf8.count
    guard bytes <= Self.limitBytes else {
      throw NodeFailure(.limit, "the answer is longer than \(ByteCount(Self.limitBytes))")
    }
  }
}

extension ReplyBuilder {
  /// The whole answer, or why it is none.
  ///
  /// - Parameters:
  ///   - tokenLimit: the request's own limit on the answer, by the name a person can change; `nil`: it has none.
  ///   - room: what to raise where there was no room for the answer.
  func reply(tokenLimit: String?, room: String, seconds: Double) throws(NodeFailure) -> ChatReply {
    let isCut = finish == "length"
    if calls.isEmpty, text.allSatisfy(\.isWhitespace) {
      let reason =
        isCut
        ? "the model used up its tokens\(thinking.isEmpty ? "" : " for thinking") before it answered; raise \(tokenLimit ?? room)"
        : "the model gave an empty answer"
      throw NodeFailure(.model, reason)
    }
    var reply = ChatReply(message: message, usage: usage, finish: finish, seconds: seconds, warnings: warnings)
    if isCut {
      guard let tokenLimit, calls.isEmpty, request.format == nil else {
        throw NodeFailure(
          .model, "the answer is cut off: no tokens were left \(extent); raise \(tokenLimit ?? room)")
      }
      reply.warnings.append("the answer is cut off at \(tokenLimit), as asked")
    }
    if looksLikeCall {
      reply.warnings.append(
        "the answer looks like a tool call written as text: the server's template for this model may not know tools")
    }
    return reply
  }

  private var message: ChatMessage {
    var message = ChatMessage(.assistant, text)
    message.thinking = thinking.isEmpty ? nil : thinking
    message.calls = calls
    return message
  }

  private var looksLikeCall: Bool {
    guard !request.tools.isEmpty, calls.isEmpty else { return false }
    let text = StructuredAnswer.unfenced(text)
    if ["<tool_call>", "[TOOL_CALLS]", "<function="].contains(where: text.hasPrefix) { return true }
    guard text.hasPrefix("{"), let json = try? JSON(parsing: text) else { return false }
    return json["name"]?.stringValue != nil && (json["arguments"] ?? json["parameters"]) != nil
  }
}
