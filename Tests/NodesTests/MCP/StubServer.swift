import Foundation
import Graph
import GraphRuntime
import OrderedCollections

@testable import GraphNodes

/// The stub server (`Tests/Servers/mcp_stub.py`), and what it takes to reach it.
struct StubServer {
  static let path =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    + "/Servers/mcp_stub.py"

  /// Of its own, so that who is left of a server can be found.
  let mark = "test\(UUID().uuidString.lowercased())"
  var faults: [String] = []
  var era = "both"
  var log: String?

  init(_ faults: String..., era: String = "both", log: String? = nil) {
    self.faults = faults
    self.era = era
    self.log = log
  }

  var arguments: [String] { [Self.path, "--era", era] + (log.map { ["--log", $0] } ?? []) + faults }

  func configuration(
    startTimeout: Duration = .unhurried, era: MCPEra? = nil, timeout: Duration? = nil
  ) -> MCPServerConfiguration {
    MCPServerConfiguration(
      name: "stub", endpoint: .process(.python(arguments, mark: mark)), timeout: timeout, startTimeout: startTimeout,
      era: era)
  }

  /// The living processes of this server.
  var processes: [ProcessIdentity] { Orphans.find(withEnvironment: ["STUB=\(mark)"]) }

  /// Runs `body` with a session, and ends that.
  @discardableResult
  func session<Value>(
    startTimeout: Duration = .unhurried, era: MCPEra? = nil, timeout: Duration? = nil,
    _ body: (MCPSession) async throws -> Value
  ) async throws -> Value {
    let servers = MCPServers(mask: .none)
    let session = try servers.session(configuration(startTimeout: startTimeout, era: era, timeout: timeout))
    do {
      let value = try await body(session)
      await servers.close()
      return value
    } catch {
      await servers.close()
      throw error
    }
  }
}

extension MCPCommand {
  static func python(_ arguments: [String], mark: String) -> MCPCommand {
    let environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "STUB": mark]
    return MCPCommand(
      program: "python3", arguments: arguments, environment: environment, folder: NSTemporaryDirectory())
  }
}

extension MCPSession {
  /// The result of a call, or the failure that it threw.
  func result(
    _ tool: String, _ arguments: JSON = [:], timeout: Duration = .unhurried,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> MCPResult {
    let outcome = try await call(tool, arguments: arguments, key: "key", timeout: timeout, progress: progress)
    guard case .result(let result) = outcome else { throw UnexpectedResult() }
    return result
  }

  func failure(
    _ tool: String, _ arguments: JSON = [:], timeout: Duration = .unhurried
  ) async throws -> NodeFailure {
    do {
      _ = try await call(tool, arguments: arguments, key: "key", timeout: timeout)
    } catch let failure as NodeFailure {
      return failure
    }
    throw UnexpectedResult()
  }
}
