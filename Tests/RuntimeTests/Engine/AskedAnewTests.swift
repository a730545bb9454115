import Graph
import Testing

@testable import GraphRuntime

@Suite("Questions that are asked anew")
struct AskedAnewTests {
  @Test func `a question asked anew after a failure has an id of its own`() async throws {
    let bench = try Bench(
      "graph: g\nstate: { n: { type: integer } }\nstart: a\nnodes: { a: { work: x, save: { n: $result } } }",
      ["a": asks("How many?")])
    let first = try #require(try await bench.start().interrupts.first).question.id
    let wrong = Answer(id: first, value: "many")
    #expect(try await bench.resume([wrong]).status == .failed)
    let second = try #require(try await bench.resume().interrupts.first).question.id
    #expect(first != second)
    let again = try await bench.resume([wrong])
    #expect(again.status == .waiting && again.interrupts.map(\.question.id) == [second], "it was answered before")
    await #expect(throws: RunRefusal.self) { try await bench.resume([Answer(id: first, value: 3)]) }
    #expect(try await bench.resume([Answer(id: second, value: 3)]).values == ["n": 3])
  }
}
