import Graph
import GraphRuntime

/// One `tools/call`: what is sent, and what the answer means.
struct MCPCall: Sendable {
  let server: String
  let tool: MCPTool
  let arguments: JSON
  let key: String
  let answers: MCPAnswers?

  /// It was offered to ask a person.
  let mayAsk: Bool

  /// What is not shown of the answer; what goes back to the server stays as it is.
  let mask: SecretMask

  /// - Throws: ``NodeFailure`` that precedes any effect, where the arguments are not what the tool takes.
  func params() throws -> JSONObject {
    guard let given = (arguments == .null ? [:] : arguments).objectValue else {
      throw NodeFailure(
        .type, "arguments of \(tool.name): must be an object, is \(arguments.summary)", precedesEffect: true)
    }
    if let objection = tool.objection(to: given) {
      throw NodeFailure(
        .type, "\(server) cannot take these arguments of \(tool.name): \(objection)", precedesEffect: true)
    }
    var params: JSONObject = [
      "name": .string(tool.name), "arguments": .object(given),
      "_meta": [MCPWord.idempotencyKey: .string(key)],
    ]
    if let answers {
      params["inputResponses"] = .object(answers.responses)
      if let state = answers.state { params["requestState"] = state }
    }
    return params
  }

  func outcome(of result: JSONObject) throws -> MCPOutcome {
    switch result["resultType"] {
    case nil, "complete": return .result(try finished(result))
    case "input_required": return try questions(result)
    case .some(let other): throw shape("the result of \(tool.name) is of the unknown type \(mask.summary(of: other))")
    }
  }

  /// How the result differs from what the tool promised: worth a warning, as what it gave is there all the same.
  func mismatches(of outcome: MCPOutcome) -> [String] {
    guard case .result(let result) = outcome, !result.isError, let value = result.structured,
      let promised = tool.outputSchema, let schema = try? ForeignSchema(promised)
    else { return [] }
    return schema.violations(of: value).prefix(1).map {
      "the result of \(tool.name) is not what its outputSchema says: \($0)"
    }
  }

  private func finished(_ result: JSONObject) throws -> MCPResult {
    guard let content = (result["content"] ?? []).arrayValue, content.allSatisfy({ $0.objectValue != nil }) else {
      throw shape("the content of the result of \(tool.name) is no list of blocks")
    }
    let isError = result["isError"] ?? false
    guard let isError = isError.boolValue else {
      throw shape("isError in the result of \(tool.name) is neither true nor false")
    }
    let structured = result["structuredContent"] ?? Self.spelledOut(in: content)
    return MCPResult(content: content.map(mask.mask), structured: structured.map(mask.mask), isError: isError)
  }

  /// The value where the only block is a text that is one: what servers did before there was `structuredContent`.
  private static func spelledOut(in content: [JSON]) -> JSON? {
    guard content.count == 1, let block = content.first, block["type"] == "text", let text = block["text"]?.stringValue,
      let first = text.first(where: { !$0.isWhitespace }), "{[".contains(first)
    else { return nil }
    return try? JSON(parsing: text)
  }

  private func questions(_ result: JSONObject) throws -> MCPOutcome {
    guard mayAsk else { throw shape("\(tool.name) asks for input, which was not offered") }
    let state = result["requestState"]
    guard let requests = (result["inputRequests"] ?? [:]).objectValue else {
      throw shape("inputRequests of \(tool.name) is no object")
    }
    guard !requests.isEmpty || state != nil else {
      throw shape("\(tool.name) needs input and says neither which nor what state to come back with")
    }
    return .inputRequired(try requests.map { try question($0.key, $0.value) }, state: state)
  }

  private func question(_ key: String, _ request: JSON) throws -> MCPInputRequest {
    let params = request["params"]
    guard request["method"] == "elicitation/create", (params?["mode"] ?? "form") == "form",
      let message = params?["message"]?.stringValue
    else {
      let method = request["method"].map(mask.summary) ?? "nothing"
      throw shape("\(tool.name) asks for what was not offered: \(method)")
    }
    return MCPInputRequest(key: key, message: message, schema: params?["requestedSchema"])
  }

  private func shape(_ what: String) -> NodeFailure { MCPShape.failure(server, what) }
}
