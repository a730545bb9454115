import Graph

/// One message of a conversation.
struct ChatMessage: Sendable, Hashable {
  enum Role: String, Sendable, Hashable, CaseIterable {
    case system, user, assistant, tool
  }

  var role: Role
  var text: String

  /// The name under which the `messages` reducer keeps it.
  var id: String?
  var thinking: String?
  var calls: [ToolCall] = []

  /// Of a tool's result: the call it answers.
  var callID: String?

  /// Of a tool's result: the tool.
  var toolName: String?

  /// Pictures for models that see, in base64.
  var images: [String] = []

  init(_ role: Role, _ text: String) {
    self.role = role
    self.text = text
  }

  /// What a tool gave for `call`.
  init(resultOf call: ToolCall, _ text: String) {
    self.init(.tool, text)
    callID = call.id
    toolName = call.name
  }
}

/// Why a value is no message.
struct ChatMessageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

extension ChatMessage {
  /// The form in states and checkpoints:
  /// `{role, content, id?, thinking?, tool_calls?, tool_call_id?, tool_name?, images?}`. A string is a user's message.
  init(json: JSON) throws(ChatMessageError) {
    if let text = json.stringValue {
      self.init(.user, text)
      return
    }
    guard let name = json["role"]?.stringValue else { throw ChatMessageError("\(json.summary) has no role") }
    guard let role = Role(rawValue: name.lowercased()) else {
      let known = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw ChatMessageError("the role \"\(name)\" is none of \(known)")
    }
    self.init(role, try Self.text(json, "content") ?? "")
    id = try Self.text(json, "id")
    thinking = try Self.text(json, "thinking")
    callID = try Self.text(json, "tool_call_id")
    toolName = try Self.text(json, "tool_name")
    images = try Self.list(json, "images").map { item throws(ChatMessageError) in
      guard let text = item.stringValue else { throw ChatMessageError("images: \(item.summary) is no base64 text") }
      return text
    }
    calls = try Self.list(json, "tool_calls").enumerated().map { index, item throws(ChatMessageError) in
      guard let call = ToolCall(json: item, madeID: "call_\(index)") else {
        throw ChatMessageError("tool_calls: \(item.summary) names no function")
      }
      return call
    }
  }

  var json: JSON {
    var object: JSONObject = ["role": .string(role.rawValue), "content": .string(text)]
    object["id"] = id.map(JSON.string)
    object["thinking"] = thinking.map(JSON.string)
    if !calls.isEmpty { object["tool_calls"] = .array(calls.map(\.json)) }
    object["tool_call_id"] = callID.map(JSON.string)
    object["tool_name"] = toolName.map(JSON.string)
    if !images.isEmpty { object["images"] = .array(images.map(JSON.string)) }
    return .object(object)
  }

  private static func text(_ json: JSON, _ key: String) throws(ChatMessageError) -> String? {
    switch json[key] {
    case nil, .null?: return nil
    case .string(let text)?: return text
    case let other?: throw ChatMessageError("\(key): expected text, found \(other.summary)")
    }
  }

  private static func list(_ json: JSON, _ key: String) throws(ChatMessageError) -> [JSON] {
    switch json[key] {
    case nil, .null?: return []
    case .array(let items)?: return items
    case let other?: throw ChatMessageError("\(key): expected a list, found \(other.summary)")
    }
  }
}

extension ToolCall {
  /// `{id, function: {name, arguments}}`; `nil` where there is no name.
  init?(json: JSON, madeID: @autoclosure () -> String) {
    guard let name = json["function"]?["name"]?.stringValue, !name.isEmpty else { return nil }
    let id = json["id"]?.stringValue ?? ""
    self.init(
      id: id.isEmpty ? madeID() : id, name: name, arguments: Arguments(json["function"]?["arguments"] ?? .null))
  }

  var json: JSON {
    ["id": .string(id), "function": ["name": .string(name), "arguments": arguments.json]]
  }
}

extension ToolCall.Arguments {
  /// As deep as arguments may be, so that a message with them still fits a state.
  static let depth = JSONLimits.depth - 16

  /// An object, or the text of one; nothing is an object without members.
  init(_ json: JSON) {
    switch json {
    case .object(let object): self = .object(object)
    case .null: self = .object([:])
    case .string(let text): self.init(text: text)
    default: self = .malformed(json.summary, reason: "arguments must be an object, found \(json.summary)")
    }
  }

  init(text: String) {
    guard !text.allSatisfy(\.isWhitespace) else {
      self = .object([:])
      return
    }
    do {
      let json = try JSON(parsing: text, depth: Self.depth)
      if case .object(let object) = json {
        self = .object(object)
      } else {
        self = .malformed(text, reason: "arguments must be an object, found \(json.summary)")
      }
    } catch {
      self = .malformed(text, reason: "the arguments are no JSON: \(error)")
    }
  }

  var json: JSON {
    switch self {
    case .object(let object): .object(object)
    case .malformed(let text, _): .string(text)
    }
  }
}
