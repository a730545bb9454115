import GraphKit
import Testing

@Suite("Events of a run")
struct EventTests {
  let count = Channel("count", Int.self, reduce: .sum)

  private func counter(to limit: Int) throws -> StateGraph {
    try StateGraph("counter", maxSteps: 10_000) {
      count
      Node("up") { _ in count.write(1) }.next(when: { $0[count] < limit }, to: "up", else: .end)
      Start("up")
    }
  }

  @Test func `a slow reader holds the run up and misses nothing`() async throws {
    var runner = try await Runner(counter(to: 200))
    runner.pace = EventPace(limit: 16, patience: .seconds(600))
    var steps: [Int] = []
    for try await event in try await runner.start(thread: "t").events {
      await Task.yield()
      if case .checkpoint(_, let step, _) = event.kind { steps.append(step) }
    }
    #expect(steps == Array(1...200))
  }

  @Test func `a reader that stops reading holds the run up only so long, and learns what it missed`() async throws {
    var runner = try await Runner(counter(to: 100))
    runner.pace = EventPace(limit: 16, patience: .zero)
    let run = try await runner.start(thread: "t")
    #expect(try await run.end[count] == 100)
    var kinds: [RunEvent.Kind] = []
    for try await event in run.events { kinds.append(event.kind) }
    guard case .notice(let text)? = kinds.first else {
      Issue.record("\(kinds)")
      return
    }
    #expect(text.hasSuffix("events were not told, as they were not read in time; history and log have them"))
    #expect(kinds.count == 17)
    #expect(kinds.last == .runEnd(try await run.end))
  }

  @Test func `output that waits joins, so that a flood does not push the rest out`() async throws {
    let graph = try StateGraph("flood") {
      count
      Node("flood") { _, task in
        for _ in 0..<10_000 { task.print("x", to: .token) }
        count.write(1)
      }
      Start("flood")
    }
    var runner = try await Runner(graph)
    runner.pace = EventPace(limit: 64, patience: .zero)
    let run = try await runner.start(thread: "t")
    _ = try await run.end
    var text = ""
    var isWhole = false
    for try await event in run.events {
      if case .taskOutput(_, _, .token, let piece) = event.kind { text += piece }
      if case .runStart = event.kind { isWhole = true }
    }
    #expect(text.count == 10_000)
    #expect(isWhole)
  }

  @Test func `what the store could not do is thrown after the last event`() async throws {
    let store = MemoryStore()
    let graph = try StateGraph("closing") {
      count
      Node("close") { _ in
        try await store.close()
        count.write(1)
      }
      Start("close")
    }
    let run = try await Runner(graph, store: .custom(store)).start(thread: "t")
    await #expect(throws: StoreError.self) {
      for try await _ in run.events {}
    }
    await #expect(throws: StoreError.self) { try await run.end }
  }
}
