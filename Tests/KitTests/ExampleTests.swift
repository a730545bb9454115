import Foundation
import GraphKit
import Synchronization
import Testing

@testable import examples

@Suite("Examples")
struct ExampleTests {
  @Test func `counter counts to ten`() async throws {
    try await withStore { store async throws in #expect(try await Counter.run(store) == 10) }
  }

  @Test func `chat keeps the conversation over its turns`() async throws {
    try await withModel(["content": "Hello Bea"], ["content": "Bea"]) { url in
      let answers = try await Chat.run(.memory, model: "script", url: url, saying: ["I am Bea", "Who am I?"])
      #expect(answers.map { $0.trimmingCharacters(in: .whitespaces) } == ["Hello Bea", "Bea"])
    }
  }

  @Test func `map-reduce counts each page and adds up`() async throws {
    let pages = [MapReduce.Page(title: "a", text: "to be or not"), MapReduce.Page(title: "b", text: "to be")]
    #expect(try await MapReduce.run(.memory, pages) == ["a": 4, "b": 2, "total": 6])
  }

  @Test func `approval asks, is asked again after a change, and sends once`() async throws {
    let sent = Mutex<[String]>([])
    let runner = try await Approval.run(.memory) { letter in sent.withLock { $0.append(letter) } }
    #expect(try await runner.start(thread: "t").end.interrupts.count == 1)
    #expect(try await runner.answer("t", "shorten").end.interrupts.count == 1)
    #expect(sent.withLock(\.self) == [])
    #expect(try await runner.answer("t", "send").end.status == .done)
    #expect(sent.withLock(\.self) == ["Dear bees, thanks."])
  }

  @Test func `agent calls its tool and answers with what it gave`() async throws {
    try await withModel(["calls": [["weather", ["city": "Rome"]]]], ["content": "It is sunny."]) { url in
      let store = MemoryStore()
      let answer = try await Agent.run(.custom(store), model: "script", url: url, asking: "The weather in Rome?")
      #expect(answer.trimmingCharacters(in: .whitespaces) == "It is sunny.")
      let messages = try await store.checkpoint(nil, of: "agent", namespace: "")?.values["messages"]?.arrayValue ?? []
      #expect(messages.filter { $0["role"] == "tool" }.map { $0["content"] } == ["sunny in Rome, 21 degrees"])
    }
  }
}

/// A model server that says `turns` one after the other.
private func withModel<Value>(
  isolation: isolated (any Actor)? = #isolation, _ turns: JSON..., body: (String) async throws -> Value
) async throws -> Value {
  let file = FileManager.default.temporaryDirectory.appending(path: "turns-\(UUID().uuidString)")
  try turns.map(\.text).joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
  defer { try? FileManager.default.removeItem(at: file) }
  let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../Servers/agent_model.py")
  let server = Process()
  let output = Pipe()
  server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  server.arguments = ["python3", script.path, file.path]
  server.standardOutput = output
  try server.run()
  defer { kill(server.processIdentifier, SIGKILL) }
  let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
  return try await body(line.trimmingCharacters(in: .whitespacesAndNewlines))
}
