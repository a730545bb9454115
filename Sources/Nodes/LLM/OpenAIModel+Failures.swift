import Graph
import GraphRuntime

extension OpenAIModel {
  /// The failure with what a person can do about a server that is not there.
  func unreachable(_ failure: NodeFailure) -> NodeFailure {
    guard failure.precedesEffect, failure.kind == .connection || failure.kind == .timeout else { return failure }
    var failure = failure
    failure.message =
      "no model server at \(endpoint.base.text): \(failure.message); start it, or say with \(remedySource) where it is"
    return failure
  }

  private var remedySource: String {
    endpoint.source.hasPrefix("OPENAI_BASE_URL") ? "url or OPENAI_BASE_URL" : endpoint.source
  }

  /// What a refusal means, with its remedy.
  func failure(_ refusal: Refusal) async -> NodeFailure {
    let text = ServerError(endpoint).text(body: refusal.body)
    let status = refusal.head.status
    let lower = text.lowercased()
    func failure(_ kind: ErrorKind, _ remedy: String) -> NodeFailure {
      let said = text.isEmpty ? "" : ": \(text)"
      return NodeFailure(
        kind, "\(endpoint.base.text)/chat/completions: status \(status)\(said)\(remedy)",
        precedesEffect: refusal.precedesEffect, isPermanent: refusal.isPermanent,
        retryAfter: refusal.head.retryAfter)
    }
    switch status {
    case 401, 403:
      return failure(
        .http, endpoint.key == nil ? "; give a key with api-key: NAME_OF_A_VARIABLE" : "; is the key right?")
    case 404 where lower.contains("model"): return failure(.model, await served())
    case 404, 405:
      return failure(.http, "; is this the base address of a model server (\(remedySource))? It often ends with /v1")
    case 429, 503, 529: return failure(.http, "; it is busy: try again later (retry does)")
    case 400..<600
    where lower.contains("context length") || lower.contains("exceed_context") || lower.contains("context size"):
      return failure(.model, "; shorten the messages, or start the server with a longer context")
    case 400..<600
    where lower.contains("--jinja") || lower.contains("tool-call-parser") || lower.contains("support tools"):
      return failure(.model, "; take a model that knows tools, and a server started for them")
    case 400 where lower.contains("max_completion_tokens"):
      return failure(.http, "; say max-tokens-field: max_completion_tokens")
    default: return failure(.http, "")
    }
  }

  /// The models there are, as the end of a message.
  private func served() async -> String {
    var endpoint = endpoint
    endpoint.limits = Silence.Limits(firstByte: .seconds(10), idle: .seconds(10))
    let answer = try? await endpoint.stream("/models").open { head, body in
      try JSON(parsing: try await body.whole(limitBytes: Self.longestList))
    }
    let names = answer?["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
    return names.isEmpty ? "" : "; there are \(names.prefix(20).joined(separator: ", "))"
  }

  private static let longestList = 4 << 20
}
