import Foundation
import Graph
import Subprocess
import SystemPackage

/// The built command line.
enum Program {
  /// Beside the test bundle.
  private static let path = FilePath(
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "graphrun").path)

  static func call(
    _ arguments: [String], in stage: Stage, environment: [String: String] = [:]
  ) async throws -> Played {
    var updates: [Environment.Key: String?] = ["GRAPHRUN_COMMAND": nil, "GRAPHRUN_STATE": stage.state]
    for (name, value) in environment { updates[Environment.Key(stringLiteral: name)] = value }
    let result = try await run(
      .path(path), arguments: Arguments(arguments), environment: .inherit.updating(updates),
      workingDirectory: FilePath(stage.folder.path), output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
    let lines = try result.standardOutput.split(separator: "\n").map { try JSON(parsing: String($0)) }
    let code =
      switch result.terminationStatus {
      case .exited(let code): Int(code)
      case .signaled(let signal): 128 + Int(signal)
      }
    return Played(exit: code, lines: lines, message: result.standardError)
  }
}
