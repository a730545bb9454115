import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

@Suite("Stopping a run")
struct SignalTests {
  static let graph = """
    graph: long
    start: hold
    nodes:
      hold: { shell: 'echo up; exec sleep 600', effects: repeatable }
    """

  @Test(arguments: [(Signal.interrupt, 130), (.terminate, 143), (.terminalClosed, 129)])
  func `a signal stops it and it can go on`(signal: Signal, code: Int) async throws {
    let tool = try Tool(["long.graph": Self.graph])
    defer { tool.remove() }
    // run-start, step-start, task-start, task-output: the task runs.
    let outcome = try await tool.call(
      ["run", "long", "--thread", "t\(code)", "--json", "--grace", "0s"], sending: signal, afterLines: 4)
    #expect(outcome.code == code)
    #expect(try outcome.lines().last?["status"] == "stopped")
    #expect(try await tool("show", "t\(code)", "--json").lines().first?["status"] == "stopped")
  }

  @Test func `stop ends the run from outside`() async throws {
    let tool = try Tool(["long.graph": Self.graph])
    defer { tool.remove() }
    let outcome = try await tool.call(
      ["run", "long", "--thread", "stopped", "--json", "--grace", "0s"], afterLines: 4
    ) { _ in
      let stopped = try await tool("stop", "stopped", "--json")
      #expect(stopped.code == 0, "\(stopped.error)")
      #expect(try stopped.lines().first?["status"] == "stopped")
    }
    #expect(outcome.code == 143)
  }

  @Test func `a second runner is refused`() async throws {
    let tool = try Tool(["long.graph": Self.graph])
    defer { tool.remove() }
    _ = try await tool.call(
      ["run", "long", "--thread", "busy", "--json", "--grace", "0s"], afterLines: 4
    ) { pid in
      let second = try await tool("resume", "busy")
      #expect(second.code == 4, "\(second.error)")
      kill(pid, SIGTERM)
    }
  }

  @Test func `a reader that goes away stops it as a hang-up does`() async throws {
    let tool = try Tool([
      "flood.graph": """
      graph: flood
      start: talk
      nodes:
        talk: { shell: 'while :; do echo line; done', effects: repeatable }
      """
    ])
    defer { tool.remove() }
    let result = try await run(
      .path("/bin/sh"),
      arguments: ["-c", "{ \"$1\" flood --thread flood --grace 0s; echo $? > code; } | head -n 1", "sh", Tool.path],
      workingDirectory: .init(tool.folder.path), output: .string(limit: 1 << 20), error: .discarded)
    #expect(result.standardOutput.hasPrefix("thread flood"))
    #expect(tool.read("code") == "129\n")
  }
}
