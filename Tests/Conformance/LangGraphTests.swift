import Foundation
import Subprocess
import SystemPackage
import Testing

@Suite("LangGraph")
struct LangGraphTests {
  private static let python = ProcessInfo.processInfo.environment["GRAPHRUN_LANGGRAPH"] ?? ""

  @Test(.enabled(if: !python.isEmpty, "GRAPHRUN_LANGGRAPH names no Python that has langgraph"))
  func `agrees but for the deliberate differences`() async throws {
    let script = Case.folder.deletingLastPathComponent().appending(path: "langgraph/differential").path
    let result = try await run(
      .path(FilePath(Self.python)), arguments: [script], output: .string(limit: 1 << 20), error: .string(limit: 1 << 20)
    )
    #expect(result.terminationStatus == .exited(0), "\(result.standardOutput)\(result.standardError)")
  }
}
