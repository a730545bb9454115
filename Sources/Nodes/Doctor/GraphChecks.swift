package import Graph
import GraphRuntime

/// What a graph needs of this machine and the world.
package final class GraphChecks: Sendable {
  private let graph: StateGraph
  private let environment: [String: String]
  private let surroundings: GraphSurroundings
  private let desk: ServerDesk

  /// Those of the graphs that run inside it; their inputs are known only then.
  private let inside: [GraphChecks]

  /// - Throws: ``RunRefusal`` where the inputs do not fit.
  package convenience init(_ graph: StateGraph, inputs: JSONObject, environment: [String: String]) throws {
    let inside = try graph.withSubgraphs.dropFirst().map { inner in
      try GraphChecks(inner, inputs: [:], environment: environment, inside: [])
    }
    try self.init(graph, inputs: inputs, environment: environment, inside: inside)
  }

  private init(
    _ graph: StateGraph, inputs: JSONObject, environment: [String: String], inside: [GraphChecks]
  ) throws {
    self.graph = graph
    self.inside = inside
    self.environment = environment
    surroundings = try GraphSurroundings(graph, inputs: inputs, environment: environment)
    desk = try ServerDesk(graph, inputs: inputs, environment: environment)
  }

  /// What several of the graphs need is looked at once.
  package var checks: [Check] {
    var names: Set<String> = []
    return ([self] + inside).flatMap(\.own).filter { names.insert($0.name).inserted }
  }

  private var own: [Check] {
    variables + ProgramChecks(graph, surroundings, isDockerUsed: servers.isDockerUsed).checks
      + ModelChecks(graph, surroundings).checks + servers.checks
  }

  /// Ends what the checks started.
  package func close() async {
    for part in [self] + inside { await part.desk.close() }
  }

  private var servers: ServerChecks { ServerChecks(graph, surroundings, desk) }

  // MARK: The environment; no value is ever told

  private var variables: [Check] {
    let secrets = graph.secrets.map { name in Check("secret \(name)", one: { [self] in secret(name) }) }
    return secrets + graph.environment.map { name in Check("env \(name)", one: { [self] in variable(name) }) }
  }

  private func secret(_ name: String) -> Finding {
    let check = "secret \(name)"
    let remedy = "export \(name)=…"
    guard let value = environment[name], !value.isEmpty else { return .failed(check, "not set", remedy: remedy) }
    guard value.utf8.count >= SecretMask.shortest else {
      return .failed(
        check, "under \(SecretMask.shortest) bytes, too short to be kept out of what is printed", remedy: remedy)
    }
    return .ok(check, "set")
  }

  private func variable(_ name: String) -> Finding {
    .ok("env \(name)", environment[name] == nil ? "not set, so $env.\(name) is null" : "set")
  }
}

/// What of a graph is known before it runs.
struct GraphSurroundings: Sendable {
  let graph: StateGraph
  let scope: Scope

  /// Of child processes: without the graph's secrets.
  let environment: [String: String]

  /// With them.
  let userEnvironment: [String: String]

  init(_ graph: StateGraph, inputs: JSONObject, environment: [String: String]) throws {
    self.graph = graph
    userEnvironment = environment
    scope = try graph.restingScope(inputs: inputs, environment: environment)
    self.environment = environment.filter { !graph.secrets.contains($0.key) }
  }

  func task(_ node: Node) -> TaskContext {
    TaskContext.outsideRun(
      node, scope: scope, servers: graph.servers, folder: graph.folder, environment: environment)
  }

  /// Whether `field` has its value already: it is constant, or made of inputs that have one, `$env` and `$secrets`.
  func isKnown(_ field: Field) -> Bool {
    field.expressions.allSatisfy { expression in
      guard case .channels(let channels) = expression.reads else { return false }
      let known = graph.inputs.map(\.name.rawValue).filter { scope.state[$0] != nil }
      return channels.isSubset(of: known) && expression.variables.isSubset(of: ["env", "secrets"])
    }
  }

  /// The text of `field`; `nil` where it is only known at run time.
  func text(_ field: Field?) -> String? {
    guard let field, isKnown(field), let value = try? field.evaluate(in: scope), value != .null else { return nil }
    return value.argumentText
  }

  /// The texts of a list; those that are known.
  func texts(_ field: Field?) -> [String] {
    switch field {
    case .list(let items)?: items.compactMap(text)
    case .literal(.array(let items))?: items.map(\.argumentText)
    case let field?: text(field).map { [$0] } ?? []
    case nil: []
    }
  }
}
