import Foundation
import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

/// The shared fault steps, where they are there: everything they do by themselves must end by itself.
@Suite("Hostile steps", .enabled(if: HostileStep.isThere, "../shared/faults is not there"))
struct HostileStepTests {
  let bench = Bench()
  let shell = ShellNode()
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  func task(_ mode: String, _ options: [String] = [], grace: Duration = .milliseconds(500)) -> TaskContext {
    let argv = ["python3", HostileStep.path, mode, "--pid-file", scratch.path + "/pids"] + options
    return bench.task(
      "shell", [("argv", .literal(.array(argv.map(JSON.string))))], folder: scratch.path, stopGrace: grace)
  }

  func expectNobodyLeft() {
    #expect(scratch.pids("pids").filter { ProcessIdentity(of: $0) != nil } == [])
  }

  @Test(arguments: ["ok", "ansi", "binary", "utf8-split", "secret", "tty", "fds", "read-stdin", "args", "effect"])
  func `modes that end well`(mode: String) async throws {
    #expect(try await shell.result(task(mode))["exit"] == 0)
    expectNobodyLeft()
  }

  @Test(arguments: ["fork-hold", "fork-daemon"])
  func `modes that leave somebody behind`(mode: String) async throws {
    let start = ContinuousClock.now
    #expect(try await shell.result(task(mode))["stdout"] == "parent done\n")
    #expect(.now - start < .seconds(30))
    expectNobodyLeft()
  }

  @Test func `modes that fail say how`() async throws {
    #expect(try await shell.failure(task("exit", ["--code", "75"])).exitCode == 75)
    #expect(try await shell.failure(task("signal", ["--code", "11"])).kind == .signal)
    #expect(try await shell.failure(task("effect-die")).kind == .signal)
  }

  @Test(arguments: [
    "flood", "flood-err", "flood-both", "drip", "sleep", "ignore-term", "stop", "term-slow", "fork-tree", "zombies",
    "effect-hang",
  ]) func `modes that have to be stopped`(mode: String) async throws {
    let running = Task { try await shell.run(task(mode)) }
    while scratch.pids("pids").isEmpty { await Task.yield() }
    if ["ignore-term", "term-slow", "fork-tree", "drip", "sleep"].contains(mode) { await bench.waitUntilPrinted("\n") }
    let start = ContinuousClock.now
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    #expect(.now - start < .milliseconds(20000))
    expectNobodyLeft()
  }

  @Test func `a gigabyte without a newline`() async throws {
    let result = try await shell.result(task("big-line", ["--bytes", "1000000000"]))
    #expect(result["truncated"]?.intValue ?? 0 > 900_000_000)
  }
}

enum HostileStep {
  static let path =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/shared/faults/hostile_step.py"
  static let isThere = FileManager.default.fileExists(atPath: path)
}
