import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// The real parts that scripts/real-parts has got from PyPI. A test of one that could not be had is cancelled and says why.
enum RealParts {
  private static let root = Picture.root.appending(path: ".build-real")
  private static let rig = Picture.root.appending(path: "Tests/Real")

  /// Whether also the model, kubectl and Helm are wanted: `make test-real`.
  static let areAllWanted = ProcessInfo.processInfo.environment["GRAPHRUN_PARTS"] == "all"

  /// The Python that has the part.
  static func python(_ part: String) throws -> String {
    let known = try? JSON(parsing: String(contentsOf: root.appending(path: "parts.json"), encoding: .utf8))
    guard let found = known?[part]?["python"]?.stringValue else {
      let reason = known?[part]?["missing"]?.stringValue ?? "scripts/real-parts has not been run"
      try Test.cancel("\(part) is not here: \(reason)")
    }
    return found
  }

  /// A program that the part brings.
  static func program(_ name: String, of part: String) throws -> String {
    URL(fileURLWithPath: try python(part)).deletingLastPathComponent().appending(path: name).path
  }

  /// A file of the rig.
  static func file(_ name: String) -> String { rig.appending(path: name).path }

  /// Runs a server of the rig until `body` ends. `body` gets the address that the server prints once it listens.
  static func serving<Result: Sendable>(
    _ script: String, _ arguments: String..., with part: String, environment: [String: String] = [:],
    _ body: @Sendable @escaping (String) async throws -> Result
  ) async throws -> Result {
    var changes: [Environment.Key: String?] = [:]
    for (name, value) in environment { changes[try #require(Environment.Key(rawValue: name))] = value }
    let done = try await run(
      .path(FilePath(try python(part))), arguments: Arguments(["-B", file(script)] + arguments),
      environment: .inherit.updating(changes), input: .none, output: .sequence, error: .discarded
    ) { execution in
      for try await line in execution.standardOutput.strings() where line.hasPrefix("serving ") {
        let result = try await body(String(line.dropFirst("serving ".count)))
        kill(execution.processIdentifier.value, SIGTERM)
        return Optional(result)
      }
      return nil
    }
    return try #require(done.closureResult, "\(script) ended before it served: \(done.terminationStatus)")
  }
}
