import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// A pictured machine (Tests/Picture) of its own, and the program running bootstrap.graph on it.
struct Picture: Sendable {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let graphs = root.appending(path: "graphs")

  /// Its folder is where the program is called: threads are in `state`.
  let tool: Tool
  /// Free when the picture came up.
  let port: Int
  private let machine: String

  /// A machine at a twentieth of the usual delays; all that it started ends when `body` does, however that ends.
  static func up(_ body: @Sendable (Picture) async throws -> Void) async throws {
    let picture = try await Picture()
    // Also where the test was cancelled: a task of its own is not.
    let down = { @Sendable in _ = await Task { try await picture("down") }.result }
    do {
      try await picture("up", "--pace", "0.05")
      try await body(picture)
    } catch {
      await down()
      picture.tool.remove()
      throw error
    }
    await down()
    picture.tool.remove()
  }

  private init() async throws {
    tool = try Tool()
    machine = tool.folder.appending(path: "machine").path
    port = try await Self.freePort()
  }

  /// Below the range from which systems give ports of their own accord, so that nothing else comes by it before it is used.
  static func freePort() async throws -> Int {
    let script = """
      import random, socket
      while True:
        port = random.randrange(20000, 32000)
        try:
          socket.socket().bind(('127.0.0.1', port))
        except OSError:
          continue
        print(port)
        break
      """
    let found = try await run(.name("python3"), arguments: ["-c", script], output: .string(limit: 64))
    return try #require(Int(found.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  // MARK: - The machine

  /// `picture VERB FOLDER words…`
  @discardableResult
  func callAsFunction(_ verb: String, _ words: String...) async throws -> Tool.Outcome {
    let script = Self.root.appending(path: "Tests/Picture/picture").path
    let done = try await run(
      .path(FilePath(script)), arguments: Arguments([verb, machine] + words), input: .none,
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return Tool.Outcome(status: done.terminationStatus, output: done.standardOutput, error: done.standardError)
  }

  func state() throws -> JSON { try JSON(parsing: tool.read("machine/state.json")) }

  /// The next calls of `commands` (a command line's start, and its fault) meet it, until ``clearFaults()``.
  func fail(_ commands: [String: JSON]) throws {
    try tool.write(JSON.object(JSONObject(commands.map { ($0, $1) })).text, to: "machine/faults.json")
  }

  func clearFaults() { try? FileManager.default.removeItem(atPath: machine + "/faults.json") }

  private func recorded() -> [JSON] {
    tool.read("machine/calls.jsonl").split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
  }

  /// What has changed on the machine, in order.
  var effects: [String] { recorded().filter { $0["event"] == "effect" }.compactMap { $0["what"]?.stringValue } }

  /// The command lines that were called.
  var calls: [String] {
    recorded().filter { $0["event"] == "start" }.map { call in
      ([call["tool"]] + (call["argv"]?.arrayValue ?? [])).compactMap { $0?.stringValue }.joined(separator: " ")
    }
  }

  // MARK: - The program on it

  /// Starts bootstrap.graph with `port` for Grafana.
  func bootstrap(_ arguments: String...) async throws -> Tool.Outcome {
    try await graphrun(Self.start(port) + arguments)
  }

  func graphrun(_ arguments: [String]) async throws -> Tool.Outcome {
    let done = try await run(
      .path(FilePath(Tool.path)), arguments: Arguments(arguments), environment: environment(),
      workingDirectory: FilePath(tool.folder.path), input: .none, output: .string(limit: 16 << 20),
      error: .string(limit: 16 << 20))
    return Tool.Outcome(status: done.terminationStatus, output: done.standardOutput, error: done.standardError)
  }

  /// Starts bootstrap.graph as `thread` and kills it at the first event for which `isDue`.
  func bootstrap(_ thread: String, killedWhen isDue: @Sendable @escaping (JSON) -> Bool) async throws -> Tool.Outcome {
    try await graphrun(Self.start(port) + ["--thread", thread, "--json"], killedWhen: isDue)
  }

  /// Runs with arguments that ask for JSON, and kills it at the first event for which `isDue`.
  func graphrun(
    _ arguments: [String], killedWhen isDue: @Sendable @escaping (JSON) -> Bool
  ) async throws -> Tool.Outcome {
    try await graphrun(arguments, at: isDue) { kill($0, SIGKILL) }
  }

  /// Runs with arguments that ask for JSON, and changes the machine at the first event for which `isDue`.
  func graphrun(
    _ arguments: [String], actingWhen isDue: @Sendable @escaping (JSON) -> Bool,
    _ act: @Sendable @escaping () async throws -> Void
  ) async throws -> Tool.Outcome {
    try await graphrun(arguments, at: isDue) { _ in try await act() }
  }

  private func graphrun(
    _ arguments: [String], at isDue: @Sendable @escaping (JSON) -> Bool,
    _ act: @Sendable @escaping (pid_t) async throws -> Void
  ) async throws -> Tool.Outcome {
    let done = try await run(
      .path(FilePath(Tool.path)), arguments: Arguments(arguments),
      environment: environment(), workingDirectory: FilePath(tool.folder.path), input: .none, output: .sequence,
      error: .discarded
    ) { execution in
      var lines: [String] = []
      var isDone = false
      for try await line in execution.standardOutput.strings() {
        lines.append(line)
        if !isDone, isDue(try JSON(parsing: line)) {
          isDone = true
          try await act(execution.processIdentifier.value)
        }
      }
      return lines.joined(separator: "\n")
    }
    return Tool.Outcome(status: done.terminationStatus, output: done.closureResult, error: "")
  }

  /// What Grafana answers on this machine.
  func grafana(_ path: String = "/api/health", port: Int? = nil) async throws -> Tool.Outcome {
    let done = try await run(
      .name("curl"), arguments: ["-sS", "-m", "10", "http://127.0.0.1:\(port ?? self.port)\(path)"],
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
    return Tool.Outcome(status: done.terminationStatus, output: done.standardOutput, error: done.standardError)
  }

  /// What the real docker command prints, on the picture's engine.
  func docker(_ arguments: String...) async throws -> String {
    try await run(
      .path(FilePath(machine + "/path/docker")), arguments: Arguments(arguments), environment: environment(),
      output: .string(limit: 1 << 20)
    ).standardOutput
  }

  /// What a process of the picture has in its environment.
  func environmentValue(_ name: String) throws -> String? {
    try JSON(parsing: tool.read("machine/env.json"))[name]?.stringValue
  }

  /// Where the picture's Ollama listens.
  var ollamaPort: Int? {
    get throws { try environmentValue("OLLAMA_HOST")?.split(separator: ":").last.flatMap { Int($0) } }
  }

  private static func start(_ port: Int) -> [String] {
    ["run", graph("bootstrap"), "--input", "grafana_port=\(port)"]
  }

  /// Where a graph of this repository is.
  static func graph(_ name: String) -> String { graphs.appending(path: "\(name).graph").path }

  func teardown(_ arguments: String...) async throws -> Tool.Outcome {
    try await graphrun(["run", Self.graph("teardown")] + arguments)
  }

  /// A copy of the graphs for this machine to change; where `name` is in it.
  func copy(_ name: String) throws -> String {
    let folder = tool.folder.appending(path: "graphs")
    if !FileManager.default.fileExists(atPath: folder.path) {
      try FileManager.default.copyItem(at: Self.graphs, to: folder)
    }
    return folder.appending(path: "\(name).graph").path
  }

  /// A copy that waits for less long.
  func impatient(_ name: String, from: String, to: String) throws -> String {
    let path = try copy(name)
    let text = tool.read("graphs/\(name).graph")
    try #require(text.contains(from))
    try tool.write(text.replacing(from, with: to), to: "graphs/\(name).graph")
    return path
  }

  /// Waits until the effects are as wanted; false when that does not come.
  func waits(until isDue: ([String]) -> Bool) -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(60)
    while !isDue(effects) {
      if clock.now > end { return false }
      usleep(20_000)
    }
    return true
  }

  /// Only the picture's own: nothing of the host leaks in.
  private func environment() throws -> Environment {
    let known = try JSON(parsing: tool.read("machine/env.json")).objectValue ?? [:]
    return .custom(
      known.reduce(into: [Environment.Key: String]()) { all, entry in
        if let key = Environment.Key(rawValue: entry.key) { all[key] = entry.value.stringValue }
      })
  }
}
