import Foundation
import Graph
import Testing

@Suite("Runs with remote MCP servers", .timeLimit(.minutes(3)))
struct RemoteServerTests {
  static func graph(_ url: String, type: String = "") -> String {
    """
    graph: remote
    secrets: [TOKEN]
    servers:
      workshop: { url: "\(url)", headers: { Authorization: "Bearer ${{ $secrets.TOKEN }}" }\(type) }
    state:
      sum: {}
      kept: { reduce: append }
    start: sum
    nodes:
      sum:
        mcp: { server: workshop, tool: add, arguments: { a: 1, b: 2 } }
        save: { sum: $result.structured.result }
        next: [cup, jug]
      cup:
        mcp: { server: workshop, tool: store, arguments: { item: { name: cup } } }
        save: { kept: $result.structured.name }
      jug:
        mcp: { server: workshop, tool: store, arguments: { item: { name: jug, colour: green } } }
        save: { kept: $result.structured.name }
    """
  }

  @Test(arguments: [("modern", "http"), ("legacy", "http"), ("legacy", "sse")])
  func `go as with local ones, and keep no secret`(part: String, transport: String) async throws {
    try await RealParts.serving("mcp_server.py", transport, with: part) { url in
      let tool = try Tool(["remote.graph": Self.graph(url)])
      defer { tool.remove() }
      let run = try await tool("run", "remote", "--json", environment: ["TOKEN": "hunter2-hunter2"])
      #expect(run.code == 0, "\(run.error)")
      let values = try run.lines().last?["values"]
      #expect(values?["sum"] == 3 && values?["kept"] == ["cup", "jug"])
      #expect(!run.output.contains("hunter2") && !run.error.contains("hunter2"))
      let files = FileManager.default.enumerator(at: tool.folder, includingPropertiesForKeys: nil)
      for case let file as URL in files ?? .init() {
        let bytes = (try? Data(contentsOf: file)) ?? Data()
        #expect(bytes.range(of: Data("hunter2".utf8)) == nil, "\(file.lastPathComponent)")
      }
    }
  }

  @Test func `fail before any effect where nobody is, with what to do`() async throws {
    let tool = try Tool(["remote.graph": Self.graph("http://127.0.0.1:1/mcp")])
    defer { tool.remove() }
    let run = try await tool("run", "remote", environment: ["TOKEN": "hunter2-hunter2"])
    #expect(run.code == 1)
    #expect(run.error.contains("workshop: POST http://127.0.0.1:1/mcp: connection refused"), "\(run.error)")
  }
}
