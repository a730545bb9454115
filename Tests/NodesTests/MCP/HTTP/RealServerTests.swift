import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("Real MCP servers over HTTP", .timeLimit(.minutes(2)))
struct RealServerTests {
  @Test(arguments: [
    ("modern", "http", MCPEra.modern), ("legacy", "http", .legacy), ("modern", "sse", .legacy),
    ("legacy", "sse", .legacy),
  ])
  func `are spoken to in the newest way they know`(part: String, transport: String, era: MCPEra) async throws {
    try await RealServer.serving(part, over: transport) { url in
      let servers = MCPServers(mask: .none)
      let configuration = MCPServerConfiguration(name: "workshop", endpoint: .web(MCPAddress(url: url)))
      let session = try servers.session(configuration)
      #expect(try await session.result("add", ["a": 1, "b": 2]).structured == ["result": 3])
      #expect(try await session.result("nothing").structured == ["result": []])
      let item: JSON = ["item": ["name": "cup", "colour": "green"]]
      #expect(try await session.result("store", item).structured?["kept"] == 1)
      #expect(try await session.result("store", item).structured?["kept"] == 2)
      let broken = try await session.result("broken", ["reason": "no clay"])
      #expect(broken.isError)
      let told = Mutex<[String]>([])
      let steps = try await session.result("steps", ["count": 3]) { text in told.withLock { $0.append(text) } }
      #expect(steps.text == "3 steps" && told.withLock { $0 }.first == "step 1 (1 of 3)")
      #expect(session.takeWarnings().isEmpty)
      await servers.close()
    }
  }

  @Test(arguments: ["modern", "legacy"]) func `take many calls at once`(part: String) async throws {
    try await RealServer.serving(part, over: "http") { url in
      let servers = MCPServers(mask: .none)
      let configuration = MCPServerConfiguration(name: "workshop", endpoint: .web(MCPAddress(url: url)))
      let session = try servers.session(configuration)
      let sums = try await withThrowingTaskGroup(of: JSON?.self) { group in
        for number in 0..<30 {
          group.addTask { try await session.result("add", ["a": .int(number), "b": 1]).structured?["result"] }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(sums == Set((1...30).map { .int($0) }))
      await servers.close()
    }
  }
}
