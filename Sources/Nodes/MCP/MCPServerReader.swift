import Graph
import GraphRuntime
import OrderedCollections

/// Makes a server's configuration of what the graph says of it, or the server file beside it.
struct MCPServerReader {
  let name: String
  let task: TaskContext

  /// - Throws: ``NodeFailure`` naming the server and the field.
  func configuration(declared: Field?) async throws -> MCPServerConfiguration {
    guard case .map(let fields)? = declared else {
      guard let file = try besideGraph(), let entry = file.servers[name] else {
        throw failure("is neither under servers nor in \(ServerFile.names[0]) beside the graph")
      }
      return try configuration(of: entry, in: file)
    }
    var configuration = try await configuration(fields)
    configuration.isTrusted = fields["trust"] == .literal(true)
    configuration.timeout = try await duration("timeout", fields)
    configuration.startTimeout = try await duration("startup", fields) ?? configuration.startTimeout
    configuration.era = try await text("protocol", fields).flatMap(MCPEra.init(rawValue:))
    return configuration
  }

  private func configuration(of entry: JSON, in file: ServerFile) throws -> MCPServerConfiguration {
    MCPServerConfiguration(name: name, endpoint: try endpoint(entry, file: file.path), entry: entry)
  }

  private func besideGraph() throws -> ServerFile? {
    do throws(ServerFileError) {
      return try ServerFile(besideGraphIn: task.folder)
    } catch {
      throw failure("is not under servers, and \(error)")
    }
  }

  private func configuration(_ fields: OrderedDictionary<String, Field>) async throws -> MCPServerConfiguration {
    if let endpoint = try await endpoint(fields) { return MCPServerConfiguration(name: name, endpoint: endpoint) }
    let path = "\(task.folder)/\(try await text("from", fields) ?? ServerFile.names[0])"
    let file: ServerFile
    do throws(ServerFileError) {
      file = try ServerFile(contentsOf: path)
    } catch {
      throw failure("\(error)")
    }
    guard let entry = file.servers[name] else { throw failure("\(path) has no such server") }
    return try configuration(of: entry, in: file)
  }

  /// What the graph says; `nil` where that is in a server file.
  private func endpoint(
    _ fields: OrderedDictionary<String, Field>
  ) async throws -> MCPServerConfiguration.Endpoint? {
    if let program = try await text("command", fields) {
      let folder = MCPServerEntry.path(try await text("cwd", fields) ?? "", in: task.folder)
      return .process(
        MCPCommand(
          program: MCPServerEntry.program(program, in: task.folder), arguments: try await list("args", fields),
          environment: MCPEnvironment(task).variables(with: try await map("env", fields)), folder: folder))
    }
    if let url = try await text("url", fields) {
      let kind = try await text("type", fields).flatMap(MCPServerEntry.kind)
      let headers = try await map("headers", fields).map(MCPAddress.Header.init)
      let isConstant = fields["url"].map { (try? HTTPAddress(url))?.hasConstantHost(in: $0) ?? true } ?? true
      let mayBePrivate = isConstant || fields["private"] == .literal(true)
      return .web(MCPAddress(url: url, headers: headers, kind: kind, mayBePrivate: mayBePrivate))
    }
    return nil
  }

  private func endpoint(_ entry: JSON, file: String) throws -> MCPServerConfiguration.Endpoint {
    do throws(ServerFileError) {
      return try MCPServerEntry(name, entry, file: file, task).endpoint()
    } catch {
      throw failure("\(error)")
    }
  }

  // MARK: Fields

  private func value(_ key: String, _ fields: OrderedDictionary<String, Field>) async throws -> JSON? {
    guard let field = fields[key] else { return nil }
    let value = try await task.evaluate(field, key: "servers.\(name).\(key)")
    return value == .null ? nil : value
  }

  private func text(_ key: String, _ fields: OrderedDictionary<String, Field>) async throws -> String? {
    try await value(key, fields).map { try checked($0.argumentText, key) }
  }

  private func list(_ key: String, _ fields: OrderedDictionary<String, Field>) async throws -> [String] {
    guard let value = try await value(key, fields) else { return [] }
    return try (value.arrayValue ?? [value]).map { try checked($0.argumentText, key) }
  }

  private func map(
    _ key: String, _ fields: OrderedDictionary<String, Field>
  ) async throws -> [(name: String, value: String)] {
    let object = try await value(key, fields)?.objectValue ?? [:]
    return try object.filter { $0.value != .null }.map { ($0.key, try checked($0.value.argumentText, key)) }
  }

  private func duration(_ key: String, _ fields: OrderedDictionary<String, Field>) async throws -> Duration? {
    try await text(key, fields).flatMap(Duration.init(parsing:))
  }

  private func checked(_ text: String, _ key: String) throws -> String {
    guard !text.utf8.contains(0) else { throw failure("\(key): a text for a program cannot contain NUL") }
    return text
  }

  private func failure(_ message: String) -> NodeFailure {
    NodeFailure(.spawn, "the server \(name): \(message)", precedesEffect: true)
  }
}

/// What a server's process finds in its environment: what programs cannot do without, and what is named for it.
struct MCPEnvironment {
  private static let passed = ["PATH", "HOME", "LANG", "LOGNAME", "SHELL", "TERM", "USER"]

  /// By these a run's processes are found when their runner has died.
  private static let marks = [Orphans.runVariable, Orphans.storeVariable, Orphans.outerVariable]

  let task: TaskContext

  init(_ task: TaskContext) {
    self.task = task
  }

  func variables(with named: [(name: String, value: String)]) -> [String: String] {
    var variables: [String: String] = [:]
    for name in Self.passed { variables[name] = task.environment[name] }
    for (name, value) in named { variables[name] = value }
    for name in Self.marks { variables[name] = task.environment[name] }
    return variables
  }
}
