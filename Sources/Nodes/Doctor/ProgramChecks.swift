import Graph
import GraphRuntime
import OrderedCollections

/// The programs that a graph's steps start.
struct ProgramChecks: Sendable {
  private let surroundings: GraphSurroundings
  private let programs: Programs

  /// Which nodes start a program.
  private var users: OrderedDictionary<String, [Use]> = [:]

  private struct Use: Sendable {
    var node: NodeName

    /// Read out of a script, as well as that goes.
    var isFromScript: Bool
  }

  init(_ graph: StateGraph, _ surroundings: GraphSurroundings, isDockerUsed: Bool) {
    self.surroundings = surroundings
    programs = Programs(environment: surroundings.environment, folder: graph.folder)
    for node in graph.nodes.values {
      if node.kind == "shell" { collect(node.fields, of: node) }
      if case .map(let probe)? = node.fields["shell"], node.kind == "verify" { collect(probe, of: node) }
    }
    if users["kind"] != nil || isDockerUsed, users["docker"] == nil { users["docker"] = [] }
  }

  private mutating func collect(_ fields: OrderedDictionary<String, Field>, of node: Node) {
    // A step with a PATH of its own, or another folder, finds its programs elsewhere.
    guard fields["env"]?["PATH"] == nil, fields["dir"] == nil else { return }
    if let program = Self.first(of: fields["argv"]).flatMap(surroundings.text) {
      add(program, node, isFromScript: false)
    }
    if let program = Self.first(of: fields["interpreter"]).flatMap(surroundings.text) {
      return add(program.split(separator: " ").first.map(String.init) ?? program, node, isFromScript: false)
    }
    for script in [fields["run"], fields["check"], fields["detach"]?["ready"]] {
      let template: Template? =
        switch script {
        case .template(let template)?: template
        case .literal(.string(let text))?: Template(parts: [.text(text)])
        default: nil
        }
      for name in template.map(ScriptPrograms.names) ?? [] { add(name, node, isFromScript: true) }
    }
  }

  private static func first(of field: Field?) -> Field? {
    switch field {
    case .list(let items)?: items.first
    case .literal(.array(let items))?: items.first.map(Field.literal)
    default: field
    }
  }

  private mutating func add(_ program: String, _ node: Node, isFromScript: Bool) {
    guard !users[program, default: []].contains(where: { $0.node == node.name }) else { return }
    users[program, default: []].append(Use(node: node.name, isFromScript: isFromScript))
  }

  var checks: [Check] {
    users.map { program, users in Check(program, one: { try await finding(program, users) }) }
  }

  private func finding(_ program: String, _ users: [Use]) async throws -> Finding {
    var finding: Finding
    if program == "docker" {
      finding = try await DockerEngine(programs: programs).finding(isNeeded: true)
    } else if let tool = Tool.common.first(where: { $0.name == program }) {
      finding = try await tool.finding(programs, isNeeded: true)
    } else if let path = programs.path(of: program) {
      finding = .ok(program, path)
    } else {
      finding = .failed(program, "not installed", remedy: Tool.remedy(for: program))
      if program.contains("/") { finding.remedy = "put the file \(program) beside the graph, and chmod +x it" }
    }
    if finding.state == .failed, !users.isEmpty { finding.found = "\(finding.found ?? ""); \(told(users))" }
    return finding
  }

  private func told(_ users: [Use]) -> String {
    let names = users.prefix(3).map(\.node.rawValue).joined(separator: ", ")
    let rest = users.count > 3 ? " and \(users.count - 3) more" : ""
    let read =
      users.allSatisfy(\.isFromScript)
      ? ", as far as \(users.count == 1 ? "its script" : "their scripts") can be read" : ""
    return "\(names)\(rest) \(users.count == 1 ? "needs" : "need") it\(read)"
  }
}
