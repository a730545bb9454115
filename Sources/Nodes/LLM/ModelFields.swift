import Graph
import GraphRuntime

/// Which model a node speaks to and what it says first, as its fields tell.
struct ModelFields: Sendable {
  let model: any ChatModel

  /// With messages, `think` and `options`; tools and format are the node's own business.
  let request: ChatRequest

  /// The first message is the node's own `system` text.
  let hasSystem: Bool

  init(_ fields: NodeFields) async throws {
    let provider = try await fields.text("provider") ?? "ollama"
    guard let name = try await fields.text("model"), !name.isEmpty else {
      throw fields.failure("model", "it is not given; name one, or set it for all under defaults")
    }
    let options = try await fields.object("options")
    if let context = options["num_ctx"], (context.intValue ?? 0) <= 0 {
      throw fields.failure("options.num_ctx", "\(context.summary) is no number of tokens")
    }
    let endpoint = try await Self.endpoint(provider, fields)
    switch provider {
    case "ollama":
      var model = OllamaModel(name, at: OllamaServer(endpoint))
      model.keepAlive = try await fields.value("keep-alive")
      model.extra = try await fields.object("extra")
      self.model = model
    case "openai":
      var model = OpenAIModel(name, at: endpoint)
      if let field = try await fields.text("max-tokens-field") { model.maxTokensField = field }
      model.extra = try await fields.object("extra")
      self.model = model
    default: throw fields.failure("provider", "\"\(provider)\" is neither ollama nor openai")
    }
    hasSystem = try await fields.text("system") != nil
    request = ChatRequest(
      messages: try await Self.messages(fields), think: try await fields.value("think"), options: options)
  }

  /// `system` first, then `prompt` or `messages`.
  private static func messages(_ fields: NodeFields) async throws -> [ChatMessage] {
    var messages: [ChatMessage] = []
    if let system = try await fields.text("system") { messages.append(ChatMessage(.system, system)) }
    if let value = try await fields.value("messages"), value != .null {
      for (index, item) in (value.arrayValue ?? [value]).enumerated() {
        do {
          messages.append(try ChatMessage(json: item))
        } catch {
          throw fields.failure("messages[\(index)]", error.description)
        }
      }
    }
    if let prompt = try await fields.text("prompt"), !prompt.allSatisfy(\.isWhitespace) {
      messages.append(ChatMessage(.user, prompt))
    }
    guard messages.contains(where: { $0.role != .system }) else {
      throw fields.failure(fields["prompt"] == nil ? "messages" : "prompt", "there is nothing to answer")
    }
    return messages
  }
}

// MARK: The endpoint

extension ModelFields {
  static func endpoint(_ provider: String, _ fields: NodeFields) async throws -> ModelEndpoint {
    let environment = fields.task.environment
    let url = try await fields.text("url")
    var endpoint = try provider == "openai" ? openAI(url, environment) : ollama(url, environment)
    if let url = fields["url"], !endpoint.base.hasConstantHost(in: url) {
      endpoint.mayBePrivate = try await fields.bool("private")
    }
    endpoint.headers = try await HTTPRequestPlan.headers(fields).0
    endpoint.secrets = fields.task.secretMask
    if let name = try await fields.text("api-key") { endpoint.key = try key(name, fields) }
    if let limit = try await fields.duration("first-byte") { endpoint.limits.firstByte = limit }
    if let limit = try await fields.duration("idle") { endpoint.limits.idle = limit }
    return endpoint
  }

  private static func ollama(_ url: String?, _ environment: [String: String]) throws -> ModelEndpoint {
    guard let url else { return try OllamaServer(environment: environment).endpoint }
    var endpoint = try ModelEndpoint(OllamaHost.address(url), source: "url")
    // The user's key goes where the user says, and to whom it is for; not where a graph file leads.
    let own = try? OllamaServer(environment: environment).endpoint
    if let own, own.base.hasSameOrigin(as: endpoint.base) || endpoint.base.isHTTPS("ollama.com") {
      endpoint.key = own.key
    }
    return endpoint
  }

  private static func openAI(_ url: String?, _ environment: [String: String]) throws -> ModelEndpoint {
    let standard = "https://api.openai.com/v1"
    let given = environment["OPENAI_BASE_URL"].flatMap { $0.isEmpty ? nil : $0 }
    let source = given == nil ? "OPENAI_BASE_URL (not set)" : "OPENAI_BASE_URL"
    let own = try ModelEndpoint(withVersion(given ?? standard), source: source)
    var endpoint = try url.map { try ModelEndpoint(withVersion($0), source: "url") } ?? own
    if endpoint.base.hasSameOrigin(as: own.base) || endpoint.base.isHTTPS("api.openai.com") {
      endpoint.key = environment["OPENAI_API_KEY"].flatMap { $0.isEmpty ? nil : $0 }
    }
    return endpoint
  }

  /// A base address without a path gets the one that all these servers know.
  private static func withVersion(_ url: String) -> String {
    let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].dropLast().contains("/") else { return url }
    return url.hasSuffix("/") ? "\(url)v1" : "\(url)/v1"
  }

  /// The key in the variable `name`, which is a secret of the graph.
  private static func key(_ name: String, _ fields: NodeFields) throws -> String {
    let secret = fields.task.scope.variables["secrets"]?[name]?.stringValue ?? fields.task.environment[name]
    guard let secret, !secret.isEmpty else {
      throw fields.failure("api-key", "the environment variable \(name) is not set")
    }
    return secret
  }
}

extension HTTPAddress {
  fileprivate func isHTTPS(_ name: String) -> Bool { scheme == "https" && host == name }
}
