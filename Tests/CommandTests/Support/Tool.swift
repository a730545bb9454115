import Foundation
import Graph
import Subprocess
import SystemPackage

/// The built program, in a folder of its own.
struct Tool: Sendable {
  let folder: URL

  /// What a call of it came to.
  struct Outcome: Sendable {
    var status: TerminationStatus
    var output: String
    var error: String

    var code: Int? {
      guard case .exited(let code) = status else { return nil }
      return Int(code)
    }

    /// The output's JSON lines.
    func lines() throws -> [JSON] { try output.split(separator: "\n").map { try JSON(parsing: String($0)) } }
  }

  init(_ files: [String: String] = [:]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "graphrun-\(UUID().uuidString)")
      .resolvingSymlinksInPath()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files { try write(text, to: name) }
  }

  func write(_ text: String, to name: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func read(_ name: String) -> String {
    (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Beside the test bundle.
  static let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
    path: "graphrun"
  ).path
  private static let program = FilePath(path)

  func callAsFunction(_ arguments: String..., environment: [String: String] = [:]) async throws -> Outcome {
    try await call(arguments, environment: environment)
  }

  func call(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
    let result = try await run(
      .path(Self.program), arguments: Arguments(arguments), environment: Self.environment(environment),
      workingDirectory: FilePath(folder.path), output: .string(limit: 64 << 20), error: .string(limit: 16 << 20))
    return Outcome(status: result.terminationStatus, output: result.standardOutput, error: result.standardError)
  }

  /// Sends `signal` once `count` lines came; the lines until the end.
  func call(_ arguments: [String], sending signal: Signal, afterLines count: Int) async throws -> Outcome {
    try await call(arguments, afterLines: count) { pid in kill(pid, signal.rawValue) }
  }

  /// Calls `act` with the process once `count` lines came; the lines until the end.
  func call(
    _ arguments: [String], afterLines count: Int, _ act: @Sendable @escaping (pid_t) async throws -> Void
  ) async throws -> Outcome {
    let result = try await run(
      .path(Self.program), arguments: Arguments(arguments), environment: Self.environment([:]),
      workingDirectory: FilePath(folder.path), input: .none, output: .sequence, error: .discarded
    ) { execution in
      var lines: [String] = []
      for try await line in execution.standardOutput.strings() {
        lines.append(line)
        if lines.count == count { try await act(execution.processIdentifier.value) }
      }
      return lines.joined(separator: "\n")
    }
    return Outcome(status: result.terminationStatus, output: result.closureResult, error: "")
  }

  /// Sends SIGINT once `isDue`.
  func interrupt(_ arguments: [String], when isDue: @Sendable @escaping () -> Bool) async throws -> Outcome {
    let result = try await run(
      .path(Self.program), arguments: Arguments(arguments), environment: Self.environment([:]),
      workingDirectory: FilePath(folder.path), input: .none, output: .string(limit: 1 << 20), error: .discarded
    ) { execution in
      while !isDue() { try await Task.sleep(for: .milliseconds(10)) }
      kill(execution.processIdentifier.value, SIGINT)
    }
    return Outcome(status: result.terminationStatus, output: result.standardOutput, error: "")
  }

  private static func environment(_ changes: [String: String]) -> Environment {
    var updates: [Environment.Key: String?] = ["GRAPHRUN_STATE": nil, "GRAPHRUN_COMMAND": nil]
    for (name, value) in changes { updates[Environment.Key(rawValue: name) ?? "GRAPHRUN_TEST"] = value }
    return .inherit.updating(updates)
  }
}

extension JSON {
  subscript(index: Int) -> JSON? {
    guard let items = arrayValue, items.indices.contains(index) else { return nil }
    return items[index]
  }
}

extension Tool {
  /// As somebody without rights, where the tests run as root.
  func callAsNobody(_ arguments: String...) async throws -> Outcome {
    guard getuid() == 0 else { return try await call(arguments) }
    let result = try await run(
      .path("/usr/bin/setpriv"),
      arguments: Arguments(["--reuid=65534", "--regid=65534", "--clear-groups", Self.path] + arguments),
      environment: Self.environment([:]), workingDirectory: FilePath(folder.path), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    return Outcome(status: result.terminationStatus, output: result.standardOutput, error: result.standardError)
  }
}

extension Tool {
  /// A process that has ended and that nobody has waited for does not live.
  static func isAlive(_ pid: pid_t) -> Bool {
    guard kill(pid, 0) == 0 else { return false }
    let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    return !stat.contains(") Z ")
  }
}
