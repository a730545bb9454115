import Foundation
import GraphKit
import GraphTestKit
import Synchronization
import Testing

@Suite("Threads of graphs in Swift")
struct ThreadTests {
  let count = Channel("count", Int.self, reduce: .sum)

  private func stepper(version: String = "1", failing: Bool = false, reduce: Reducer = .sum) throws -> StateGraph {
    let count = Channel("count", Int.self, reduce: reduce, default: 0)
    return try StateGraph("stepper", version: version) {
      count
      Node("one") { _ in count.write(1) }.next("two")
      Node("two") { _ in
        try Self.check(failing)
        count.write(10)
      }
      Start("one")
    }
  }

  private struct Broken: Error {}

  private static func check(_ isFailing: Bool) throws {
    if isFailing { throw Broken() }
  }

  @Test func `state, history and fork look at and change a stored thread`() async throws {
    let runner = try await Runner(stepper())
    _ = try await runner.start(thread: "t").end
    #expect(try await runner.state("t")[count] == 11)
    #expect(try await runner.state("t", at: 2)[count] == 1)
    #expect(try await runner.history("t").map(\.entry.record.number) == [3, 2, 1])
    try await runner.fork("t", at: 2, count.write(100))
    #expect(try await runner.resume("t").end[count] == 111)
    try await runner.update("t", count.write(1000), as: "one")
    #expect(try await runner.resume("t").end[count] == 1121)
    #expect(try await runner.threads().map(\.id) == ["t"])
  }

  @Test func `a finished thread takes a new input and keeps its state`() async throws {
    let runner = try await Runner(stepper())
    _ = try await runner.start(thread: "t").end
    #expect(try await runner.start(thread: "t").end[count] == 22)
  }

  @Test func `a thread in a file goes on in another runner, and a new version says what changed`() async throws {
    try await withStore { store in
      let first = try await Runner(stepper(failing: true), store: store)
      #expect(try await first.start(thread: "t").end.status == .failed)
      try await first.close()
      let second = try await Runner(stepper(version: "2"), store: store)
      let run = try await second.resume("t")
      var notices: [String] = []
      for try await event in run.events {
        if case .notice(let text) = event.kind { notices.append(text) }
      }
      #expect(notices == ["the graph changed: version: \"1\" → \"2\""])
      #expect(try await run.end[count] == 11)
      try await second.close()
    }
  }

  @Test func `a thread does not go on with another reducer, nor without what is due`() async throws {
    let store = Store.custom(MemoryStore())
    _ = try await Runner(stepper(failing: true), store: store).start(thread: "t").end
    await #expect(throws: RunRefusal.changedGraph(["channel count was reduced by sum, now by last"])) {
      try await Runner(stepper(reduce: .last), store: store).resume("t")
    }
    let without = try StateGraph("stepper") {
      count
      Node("one") { _ in count.write(1) }
      Start("one")
    }
    await #expect(throws: RunRefusal.changedGraph(["node two is due and no longer there"])) {
      try await Runner(without, store: store).resume("t")
    }
  }

  @Test func `what cannot begin is thrown by start itself`() async throws {
    let runner = try await Runner(stepper())
    await #expect(throws: RunRefusal.unknownThread("u")) { try await runner.resume("u") }
    await #expect(throws: RunRefusal.undeclaredInput("count", known: [])) {
      try await runner.start(thread: "t", count.write(1))
    }
  }

  @Test func `a store is named by its file or folder`() async throws {
    await #expect(throws: StoreError.self) { try await Runner(stepper(), store: .sqlite("/tmp/other.sqlite")) }
  }

  @Test func `an own checkpointer keeps the threads`() async throws {
    let own = MemoryStore()
    _ = try await Runner(stepper(), store: .custom(own)).start(thread: "t").end
    #expect(try await own.thread("t")?.status == .done)
  }

  @Test func `cancelling who waits stops the run, which can be resumed`() async throws {
    let began = AsyncStream<Void>.makeStream()
    let hold = Mutex(true)
    let graph = try StateGraph("slow") {
      count
      Node("slow") { _ in
        _ = began.continuation.yield()
        if hold.withLock(\.self) { try await Task.sleep(for: .seconds(600)) }
        count.write(1)
      }
      Start("slow")
    }
    let runner = try await Runner(graph)
    var options = RunOptions()
    options.grace = .zero
    let run = try await runner.start(thread: "t", options: options)
    let end = Task { try await run.end }
    for await _ in began.stream { break }
    end.cancel()
    #expect(try await end.value.status == .stopped)
    hold.withLock { $0 = false }
    #expect(try await runner.resume("t").end[count] == 1)
  }

  @Test func `secrets are masked in what code writes and asks`() async throws {
    let said = Channel("said", String?.self)
    let graph = try StateGraph("secret") {
      said
      Secrets("TOKEN")
      Node("leak") { _, task in
        let answer: String = try task.interrupt("is it hush-hush?")
        said.write("hush-hush \(answer)")
      }
      Start("leak")
    }
    let store = MemoryStore()
    let runner = try await Runner(graph, store: .custom(store), environment: ["TOKEN": "hush-hush"])
    #expect(try await runner.start(thread: "t").end.interrupts.map(\.question.prompt) == ["is it ***?"])
    #expect(try await runner.answer("t", "yes").end[said] == "*** yes")
  }
}

/// A folder of its own for one store.
func withStore<Value>(
  isolation: isolated (any Actor)? = #isolation, _ body: (Store) async throws -> Value
) async throws -> Value {
  let folder = FileManager.default.temporaryDirectory.appending(path: "graphkit-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(.sqlite(folder.appending(path: "graphrun.sqlite").path))
}
