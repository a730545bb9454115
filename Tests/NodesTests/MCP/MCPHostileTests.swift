import Foundation
import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

/// The shared hostile server, where it is there: each mode in each era ends in time, by kind, and leaves nobody.
@Suite("Hostile MCP servers", .serialized, .enabled(if: HostileServer.isThere, "../shared/faults is not there"))
struct MCPHostileTests {
  @Test(arguments: HostileServer.modes, ["legacy", "modern"])
  func `each mode ends by kind and in time`(mode: HostileServer.Mode, era: String) async throws {
    let server = HostileServer(mode: mode, era: era)
    let servers = MCPServers(mask: .none)
    let session = try servers.session(server.configuration)
    let start = ContinuousClock.now
    let ending = await server.call(session)
    #expect(mode.endings.contains(ending), "\(ending)")
    await servers.close()
    #expect(.now - start < server.timeout + .seconds(6) + .busy)
    #expect(server.processes == [])
  }

  @Test(arguments: ["legacy", "modern"]) func `definitions that change under the hand have another fingerprint`(
    era: String
  ) async throws {
    let server = HostileServer(mode: .init(name: "rug-pull", endings: []), era: era)
    let servers = MCPServers(mask: .none)
    let session = try servers.session(server.configuration)
    let before = try await session.tools().map(\.fingerprint)
    _ = try await session.result("add", ["a": 1, "b": 2])
    #expect(try await session.tools().map(\.fingerprint) != before)
    await servers.close()
  }

  @Test func `a poisoned list has no shadows and no paths in it`() async throws {
    let server = HostileServer(mode: .init(name: "poison", endings: []), era: "both")
    let servers = MCPServers(mask: .none)
    let session = try servers.session(server.configuration)
    #expect(try await session.tools().map(\.name) == ["echo", "add", "effect"])
    #expect(session.takeWarnings().count == 2)
    await servers.close()
  }

  @Test func `schemas that lead outside or have no end are refused with their tools`() async throws {
    let server = HostileServer(mode: .init(name: "evil-schema", endings: []), era: "both")
    let servers = MCPServers(mask: .none)
    let session = try servers.session(server.configuration)
    #expect(try await session.tools().map(\.name) == ["effect"])
    await servers.close()
  }
}

struct HostileServer {
  struct Mode: Sendable, CustomTestStringConvertible {
    var name: String

    /// The kinds of failure that are right, or `result`, `error` (the tool's own), `asks`.
    var endings: Set<String>
    var options: [String] = []

    var testDescription: String { name }
  }

  static let path =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/shared/faults/mcp_hostile.py"
  static let isThere = FileManager.default.fileExists(atPath: path)

  static let modes: [Mode] =
    [
      "ok", "garbage", "dup-reply", "stderr-flood", "server-request", "poison", "rug-pull", "ignore-term",
      "fork-daemon",
    ]
    .map { Mode(name: $0, endings: ["result"]) }
    + ["never-reply", "never-init", "progress-forever", "wrong-id", "notification-flood"]
    .map { Mode(name: $0, endings: ["timeout"]) }
    + ["exit-at-init", "exit-at-start", "crash-on-call", "crash-half", "crash-after-effect"]
    .map { Mode(name: $0, endings: ["connection"]) }
    + ["deep-json", "protocol-error", "bad-version", "bad-shape"].map { Mode(name: $0, endings: ["protocol"]) }
    + ["huge-line", "no-newline", "page-forever", "many-tools"].map { Mode(name: $0, endings: ["limit"]) }
    + [
      Mode(name: "slow", endings: ["result"], options: ["--delay", "0.2"]),
      Mode(name: "late-reply", endings: ["timeout"], options: ["--delay", "2"]),
      Mode(name: "tool-error", endings: ["error"]), Mode(name: "evil-schema", endings: ["result"]),
      // In the legacy era there is no such result.
      Mode(name: "input-forever", endings: ["asks", "protocol"]),
    ]

  let mode: Mode
  let era: String
  let timeout: Duration = .seconds(1)
  let mark = "test\(UUID().uuidString.lowercased())"

  var configuration: MCPServerConfiguration {
    let arguments = [Self.path, "--mode", mode.name, "--era", era] + mode.options
    // A machine that is busy with other tests takes its time to start Python.
    let startTimeout: Duration = ["never-init", "wrong-id"].contains(mode.name) ? .seconds(1) : .seconds(20)
    return MCPServerConfiguration(
      name: "hostile", endpoint: .process(.python(arguments, mark: mark)), startTimeout: startTimeout)
  }

  var processes: [ProcessIdentity] { Orphans.find(withEnvironment: ["STUB=\(mark)"]) }

  func call(_ session: MCPSession) async -> String {
    do {
      switch try await session.call("effect", arguments: ["key": "k"], key: "k", timeout: timeout) {
      case .result(let result): return result.isError ? "error" : "result"
      case .inputRequired: return "asks"
      }
    } catch let failure as NodeFailure {
      return failure.kind.rawValue
    } catch {
      return "\(error)"
    }
  }
}
