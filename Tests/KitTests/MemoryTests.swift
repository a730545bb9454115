import Foundation
import GraphKit
import GraphTestKit
import Synchronization
import Testing

@Suite("Memory that threads share")
struct MemoryTests {
  let count = Channel("count", Int.self, default: 0)

  /// Counts, in memory, how often it ran.
  private func counting() throws -> StateGraph {
    try StateGraph("counting") {
      count
      Node("count") { _, task in
        let memory = try task.memory("runs", "all")
        let before = try await memory.get("count", as: Int.self) ?? 0
        try memory.put("count", before + 1)
        let after = try await memory.get("count", as: Int.self) ?? 0
        count.write(after)
      }
      Start("count")
    }
  }

  @Test(arguments: Durability.allCases)
  func `threads of one store see each other's items, whatever the durability`(_ durability: Durability) async throws {
    try await withStore { store in
      let runner = try await Runner(counting(), store: store)
      for (index, thread) in ["a", "b", "c"].enumerated() {
        let run = try await runner.start(thread: ThreadID(rawValue: thread), durability: durability)
        #expect(try await run.end[count] == index + 1)
      }
      #expect(try await runner.memory(["runs"]).map(\.value) == [3])
      try await runner.close()
    }
  }

  @Test func `of an attempt that fails or asks nothing is kept, and of one that ends everything, once`() async throws {
    struct Flaky: Error {}
    let attempts = Calls()
    let notes = Channel("notes", [String].self, reduce: .append)
    let graph = try StateGraph("flaky") {
      notes
      Node("note") { _, task in
        let memory = try task.memory("notes")
        let known = try await memory.search().count
        try memory.put("note \(attempts.next())", "\(known) before")
        let name: String = try task.interrupt("Who?")
        if attempts.count < 3 { try Self.fail(Flaky()) }
        notes.append(name)
      }
      .retry(2, delay: .milliseconds(1))
      Start("note")
    }
    let runner = try await Runner(graph, clock: TestClock().clock)
    _ = try await runner.start(thread: "t").end
    #expect(try await runner.memory(["notes"]) == [])
    #expect(try await runner.answer("t", "Bea").end.status == .done)
    #expect(try await runner.memory(["notes"]).map(\.key) == ["note 3"])
    #expect(try await runner.memory(["notes"]).map(\.value) == ["0 before"])
  }

  private static func fail(_ error: some Error) throws { throw error }

  @Test func `items are found by prefix and filter, page by page, until they expire`() async throws {
    let clock = TestClock()
    let graph = try StateGraph("fill") {
      count
      Node("fill") { _, task in
        for user in ["ann", "bea"] {
          for number in 1...3 {
            try task.memory("users", user).put("n\(number)", ["kind": .string("k\(number % 2)"), "n": .int(number)])
          }
        }
        try task.memory("users2").put("other", ["kind": "k1"])
        try task.memory("users").put("soon", ["kind": "k1"], ttl: .seconds(60))
        try task.memory("users", "ann").delete("n1")
      }
      Start("fill")
    }
    let runner = try await Runner(graph, clock: clock.clock)
    #expect(try await runner.start(thread: "t").end.status == .done)
    func keys(_ filter: JSONObject = [:], limit: Int = 100, offset: Int = 0) async throws -> [String] {
      try await runner.memory(["users"], filter: filter, limit: limit, offset: offset).map {
        ($0.namespace.labels.dropFirst() + [$0.key]).joined(separator: ".")
      }
    }
    #expect(try await keys() == ["soon", "ann.n2", "ann.n3", "bea.n1", "bea.n2", "bea.n3"])
    #expect(try await keys(["kind": "k1"]) == ["soon", "ann.n3", "bea.n1", "bea.n3"])
    #expect(try await keys(["kind": "k1"], limit: 2, offset: 1) == ["ann.n3", "bea.n1"])
    #expect(try await keys(["kind') OR 1=1 --": "k1"]) == [])
    clock.advance(by: .seconds(61))
    #expect(try await keys().first == "ann.n2")
  }

  @Test func `a memory node keeps and finds, and secrets are masked`() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "memory-\(UUID().uuidString).graph")
    defer { try? FileManager.default.removeItem(at: file) }
    try """
    graph: remember
    inputs: { user: { type: string } }
    state: { before: {}, found: {}, after: {}, gone: {} }
    secrets: [TOKEN]
    start: look
    nodes:
      look:
        memory: { namespace: [users, "${{ .user }}"], get: name }
        save: before
        next: keep
      keep:
        memory: { namespace: [users, "${{ .user }}"], put: { key: name, value: { name: "${{ .user }}!", by: hush-hush } } }
        next: search
      search:
        memory: { namespace: users, search: { filter: { name: "${{ .user + \\"!\\" }}" }, limit: 5 } }
        save: { found: "$result | {keys: [.items[].key], value: .items[0].value, more}" }
        next: forget
      forget:
        memory: { namespace: [users, "${{ .user }}"], delete: name }
        save: gone
        next: again
      again:
        memory: { namespace: [users, "${{ .user }}"], get: name }
        save: after
    """.write(to: file, atomically: true, encoding: .utf8)
    let runner = try await Runner(StateGraph(contentsOf: file.path), environment: ["TOKEN": "hush-hush"])
    let end = try await runner.start(thread: "t", inputs: ["user": "bea"]).end
    #expect(end.error == nil)
    #expect(end.values["before"] == ["found": false, "value": .null])
    #expect(end.values["found"] == ["keys": ["name"], "value": ["name": "bea!", "by": "***"], "more": false])
    #expect(end.values["gone"] == ["found": true])
    #expect(end.values["after"] == ["found": false, "value": .null])
  }

  @Test(arguments: ["", "a/b", "a\u{0}b", String(repeating: "x", count: 129)])
  func `a label that is none is refused`(_ label: String) async throws {
    let graph = try StateGraph("label") {
      count
      Node("put") { _, task in try task.memory("users", label).put("k", 1) }
      Start("put")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(end.error?.kind == .type)
    #expect(end.error?.message.contains("a namespace is") == true)
  }

  @Test func `what is too large is refused by name`() async throws {
    let graph = try StateGraph("large") {
      count
      Node("put") { _, task in try task.memory("users").put("k", String(repeating: "x", count: 1 << 20)) }
      Start("put")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(end.error?.message == "memory users: its value has 1048578 bytes, and 1048576 is the most")
  }
}
