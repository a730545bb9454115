import Foundation
import Graph
import GraphRuntime
import OrderedCollections

/// A graph's MCP servers: that each starts, and has the tools that the graph names.
struct ServerChecks: Sendable {
  private let graph: StateGraph
  private let surroundings: GraphSurroundings
  private let desk: ServerDesk

  init(_ graph: StateGraph, _ surroundings: GraphSurroundings, _ desk: ServerDesk) {
    self.graph = graph
    self.surroundings = surroundings
    self.desk = desk
  }

  /// A tool that a node calls.
  private struct Call: Hashable {
    var node: NodeName
    var server: String
    var tool: String
  }

  /// Nodes whose kind calls one tool, themselves or to probe, as far as server and tool are known.
  private var calls: [Call] {
    graph.nodes.values.compactMap { node in
      var fields = node.fields
      if node.kind == "verify", case .map(let probe)? = fields["mcp"] {
        fields = probe
      } else if node.kind != "mcp" {
        return nil
      }
      guard let server = surroundings.text(fields["server"]), let tool = surroundings.text(fields["tool"]) else {
        return nil
      }
      return Call(node: node.name, server: server, tool: tool)
    }
  }

  private var agents: [Node] { graph.nodes.values.filter { $0.kind == "agent" } }

  /// Without saying which, an agent has all of the graph's servers.
  private func servers(of agent: Node) -> [String] {
    agent.fields["servers"].map(surroundings.texts) ?? graph.servers.keys.elements
  }

  /// The servers of the graph, and those of the server file that its nodes name.
  private var names: [String] {
    let used = calls.map(\.server) + agents.flatMap(servers)
    return Array(OrderedSet(graph.servers.keys.elements + used))
  }

  /// A server's command speaks of Docker, which it then needs.
  var isDockerUsed: Bool {
    names.contains { name in
      let words = [graph.servers[name]?["command"], graph.servers[name]?["args"]].flatMap(surroundings.texts)
      let entry = (try? ServerFile(besideGraphIn: graph.folder))??.servers[name]
      let other = ([entry?["command"]].compactMap(\.self) + (entry?["args"]?.arrayValue ?? [])).compactMap(
        \.stringValue)
      return (words + other).contains { $0.contains("docker") }
    }
  }

  var checks: [Check] {
    names.map { name in Check("server \(name)", within: .seconds(180)) { try await findings(of: name) } }
      + agents.filter { $0.fields["tools"] != nil }.map { agent in
        Check("agent \(agent.name)", within: .seconds(180)) { try await patterns(of: agent) }
      }
  }

  // MARK: A server

  private func findings(of name: String) async throws -> [Finding] {
    let check = "server \(name)"
    let server: ServerDesk.Server
    let tools: [ServerTool]
    do {
      server = try await desk.server(name)
      tools = try await server.tools()
    } catch let trouble as ServerTrouble {
      return [.failed(check, trouble.message, remedy: ServerRemedy(name: name, message: trouble.message).text)]
    }
    let missing = Set(calls.filter { $0.server == name }).filter { call in !tools.contains { $0.name == call.tool } }
    guard missing.isEmpty else {
      return missing.sorted { $0.node < $1.node }.map { call in
        let hint = Suggestion.hint(for: call.tool, in: tools.map(\.name), listing: 30).map { "; \($0)" } ?? ""
        return .failed(
          check, "no tool \"\(call.tool)\", which \(call.node) calls\(hint)",
          remedy: "graphrun tools \(name) lists them")
      }
    }
    let version = server.version.map { ", protocol \($0)" } ?? ""
    return [.ok(check, "\(tools.count) tool\(tools.count == 1 ? "" : "s")\(version)")]
  }

  // MARK: What agents may call

  /// Every pattern under `tools` is about some tool of the agent's servers.
  private func patterns(of agent: Node) async throws -> [Finding] {
    let check = "agent \(agent.name)"
    let permissions = ToolPermissions(servers: servers(of: agent))
    var known: [(server: String, name: String)] = []
    for name in servers(of: agent) {
      // That a server does not start is told by its own check.
      guard let tools = try? await desk.server(name).tools() else { return [] }
      known += tools.map { (name, $0.name) }
    }
    var findings: [Finding] = []
    for list in ["allow", "approve", "deny"] {
      for pattern in surroundings.texts(agent.fields["tools"]?[list])
      where !permissions.isAbout(pattern, any: known) {
        let names = known.flatMap { [$0.name, "\($0.server).\($0.name)"] }
        let hint = Suggestion.hint(for: pattern, in: names).map { "; \($0)" } ?? ""
        let (found, remedy) = (
          "tools.\(list): no tool is called \"\(pattern)\"\(hint)", "mend the pattern in the graph"
        )
        // What is denied need not be there.
        findings.append(
          list == "deny" ? .advice(check, found, remedy: remedy) : .failed(check, found, remedy: remedy))
      }
    }
    return findings.isEmpty ? [.ok(check, "its tool patterns are about tools that exist")] : findings
  }
}

/// What to do about a server that does not start.
struct ServerRemedy {
  let name: String
  let message: String

  var text: String {
    if let program = between("could not start ", ": no such program") {
      return Tool.remedy(for: program)
    }
    if message.contains("not in the registry") {
      return "mend the package's name in the command of the server \(name), and whether npx or uvx runs it"
    }
    if let variable = between("the variable ", " is not set") { return "export \(variable)=…" }
    if message.contains("docker.errors") || message.lowercased().contains("docker daemon")
      || message.contains("docker API")
    {
      return DockerEngine.remedy(for: message)
    }
    if message.contains("did not answer within") {
      return "start it once by hand, as a download may take long; or give it longer, in the graph: startup: 5m"
    }
    if message.contains("401") || message.contains("403") {
      return "look at the headers of the server \(name): its key is refused"
    }
    if [": POST http", ": GET http"].contains(where: message.contains) {
      return "start the server \(name), or correct its url in the graph"
    }
    return "run its command by hand and see what it says"
  }

  private func between(_ start: String, _ end: String) -> String? {
    guard let start = message.range(of: start), let end = message[start.upperBound...].range(of: end) else {
      return nil
    }
    return String(message[start.upperBound..<end.lowerBound])
  }
}
