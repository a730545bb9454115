import Graph
import GraphRuntime
import OrderedCollections

/// The models that a graph's nodes ask: that their servers answer, have them, and that they can do what is asked.
struct ModelChecks: Sendable {
  private let surroundings: GraphSurroundings

  /// By server; the order is that of the nodes.
  private var servers: OrderedDictionary<String, [Use]> = [:]

  /// Nodes whose model or server is known only at run time.
  private var unknown: [NodeName] = []

  /// A node that asks a model.
  private struct Use: Sendable {
    var node: Node
    var provider: String
    var model: String

    /// What the model must be able to do.
    var needs: Set<String>
  }

  init(_ graph: StateGraph, _ surroundings: GraphSurroundings) {
    self.surroundings = surroundings
    for node in graph.nodes.values where node.kind == "llm" || node.kind == "agent" { collect(node) }
  }

  private mutating func collect(_ node: Node) {
    let provider = node.fields["provider"].map(surroundings.text) ?? "ollama"
    let url = node.fields["url"].map { surroundings.text($0) }
    guard let provider, let model = surroundings.text(node.fields["model"]), url != .some(nil) else {
      return unknown.append(node.name)
    }
    let use = Use(node: node, provider: provider, model: model, needs: Self.needs(node))
    servers["\(provider) \((url ?? nil) ?? "")", default: []].append(use)
  }

  private static func needs(_ node: Node) -> Set<String> {
    var needs: Set = ["completion"]
    switch node.fields["tools"] {
    case .list(let items)? where !items.isEmpty: needs.insert("tools")
    case .literal(.array(let items))? where !items.isEmpty: needs.insert("tools")
    default: if node.kind == "agent" { needs.insert("tools") }
    }
    switch node.fields["messages"] {
    case .list(let items)? where items.contains(where: { $0["images"] != nil }): needs.insert("vision")
    case .literal(.array(let items))? where items.contains(where: { $0["images"] != nil }): needs.insert("vision")
    default: break
    }
    switch node.fields["think"] {
    case .literal(.bool(true))?, .literal(.string)?: needs.insert("thinking")
    default: break
    }
    return needs
  }

  var checks: [Check] {
    servers.values.map { uses in
      uses[0].provider == "ollama"
        ? Check("ollama", within: .seconds(60)) { try await ollama(uses) }
        : Check("openai endpoint", within: .seconds(60)) { try await openAI(uses) }
    }
      + unknown.map { node in
        Check("model of \(node)", one: { .ok("model of \(node)", "known only at run time; not looked at") })
      }
  }

  private func endpoint(_ use: Use) async throws -> ModelEndpoint {
    try await ModelFields.endpoint(use.provider, NodeFields(surroundings.task(use.node)))
  }

  /// What is asked of each model by all nodes together.
  private func asked(_ uses: [Use]) -> OrderedDictionary<String, (nodes: [NodeName], needs: Set<String>)> {
    var models: OrderedDictionary<String, (nodes: [NodeName], needs: Set<String>)> = [:]
    for use in uses {
      models[use.model, default: ([], [])].nodes.append(use.node.name)
      models[use.model]?.needs.formUnion(use.needs)
    }
    return models
  }
}

// MARK: Ollama

extension ModelChecks {
  private func ollama(_ uses: [Use]) async throws -> [Finding] {
    let server: OllamaServer
    let version: String
    let installed: [OllamaServer.Model]
    do {
      server = OllamaServer(try await endpoint(uses[0]))
      version = try await server.version()
      installed = try await server.models()
    } catch let failure as NodeFailure {
      return [.failed("ollama", Self.cause(failure), remedy: Self.remedy(for: failure))]
    }
    let place = "\(version) at \(server.endpoint.base.text)"
    var findings: [Finding] = [
      .ok("ollama", "\(place), \(installed.count) model\(installed.count == 1 ? "" : "s")")
    ]
    for (model, asked) in asked(uses) {
      findings.append(try await finding(model, asked.nodes, asked.needs, server, installed))
    }
    return findings
  }

  /// What is wrong, without the advice that a run gives.
  static func cause(_ failure: NodeFailure) -> String {
    failure.message.split(separator: "; ", maxSplits: 1).first.map(String.init) ?? failure.message
  }

  static func remedy(for failure: NodeFailure) -> String {
    switch failure.kind {
    case .connection, .timeout: "ollama serve (or set OLLAMA_HOST to where it is)"
    case .refused: "set OLLAMA_HOST to an address, such as http://127.0.0.1:11434"
    default: "look at OLLAMA_HOST, and at what stands between"
    }
  }

  private func finding(
    _ model: String, _ nodes: [NodeName], _ needs: Set<String>, _ server: OllamaServer,
    _ installed: [OllamaServer.Model]
  ) async throws -> Finding {
    let check = "model \(model)"
    guard let found = installed.first(where: { Self.isSame($0.name, model) }) else {
      let hint = Suggestion.hint(for: model, in: installed.map(\.name)).map { " (\($0))" } ?? ""
      return .failed(
        check, "not installed\(hint); \(told(nodes, "need"))", remedy: "ollama pull \(model.lowercased())")
    }
    var capabilities = found.capabilities
    if capabilities == nil { capabilities = try? await server.details(of: model).capabilities }
    guard let capabilities else { return .ok(check, "installed; the server does not tell what it can do") }
    let lacking = needs.subtracting(capabilities).sorted()
    guard !lacking.isEmpty else { return .ok(check, "installed: \(capabilities.sorted().joined(separator: ", "))") }
    let able = installed.first { needs.isSubset(of: $0.capabilities ?? []) }?.name
    let remedy =
      able.map { "name another in the graph; \($0) can" }
      ?? "name another in the graph, and get it: ollama pull \(lacking.contains("vision") ? "llama3.2-vision" : "llama3.2:3b")"
    return .failed(check, "cannot do \(lacking.joined(separator: ", ")); \(told(nodes, "ask"))", remedy: remedy)
  }

  private func told(_ nodes: [NodeName], _ verb: String) -> String {
    "\(nodes.map(\.rawValue).joined(separator: ", ")) \(verb)\(nodes.count == 1 ? "s" : "") it"
  }

  /// Names are compared as Ollama does: the tag `latest` may be left out, and capitals mean nothing.
  static func isSame(_ installed: String, _ wanted: String) -> Bool {
    func full(_ name: String) -> String {
      let name = name.lowercased()
      return (name.split(separator: "/").last ?? "").contains(":") ? name : "\(name):latest"
    }
    return full(installed) == full(wanted)
  }
}

// MARK: OpenAI's interface

extension ModelChecks {
  private func openAI(_ uses: [Use]) async throws -> [Finding] {
    let check = "openai endpoint"
    let endpoint: ModelEndpoint
    let answer: (status: Int, body: [UInt8])
    do {
      endpoint = try await self.endpoint(uses[0])
      answer = try await Self.models(endpoint)
    } catch let failure as NodeFailure {
      return [
        .failed(check, failure.message, remedy: "start the server, or set url (or OPENAI_BASE_URL) to where it is")
      ]
    }
    switch answer.status {
    case 200..<300: break
    case 401, 403:
      let name = uses.compactMap { surroundings.text($0.node.fields["api-key"]) }.first ?? "OPENAI_API_KEY"
      return [
        .failed(check, "\(endpoint.base.text) refuses the key (\(answer.status))", remedy: "export \(name)=…")
      ]
    default: return [.ok(check, "\(endpoint.base.text) answers, and does not list its models (\(answer.status))")]
    }
    let list: JSON? = try? JSON(parsing: answer.body)
    let listed = (list?["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    return [.ok(check, "\(endpoint.base.text), \(listed.count) model\(listed.count == 1 ? "" : "s")")]
      + asked(uses).map { model, asked in
        guard !listed.isEmpty, !listed.contains(model) else { return .ok("model \(model)", "listed") }
        let hint = Suggestion.hint(for: model, in: listed).map { " (\($0))" } ?? ""
        return .failed(
          "model \(model)", "\(endpoint.base.text) does not list it\(hint); \(told(asked.nodes, "ask"))",
          remedy: "name one that it has: curl \(endpoint.base.text)/models")
      }
  }

  private static func models(_ endpoint: ModelEndpoint) async throws -> (status: Int, body: [UInt8]) {
    var quick = endpoint
    quick.limits = Silence.Limits(firstByte: .seconds(20), idle: .seconds(20))
    return try await quick.stream("/models").open { head, body in
      try endpoint.checkIsService(head)
      return (head.status, try await body.whole(limitBytes: 16 << 20))
    }
  }
}
