import Graph

/// What became of one call: evidence in the agent's result, and what the model is told.
struct AgentCallRecord: Sendable, Hashable {
  enum Status: String, Sendable, Hashable {
    case done

    /// The tool failed, or could not be called as the model wanted.
    case error

    /// It may not be called.
    case refused

    /// A person gave its result after it was in doubt.
    case skipped
  }

  /// Bytes of a result that are kept; more are cut.
  static let longestResult = 1 << 20

  let turn: Int
  let id: String

  /// `nil` for a tool that no server has.
  let server: String?
  let tool: String
  let arguments: JSON
  let status: Status
  private(set) var result: JSON = [:]
  private(set) var seconds: Double?

  init(turn: Int, id: String, server: String?, tool: String, arguments: JSON, status: Status) {
    self.turn = turn
    self.id = id
    self.server = server
    self.tool = tool
    self.arguments = arguments
    self.status = status
  }

  func with(_ result: MCPResult, seconds: Double? = nil) -> AgentCallRecord {
    var copy = self
    copy.seconds = seconds
    copy.result = result.json
    if copy.result.text.utf8.count > Self.longestResult {
      copy.result = ["text": .string(Self.cut(result.text, to: Self.longestResult)), "content": [], "truncated": true]
    }
    return copy
  }

  /// `{turn, id, server?, tool, arguments, status, result, seconds?}`.
  var json: JSON {
    var object: JSONObject = ["turn": .int(turn), "id": .string(id)]
    object["server"] = server.map(JSON.string)
    object["tool"] = .string(tool)
    object["arguments"] = arguments
    object["status"] = .string(status.rawValue)
    object["result"] = result
    object["seconds"] = seconds.map(JSON.seconds)
    return .object(object)
  }

  init(json: JSON) {
    self.init(
      turn: json["turn"]?.intValue ?? 0, id: json["id"]?.stringValue ?? "", server: json["server"]?.stringValue,
      tool: json["tool"]?.stringValue ?? "", arguments: json["arguments"] ?? [:],
      status: json["status"]?.stringValue.flatMap(Status.init(rawValue:)) ?? .error)
    result = json["result"] ?? [:]
    if case .double(let number)? = json["seconds"] { seconds = number }
    if let number = json["seconds"]?.intValue { seconds = Double(number) }
  }

  /// The result as the model gets it: data, cut to `limit` bytes. A tool that gives nothing says so.
  func textForModel(limit: Int) -> String {
    let text = result["text"]?.stringValue ?? ""
    return text.isEmpty ? "(the tool gave no text)" : Self.cut(text, to: limit)
  }

  /// One line for people.
  var outcome: String {
    let text = result["text"]?.stringValue ?? ""
    let first = text.split(separator: "\n", maxSplits: 1).first.map { String($0.prefix(120)) } ?? "nothing"
    guard status != .done else { return "\(text.utf8.count) bytes" }
    // What the model is told may say so itself.
    return "\(status.rawValue): \(first.hasPrefix("error: ") ? String(first.dropFirst(7)) : first)"
  }

  private static func cut(_ text: String, to limit: Int) -> String {
    let bytes = text.utf8
    guard bytes.count > limit else { return text }
    var head = bytes.index(bytes.startIndex, offsetBy: limit * 3 / 4)
    while !isBorder(bytes[head]) { bytes.formIndex(before: &head) }
    var tail = bytes.index(bytes.endIndex, offsetBy: -(limit / 4))
    while tail < bytes.endIndex, !isBorder(bytes[tail]) { bytes.formIndex(after: &tail) }
    let omitted = bytes.distance(from: head, to: tail)
    return "\(text[..<head])\n[… \(omitted) bytes are left out …]\n\(text[tail...])"
  }

  /// Whether a character begins with `byte`: no cut goes through one.
  private static func isBorder(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }
}
