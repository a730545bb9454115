import Foundation
import Graph
import GraphRuntime

/// The programs of this machine, as steps find them.
struct Programs: Sendable {
  let environment: [String: String]
  let folder: String

  /// Where `name` is: a path as it is, another name by `PATH`; `nil` where there is none that may be run.
  func path(of name: String) -> String? {
    if name.contains("/") {
      let path = name.hasPrefix("/") ? name : "\(folder)/\(name)"
      return isProgram(path) ? path : nil
    }
    let folders = (environment["PATH"] ?? "").split(separator: ":", omittingEmptySubsequences: true)
    return folders.map { "\($0)/\(name)" }.first(where: isProgram)
  }

  private func isProgram(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: path)
  }

  struct Answer: Sendable {
    var ending: ChildProcess.Ending
    var stdout: String
    var stderr: String

    var isSuccess: Bool { ending == .exit(0) }

    /// The last that it said, on one line.
    var lastWords: String {
      let said = stderr.allSatisfy(\.isWhitespace) ? stdout : stderr
      return said.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it ended with \(ending)"
    }
  }

  /// Runs a program that only looks; `nil` when it did not end in time.
  ///
  /// - Throws: ``NodeFailure`` when it cannot be started.
  func run(
    _ program: String, _ arguments: [String], within limit: Duration = .seconds(15)
  ) async throws -> Answer? {
    let child = ChildProcess(
      program: program, arguments: arguments, environment: environment, folder: folder, limit: 1 << 20)
    let outcome = try await withDeadline(.now + limit) {
      try await child.run(stopGrace: { .seconds(1) }, show: { _, _ in })
    }
    return outcome.map { Answer(ending: $0.ending, stdout: $0.stdout.text, stderr: $0.stderr.text) }
  }
}
