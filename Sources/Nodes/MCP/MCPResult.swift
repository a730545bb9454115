import Graph

/// What a tool gave.
struct MCPResult: Sendable, Hashable {
  /// The content blocks as they came: `{type: text, text}`, images, links …
  var content: [JSON]

  /// The result as a value, where the tool gives one.
  var structured: JSON?

  /// The tool failed; its text says why.
  var isError = false

  /// The text blocks, a line each; where there are none, the value as JSON.
  var text: String {
    let texts = content.compactMap { $0["type"] == "text" ? $0["text"]?.stringValue : nil }
    return texts.isEmpty ? structured?.text ?? "" : texts.joined(separator: "\n")
  }

  /// `{text, content, structured?}`.
  var json: JSON {
    var object: JSONObject = ["text": .string(text), "content": .array(content)]
    if let structured { object["structured"] = structured }
    return .object(object)
  }
}

/// How a call ended.
enum MCPOutcome: Sendable, Hashable {
  case result(MCPResult)

  /// The server asks before it goes on; the same call with answers and `state` continues.
  case inputRequired([MCPInputRequest], state: JSON?)
}

/// A question of the server's in the middle of a call (elicitation).
struct MCPInputRequest: Sendable, Hashable {
  /// Names the question in the answers.
  var key: String
  var message: String

  /// What the answer must fit: a flat object.
  var schema: JSON?
}

/// Answers to what an earlier round of the same call asked.
struct MCPAnswers: Sendable, Hashable {
  /// By the question's key: `{action: accept, content}`, `{action: decline}` or `{action: cancel}`.
  var responses: JSONObject

  /// What came with the questions, given back as it was.
  var state: JSON?

  init(_ responses: JSONObject, state: JSON?) {
    self.responses = responses
    self.state = state
  }
}
