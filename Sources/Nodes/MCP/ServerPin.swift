import Crypto
import Foundation
import Graph
import GraphRuntime
import OrderedCollections

/// What a person has agreed to of a server: nothing is started or reached before (RELIABILITY R8, S33).
///
/// In a thread that came from a file each server is asked about once, as it would be started or reached. Elsewhere the
/// author of the graph is its user; but an entry of the server file is pinned, and asked about when it changes, as nothing
/// else would tell.
struct ServerPin: Sendable {
  let configuration: MCPServerConfiguration
  let task: TaskContext

  /// The question to ask first; `nil` where nobody must be asked.
  func question() async throws -> Prompt? {
    if try await task.isImported() {
      return try await question(name: "imported server \(server)", pinned: imported, isFirstAsked: true)
    }
    guard let entry = configuration.entry else { return nil }
    return try await question(name: "server \(server)", pinned: entry.withSortedKeys, isFirstAsked: false)
  }

  /// The questions of several servers.
  static func questions(for servers: [String], _ task: TaskContext) async throws -> [Prompt] {
    var prompts: [Prompt] = []
    for server in OrderedSet(servers) {
      let session = try await task.server(server)
      if let prompt = try await ServerPin(configuration: session.configuration, task: task).question() {
        prompts.append(prompt)
      }
    }
    return prompts
  }

  private var server: String { configuration.name }

  private func question(name: String, pinned: JSON, isFirstAsked: Bool) async throws -> Prompt? {
    let fingerprint = JSON.string(Data(SHA256.hash(data: Data(pinned.utf8))).base64EncodedString())
    let known = try await task.agreed(name)
    if known?["fingerprint"] == fingerprint { return nil }
    let record: JSON = ["fingerprint": fingerprint, "shown": .string(shown)]
    guard known != nil || isFirstAsked else {
      try await task.agree(name, record)
      return nil
    }
    let key = "server \(server) \(fingerprint.argumentText)"
    guard let answer = task.answer(to: key) else { return prompt(known: known?["shown"]?.stringValue, key: key) }
    guard answer == true else {
      throw NodeFailure(.refused, "the server \(server) was not agreed to", precedesEffect: true)
    }
    try await task.agree(name, record)
    return nil
  }

  private func prompt(known: String?, key: String) -> Prompt {
    let why =
      known.map { "What the server \(server) is has changed since this thread first used it. It was:\n\($0)\nIt is:" }
      ?? "This thread came from a file. Its server \(server) is:"
    return Prompt("\(why)\n\(shown)\nUse it?", choices: [true, false], key: key)
  }

  // MARK: What it is

  private var imported: JSON {
    switch configuration.endpoint {
    case .process(let command):
      [
        "command": .array(command.words.map(JSON.string)), "folder": .string(command.folder),
        "env": .object(JSONObject(given(command).map { ($0.name, .string($0.value)) })),
        "trust": .bool(configuration.isTrusted),
      ]
    case .web(let address):
      [
        "url": .string(address.url), "trust": .bool(configuration.isTrusted),
        "headers": .array(address.headers.map { .array([.string($0.name), .string($0.value)]) }),
      ]
    }
  }

  /// Whole: exactly what would be started, with what, or reached.
  private var shown: String {
    var lines: [String]
    switch configuration.endpoint {
    case .process(let command):
      lines = ["  \(JSON.array(command.words.map(JSON.string)).text)", "  in \(command.folder)"]
      lines += given(command).map { "  with \($0.name)=\($0.value)" }
    case .web(let address):
      lines = ["  \(address.url)"] + address.headers.map { "  with \($0.name): \($0.value)" }
    }
    if configuration.isTrusted { lines.append("  and the graph trusts what it says of its tools") }
    return task.masked(.string(lines.joined(separator: "\n"))).stringValue ?? ""
  }

  /// What is given to the process besides what every server gets.
  private func given(_ command: MCPCommand) -> [(name: String, value: String)] {
    command.environment.filter { task.environment[$0.key] != $0.value }.sorted { $0.key < $1.key }
      .map { (name: $0.key, value: $0.value) }
  }
}

extension MCPCommand {
  fileprivate var words: [String] { [program] + arguments }
}
