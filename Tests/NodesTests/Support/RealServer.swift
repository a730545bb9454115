import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// The MCP server of the rig (Tests/Real/mcp_server.py) on a real SDK: `modern` is mcp 2.x, `legacy` 1.x.
enum RealServer {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Serves over `transport` (`http` or `sse`) until `body`, which gets the address, ends. Where scripts/real-parts could
  /// not get the SDK, the test is cancelled and says why.
  static func serving<Value: Sendable>(
    _ part: String, over transport: String, _ body: @escaping @Sendable (String) async throws -> Value
  ) async throws -> Value {
    let script = root.appending(path: "Tests/Real/mcp_server.py").path
    let done = try await run(
      .path(FilePath(try python(part))), arguments: ["-B", script, transport], input: .none, output: .sequence,
      error: .discarded
    ) { execution in
      for try await line in execution.standardOutput.strings() where line.hasPrefix("serving ") {
        let value = try await body(String(line.dropFirst("serving ".count)))
        kill(execution.processIdentifier.value, SIGTERM)
        return Optional(value)
      }
      return nil
    }
    return try #require(done.closureResult, "the server ended before it served: \(done.terminationStatus)")
  }

  private static func python(_ part: String) throws -> String {
    let file = root.appending(path: ".build-real/parts.json")
    let known = try? JSON(parsing: String(contentsOf: file, encoding: .utf8))
    guard let found = known?[part]?["python"]?.stringValue else {
      let reason = known?[part]?["missing"]?.stringValue ?? "scripts/real-parts has not been run"
      try Test.cancel("\(part) is not here: \(reason)")
    }
    return found
  }
}
