import ArgumentParser
import Foundation
import Graph
import GraphRuntime

/// What every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Folder of the store; else GRAPHRUN_STATE, else ./state.", valueName: "dir"),
    completion: .directory)
  var state: String?

  @Flag(help: "JSON lines instead of text.")
  var json = false

  @Flag(name: .shortAndLong, help: "Only problems, questions and the end.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Super-steps, attempts and checkpoints too.")
  var verbose = false

  @Flag(help: "No colours (NO_COLOR does the same).")
  var noColor = false

  func validate() throws {
    if state?.isEmpty == true { throw ValidationError("--state names no folder; give one, or leave it out") }
  }

  /// Moves global options given before the command behind it, where the parser takes them.
  static func afterCommand(_ arguments: [String]) -> [String] {
    let flags: Set<String> = ["--json", "--quiet", "-q", "--verbose", "-v", "--no-color"]
    var rest = arguments[...]
    var moved: [String] = []
    while let first = rest.first {
      if flags.contains(first) || first.hasPrefix("--state=") {
        moved.append(rest.removeFirst())
      } else if first == "--state", rest.count > 1 {
        moved += rest.prefix(2)
        rest = rest.dropFirst(2)
      } else {
        break
      }
    }
    guard let command = rest.first, !command.hasPrefix("-") else { return arguments }
    return [command] + moved + rest.dropFirst()
  }
}

extension GlobalOptions {
  var folder: String {
    if let state { return state }
    let given = ProcessInfo.processInfo.environment["GRAPHRUN_STATE"] ?? ""
    return given.isEmpty ? "state" : given
  }

  /// The store, to be written to.
  func openStore() async throws -> SQLiteStore {
    let store = try await SQLiteStore.open(folder: folder)
    for warning in store.warnings { Sink.error.line("warning: " + SafeText.line(warning)) }
    return store
  }

  /// The store, for looking; `nil` where there is none yet.
  func openStoreIfAny() async throws -> SQLiteStore? {
    guard try SQLiteStore.exists(in: folder) else { return nil }
    return try await SQLiteStore.open(folder: folder, mode: .readOnly)
  }

  /// - Throws: ``UsageError`` when there is no store yet.
  func requireStore(_ mode: SQLiteStore.Mode = .readOnly) async throws -> SQLiteStore {
    guard let store = try await openStoreIfAny() else {
      throw UsageError("there is no store in \(folder) yet; graphrun run makes one, --state names another")
    }
    guard mode == .readWrite else { return store }
    try await store.close()
    return try await openStore()
  }

  /// What a person types to run `arguments` on this store.
  func command(_ arguments: String...) -> String { command(arguments) }

  func command(_ arguments: [String]) -> String {
    let name = ProcessInfo.processInfo.environment["GRAPHRUN_COMMAND"] ?? ""
    let place = state.map { ["--state", $0.quotedForShell] } ?? []
    return ([name.isEmpty ? "graphrun" : name] + arguments + place).joined(separator: " ")
  }
}
