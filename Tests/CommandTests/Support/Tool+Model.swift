import Foundation
import Subprocess
import SystemPackage

extension Tool {
  /// The folder of the scripted servers.
  static let servers =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Servers").path

  /// Runs `body` with the address of a model that says what the file `turns` says (`Tests/Servers/agent_model.py`).
  func withModel(_ body: @Sendable (String) async throws -> Void) async throws {
    _ = try await run(
      .name("python3"), arguments: ["\(Self.servers)/agent_model.py", "turns", "--gap", "0.01"],
      workingDirectory: FilePath(folder.path), input: .none, output: .sequence, error: .discarded
    ) { execution in
      for try await line in execution.standardOutput.strings() {
        do {
          try await body(line.trimmingCharacters(in: .newlines))
        } catch {
          try? execution.send(signal: .kill)
          throw error
        }
        try execution.send(signal: .kill)
      }
    }
  }
}
