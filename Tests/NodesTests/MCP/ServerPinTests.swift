import Foundation
import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("What is agreed to of a server")
struct ServerPinTests {
  let parts = MCPNodeTests()

  private func imported(
    _ answers: [String: JSON] = [:], _ stub: StubServer = StubServer(), trust: Bool = false
  ) -> TaskContext {
    parts.bench.state.withLock { $0.notes[.here, default: [:]]["import"] = ["thread": "t"] }
    return parts.task("echo", ["text": "hi"], servers: parts.servers(stub, trust: trust), answers: answers)
  }

  private func prompt(_ result: NodeResult) throws -> Prompt {
    guard case .ask(let prompts) = result, prompts.count == 1 else { throw UnexpectedResult() }
    return prompts[0]
  }

  @Test func `nobody is asked about the servers of a graph of one's own`() async throws {
    #expect(try await parts.node.result(parts.task("echo", ["text": "hi"]))["text"] == "hi")
    #expect(parts.bench.state.withLock { $0.notes[.here] } == nil)
    await parts.bench.resources.close()
  }

  @Test func `an imported one is asked about whole, and again when it is another`() async throws {
    let stub = StubServer()
    let question = try prompt(try await parts.node.run(imported([:], stub)))
    #expect(question.choices == [true, false] && question.text.contains("with STUB=\(stub.mark)"))
    #expect(stub.processes.isEmpty, "nothing was started")
    #expect(try await parts.node.failure(imported([question.key: false], stub)).kind == .refused)
    #expect(try await parts.node.result(imported([question.key: true], stub))["text"] == "hi")
    #expect(try await parts.node.result(imported([:], stub))["text"] == "hi", "the answer holds")
    let other = try prompt(try await parts.node.run(imported([question.key: true])))
    #expect(other.key != question.key && other.text.contains("has changed"))
    await parts.bench.resources.close()
  }

  @Test func `probes, agents and the question what a tool may do wait for it too`() async throws {
    let asked = imported(trust: true)
    #expect(try await parts.node.effectClass(of: asked) == .once)
    let probe = try parts.probe("echo", expect: "true")
    #expect(try prompt(try await VerifyNode().run(probe)).text.contains("came from a file"))
    let shop = try await Workshop([Workshop.calls(("look", ["at": "x"])), Workshop.says("ok")])
    shop.bench.state.withLock { $0.notes[.here, default: [:]]["import"] = ["thread": "t"] }
    let question = try #require(try await shop.questions(shop.task()).first)
    #expect(question.text.contains("came from a file") && shop.model.chats.isEmpty)
    #expect(try await shop.result(shop.task(answers: [question.key: true]))["calls"]?[0]?["status"] == "done")
    await parts.bench.resources.close()
  }
}
