import Foundation
import Graph
import Subprocess
import Testing

@Suite("Runs with MCP servers", .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/cmdline")))
struct ServerTests {
  static let stub =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Servers/mcp_stub.py"

  static func graph(tool: String, arguments: String = "{}", faults: String = "", more: String = "") -> String {
    """
    graph: serve
    servers:
      stub: { command: python3, args: ["\(stub)", --pids, pids, \(faults)] }
    state:
      got: {}
    start: call
    nodes:
      call:
        mcp: { server: stub, tool: \(tool), arguments: \(arguments) }
        save: got
    \(more)
    """
  }

  func living(_ tool: Tool) -> [String] {
    tool.read("pids").split(separator: "\n").map(String.init).filter { pid in
      // Of one that ended and that nobody reaps nothing is left here.
      let line = (try? Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline"))) ?? Data()
      return !line.isEmpty
    }
  }

  @Test func `a run uses one server for all its tasks, and ends it`() async throws {
    let more =
      "    next: again\n  again:\n    mcp: { server: stub, tool: add, arguments: { a: 1, b: 2 } }\n    save: got"
    let tool = try Tool(["serve.graph": Self.graph(tool: "echo", arguments: "{ text: hi }", more: more)])
    defer { tool.remove() }
    let run = try await tool("run", "serve", "--json")
    #expect(run.code == 0, "\(run.error)")
    #expect(try run.lines().last?["values"]?["got"]?["structured"] == ["result": 3])
    #expect(tool.read("pids").split(separator: "\n").count == 1)
    #expect(living(tool) == [])
  }

  @Test func `what a killed runner left behind is ended before the next one asks`() async throws {
    let tool = try Tool(["serve.graph": Self.graph(tool: "hold", faults: "stubborn")])
    defer { tool.remove() }
    // Started, and by its progress in the middle of the call.
    _ = try await tool.call(["run", "serve", "--thread", "t", "--json"], sending: .kill, afterLines: 4)
    #expect(living(tool).count == 1)
    let resumed = try await tool("resume", "t", "--json")
    #expect(resumed.code == 3, "\(resumed.error)")
    #expect(living(tool) == [])
  }
}
