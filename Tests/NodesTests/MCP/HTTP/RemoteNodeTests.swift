import Graph
import GraphRuntime
import OrderedCollections
import Testing

@testable import GraphNodes

@Suite("The mcp node with a server at an address", .timeLimit(.minutes(2)))
struct RemoteNodeTests {
  private let bench = Bench()
  private let node = MCPNode()

  private func task(
    _ server: OrderedDictionary<String, Field>, scope: Scope = Scope(), arguments: JSON = ["text": "hi"]
  ) -> TaskContext {
    bench.task(
      "mcp", [("server", "remote"), ("tool", "echo"), ("arguments", .literal(arguments))], scope: scope,
      servers: ["remote": .map(server)])
  }

  private func template(_ text: String) throws -> Field { .template(try Template(parsing: text)) }

  @Test func `headers may hold secrets, and a type may be said`() async throws {
    try await TalkServer.run(WebStub(era: .modern).answer) { server in
      let headers: Field = .map(["Authorization": try template("Bearer ${{ $secrets.TOKEN }}")])
      let scope = Scope(variables: ["secrets": ["TOKEN": "hunter2-hunter2"]])
      let fields: OrderedDictionary<String, Field> = [
        "url": .literal(.string(server.url())), "headers": headers, "type": "streamable-http",
      ]
      #expect(try await node.result(task(fields, scope: scope))["text"] == "hi")
      #expect(server.asked.allSatisfy { $0["authorization"] == "Bearer hunter2-hunter2" })
      await bench.resources.close()
      await server.connections.wait(until: .empty)
    }
  }

  @Test func `a host that an expression gives is public, unless the graph says that it need not be`() async throws {
    try await TalkServer.run(WebStub(era: .legacy).answer) { server in
      let scope = Scope(state: ["host": .string("127.0.0.1:\(server.port)"), "path": "mcp"])
      let given = try template("http://${{ .host }}/mcp")
      let failure = try await node.failure(task(["url": given], scope: scope))
      #expect(failure.kind == .refused && failure.precedesEffect && failure.message.contains("a private address"))
      #expect(server.asked.isEmpty)
      #expect(try await node.result(task(["url": given, "private": .literal(true)], scope: scope))["text"] == "hi")
      let constant = try template("http://127.0.0.1:\(server.port)/${{ .path }}")
      #expect(try await node.result(task(["url": constant], scope: scope))["text"] == "hi")
      await bench.resources.close()
    }
  }
}
