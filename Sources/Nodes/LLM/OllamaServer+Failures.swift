import Graph
import GraphRuntime

/// An answer with a status that is no success.
struct Refusal: Error {
  var head: HTTPStream.Head
  var body: [UInt8]

  /// The server did not begin to answer.
  var precedesEffect: Bool { head.status < 500 || (head.status == 503 && head.retryAfter != nil) }

  /// Asked the same again it would refuse again.
  var isPermanent: Bool { [400, 401, 403, 404, 405, 413, 422].contains(head.status) }
}

extension OllamaServer {
  /// The failure with what a person can do about a server that is not there.
  func unreachable(_ failure: NodeFailure) -> NodeFailure {
    guard failure.precedesEffect, failure.kind == .connection || failure.kind == .timeout else { return failure }
    var failure = failure
    failure.message =
      "no Ollama at \(endpoint.base.text): \(failure.message); start it with `ollama serve`, or say with "
      + "\(endpoint.source.hasPrefix("OLLAMA_HOST") ? "OLLAMA_HOST" : "\(endpoint.source) or OLLAMA_HOST") where it is"
    return failure
  }

  /// What a refusal means, with its remedy.
  func failure(_ refusal: Refusal, path: String, model: String?) async -> NodeFailure {
    let text = ServerError(endpoint).text(body: refusal.body)
    let status = refusal.head.status
    func http(_ remedy: String) -> NodeFailure {
      let said = text.isEmpty ? "" : ": \(text)"
      return NodeFailure(
        .http, "\(endpoint.base.text)\(path): status \(status)\(said)\(remedy)", precedesEffect: refusal.precedesEffect,
        isPermanent: refusal.isPermanent, retryAfter: refusal.head.retryAfter)
    }
    switch status {
    case 404 where model != nil && text.contains("not found") && !text.contains("page not found"):
      return await missing(model ?? "")
    case 404, 405: return http("; is there an Ollama server at this address (\(endpoint.source))?")
    case 400 where text.contains("does not support"): return await unfit(text, model ?? "")
    case 401: return http("; sign in with `ollama signin`, or give a key (api-key, OLLAMA_API_KEY)")
    case 403 where text.isEmpty:
      return http("; the server does not take this host name: reach it by its address, or through localhost")
    case 403: return http("; the server does not allow it")
    case 429, 503: return http("; it is busy: try again later (retry does)")
    case 500 where text.contains("memory"), 500 where text.contains("stopped"):
      return http("; take a smaller model or a smaller options.num_ctx, and look into Ollama's log")
    default: return http("")
    }
  }

  private func missing(_ model: String) async -> NodeFailure {
    let installed = await names()
    return NodeFailure(
      .model, "\(endpoint.base.text) has no model \(model); get it with `ollama pull \(model)`\(installed)",
      precedesEffect: true, isPermanent: true)
  }

  /// A model that cannot do what is asked of it.
  func unfit(_ text: String, _ model: String) async -> NodeFailure {
    if text.contains("thinking") {
      return NodeFailure(
        .model, "\(text); leave out think, or take a model that thinks\(await names(needing: "thinking"))",
        precedesEffect: true, isPermanent: true)
    }
    if text.contains("tools") {
      return NodeFailure(
        .model, "\(text); take a model that knows tools\(await names(needing: "tools"))", precedesEffect: true,
        isPermanent: true)
    }
    return NodeFailure(.model, "\(model): \(text); take another model", precedesEffect: true, isPermanent: true)
  }

  /// The installed models, those with `capability` where one is needed, as the end of a message; nothing where the server
  /// does not tell.
  private func names(needing capability: String? = nil) async -> String {
    guard let models = try? await models() else { return "" }
    var names: [String] = []
    for model in models.prefix(50) {
      if let capability {
        var known = model.capabilities
        if known == nil { known = try? await Self.capabilities(json("/api/show", ["model": .string(model.name)])) }
        guard known?.contains(capability) == true else { continue }
      }
      names.append(model.name)
    }
    return names.isEmpty ? " (none is installed)" : " (installed: \(names.prefix(20).joined(separator: ", ")))"
  }
}
