import Foundation
package import Graph
import GraphRuntime
import OrderedCollections

/// MCP servers outside of a run: to list their tools, to call one.
package final class ServerDesk: Sendable {
  private let declared: OrderedDictionary<String, Field>
  private let task: TaskContext
  private let mask: SecretMask
  private let servers: MCPServers

  /// The servers of `graph`, and of the server file beside it.
  ///
  /// - Throws: ``RunRefusal`` where the inputs do not fit.
  package init(_ graph: StateGraph, inputs: JSONObject = [:], environment: [String: String]) throws {
    let scope = try graph.restingScope(inputs: inputs, environment: environment)
    declared = graph.servers
    mask = SecretMask(graph.secrets.compactMap { environment[$0] })
    servers = MCPServers(mask: mask)
    task = TaskContext.outsideRun(
      Node("start", kind: "mcp"), scope: scope, servers: graph.servers, folder: graph.folder,
      environment: environment.filter { !graph.secrets.contains($0.key) })
  }

  /// The servers of the server file in `folder`.
  package init(folder: String, environment: [String: String]) {
    declared = [:]
    mask = .none
    servers = MCPServers(mask: .none)
    task = TaskContext.outsideRun(
      Node("start", kind: "mcp"), scope: Scope(), folder: folder, environment: environment)
  }

  /// The servers there are, the graph's first.
  ///
  /// - Throws: ``ServerFileError``.
  package func names() throws -> [String] {
    let file = try ServerFile(besideGraphIn: task.folder)
    return declared.keys.elements + (file?.servers.keys.elements.filter { declared[$0] == nil } ?? [])
  }

  /// - Throws: ``ServerTrouble`` where the server is not known, or what is said of it cannot be used.
  package func server(_ name: String) async throws -> Server {
    try await telling {
      guard try names().contains(name) else { throw try unknown(name) }
      let reader = MCPServerReader(name: name, task: task)
      return try server(try await reader.configuration(declared: declared[name]))
    }
  }

  /// A server at `url`.
  package func server(at url: String) throws -> Server {
    try server(MCPServerConfiguration(name: "server", endpoint: .web(MCPAddress(url: url))))
  }

  /// A server that `command` starts. It gets the whole environment, as anything that a person types.
  package func server(of command: [String]) throws -> Server {
    let program = MCPCommand(
      program: MCPServerEntry.program(command[0], in: task.folder), arguments: Array(command.dropFirst()),
      environment: task.environment, folder: task.folder)
    let name = command[0].split(separator: "/").last.map(String.init) ?? command[0]
    return try server(MCPServerConfiguration(name: name, endpoint: .process(program)))
  }

  /// Ends every server that was started.
  package func close() async { await servers.close() }

  fileprivate func server(_ configuration: MCPServerConfiguration) throws -> Server {
    Server(session: try servers.session(configuration), desk: self)
  }

  private func unknown(_ name: String) throws -> ServerTrouble {
    let hint =
      Suggestion.hint(for: name, in: try names()) ?? "none is described here; graphrun tools lists those of a graph"
    return ServerTrouble(message: "there is no server \"\(name)\" (\(hint))", isUsage: true)
  }

  /// Runs `body`; what it throws becomes a ``ServerTrouble`` without secrets.
  fileprivate func telling<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let failure as NodeFailure {
      throw ServerTrouble(
        message: mask.mask(failure.message), isUsage: failure.precedesEffect && [.type, .tool].contains(failure.kind))
    } catch let error as ServerFileError {
      throw ServerTrouble(message: mask.mask(error.description), isUsage: true)
    }
  }

  fileprivate func masked(_ value: JSON) -> JSON { mask.mask(value) }
  fileprivate func masked(_ text: String) -> String { mask.mask(text) }
}

/// A server that cannot be reached or used, or does not do what it was asked.
package struct ServerTrouble: Error, CustomStringConvertible {
  package var message: String

  /// What was asked for does not exist or does not fit; nothing was called.
  package var isUsage = false

  package var description: String { message }
}

extension ServerDesk {
  /// One server; it starts when it is first asked something.
  package struct Server: Sendable {
    let session: MCPSession
    fileprivate let desk: ServerDesk

    package var name: String { session.name }

    /// The words that start it; `nil` for one that runs elsewhere.
    package var command: [String]? {
      guard case .process(let command) = session.configuration.endpoint else { return nil }
      return ([command.program] + command.arguments).map(desk.masked)
    }

    /// Where it runs; `nil` for one that is started.
    package var url: String? {
      guard case .web(let address) = session.configuration.endpoint else { return nil }
      return desk.masked(address.url)
    }

    /// The same server, with no more than `limit`, where there is one, for its start and for each of its answers.
    package func within(_ limit: Duration?) throws -> Server {
      guard let limit else { return self }
      var configuration = session.configuration
      configuration.startTimeout = min(configuration.startTimeout, limit)
      configuration.timeout = min(configuration.timeout ?? limit, limit)
      return try desk.server(configuration)
    }

    /// The version of the protocol that was agreed on; `nil` before the first question.
    package var version: String? { session.agreement?.version }

    /// What it said last beside the protocol.
    package var lastWords: String { desk.masked(session.lastWords) }

    package func tools() async throws -> [ServerTool] {
      try await desk.telling { try await session.tools().map { ServerTool($0, server: name) } }
    }

    /// - Throws: ``ServerTrouble`` for a tool that the server does not have.
    package func tool(_ tool: String) async throws -> ServerTool {
      let all = try await tools()
      if let found = all.first(where: { $0.name == tool }) { return found }
      return try await desk.telling { throw session.unknown(tool) }
    }

    /// What was odd since this was last asked.
    package func takeWarnings() -> [String] { session.takeWarnings().map(desk.masked) }

    /// What a call gave.
    package struct Result: Sendable {
      /// The text blocks.
      package var text: String

      /// `{text, content, structured?, isError?}`.
      package var json: JSON

      /// The tool failed; its text says why.
      package var isError: Bool
    }

    /// Calls `tool`; what the server reports meanwhile goes to `progress`.
    ///
    /// - Throws: ``ServerTrouble``. A tool's own error is a result.
    package func call(
      _ tool: ServerTool, arguments: JSONObject, timeout: Duration, progress: @escaping @Sendable (String) -> Void
    ) async throws -> Result {
      try await desk.telling {
        let outcome = try await session.call(
          tool.name, arguments: .object(arguments), key: UUID().uuidString.lowercased(), timeout: timeout,
          mayAsk: false, progress: { progress(desk.masked($0)) })
        guard case .result(let result) = outcome else {
          throw NodeFailure(.protocol, "\(name) asks for input, which was not offered")
        }
        var json = desk.masked(result.json).objectValue ?? [:]
        if result.isError { json["isError"] = true }
        return Result(text: desk.masked(result.text), json: .object(json), isError: result.isError)
      }
    }
  }
}
