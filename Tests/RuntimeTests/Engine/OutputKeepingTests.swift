import Graph
import Synchronization
import Testing

@testable import GraphRuntime

@Suite("Output of tasks that go on")
struct OutputKeepingTests {
  private static func graph(_ effects: String = "pure", _ settings: String = "") -> String {
    """
    graph: printing
    \(settings)
    state: { seen: {} }
    start: speak
    nodes:
      speak: { work: { result: 1, class: \(effects) }, save: seen }
    """
  }

  @Test(arguments: [Durability.sync, .async], ["pure", "once"])
  func `it is stored while the task runs, once, and in order`(durability: Durability, effects: String) async throws {
    let store = MemoryStore()
    let bench = try Bench(
      Self.graph(effects), store: store,
      [
        "speak": { task in
          task.print("first\n", to: .stdout)
          let seen = try await store.output { !$0.isEmpty }
          let standing = try await store.tasks(of: "t", namespace: "", checkpoint: 1)
          #expect(standing.map(\.status) == [.started] && standing.map(\.attempts) == [1])
          task.print("second\n", to: .stdout)
          return .result(.string(seen.map(\.text).joined()))
        }
      ])
    let end = try await bench.start(durability: durability)
    #expect(end.values == ["seen": "first\n"])
    let stored = try await store.output(of: "t")
    #expect(stored.map(\.text) == ["first\n", "second\n"])
    #expect(stored.byAttempt.map(\.text) == ["first\nsecond\n"])
    #expect(try await bench.view.history("t").first?.entry.ran.map(\.attempts) == [1])
  }

  @Test func `in durability exit it is stored at the end`() async throws {
    let store = MemoryStore()
    let bench = try Bench(
      Self.graph(), store: store,
      [
        "speak": { task in
          task.print("first\n", to: .stdout)
          try await Task.sleep(for: .seconds(1.5))
          return .result(.int(try await store.output(of: "t").count))
        }
      ])
    #expect(try await bench.start(durability: .exit).values == ["seen": 0])
    #expect(try await store.output(of: "t").map(\.text) == ["first\n"])
  }

  @Test(arguments: ["pure", "repeatable"])
  func `what a dead runner's attempt printed is kept, and the next attempt has its own number`(
    effects: String
  ) async throws {
    let memory = MemoryStore()
    let dying = DyingStore(memory)
    let first = try Bench(
      Self.graph(effects), store: dying,
      [
        "speak": { task in
          task.print("one\n", to: .stdout)
          _ = try await memory.output { !$0.isEmpty }
          dying.die()
          return .result(1)
        }
      ])
    await #expect(throws: StoreError.self) { try await first.start() }
    let second = try Bench(
      Self.graph(effects), store: memory,
      [
        "speak": { task in
          task.print("two\n", to: .stdout)
          return .result(2)
        }
      ])
    #expect(try await second.resume().status == .done)
    let stored = try await memory.output(of: "t")
    #expect(stored.map(\.text) == ["one\n", "two\n"])
    #expect(stored.map(\.attempt) == [1, 2])
  }

  @Test func `that holds for what runs ahead of its super-step`() async throws {
    let memory = MemoryStore()
    let dying = DyingStore(memory)
    let gate = Gate()
    let first = try Bench(
      RunAheadTests.graph(), store: dying, sight: .fields,
      [
        "slow": { _ in
          await gate.opened()
          return .result(0)
        },
        "second": { task in
          task.print("one\n", to: .stdout)
          _ = try await memory.output { !$0.isEmpty }
          dying.die()
          gate.open()
          return .result(2)
        },
      ])
    await #expect(throws: StoreError.self) { try await first.start() }
    let second = try Bench(
      RunAheadTests.graph(), store: memory, sight: .fields,
      [
        "second": { task in
          task.print("two\n", to: .stdout)
          return .result(2)
        }
      ])
    let end = try await second.resume()
    #expect(end.values == ["a": 1, "b": 2, "c": 2, "s": 0])
    let stored = try await memory.output(of: "t")
    #expect(stored.map(\.text) == ["one\n", "two\n"])
    #expect(stored.map(\.attempt) == [1, 2])
  }

  @Test func `a store that fails meanwhile fails the run, once the task has ended`() async throws {
    let memory = MemoryStore()
    let dying = DyingStore(memory, dyingAt: 2)
    let hasEnded = Mutex(false)
    let bench = try Bench(
      Self.graph(), store: dying,
      [
        "speak": { task in
          task.print("lost\n", to: .stdout)
          while !dying.hasDied { try await Task.sleep(for: .milliseconds(5)) }
          await Task.yield()
          hasEnded.withLock { $0 = !Task.isCancelled }
          return .result(1)
        }
      ])
    await #expect(throws: StoreError.unusable("died")) { try await bench.start() }
    #expect(hasEnded.withLock { $0 })
    #expect(try await Bench(Self.graph(), store: memory).resume().status == .done)
  }

  @Test func `who lost the thread meanwhile is stopped`() async throws {
    let store = MemoryStore()
    let bench = try Bench(
      Self.graph("once"), store: store,
      [
        "speak": { task in
          try await store.release(Fence(thread: "t", number: 1))
          _ = try await store.acquire("t", owner: .current)
          task.print("late\n", to: .stdout)
          try await Task.sleep(for: .seconds(600))
          return .result(1)
        }
      ])
    await #expect(throws: StoreError.fenced) { try await bench.start() }
    #expect(try await store.output(of: "t").isEmpty)
  }

  @Test func `a slow store holds up nobody who prints`() async throws {
    let memory = MemoryStore()
    let (isStoring, isOver) = (Gate(), Gate())
    let store = DyingStore(memory) { changes in
      guard case .output? = changes.last, !isStoring.isOpen else { return }
      isStoring.open()
      await isOver.opened()
    }
    let bench = try Bench(
      Self.graph(), store: store,
      [
        "speak": { task in
          task.print("0 ", to: .stdout)
          await isStoring.opened()
          for number in 1...100 { task.print("\(number) ", to: .stdout) }
          isOver.open()
          return .result(1)
        }
      ])
    #expect(try await bench.start().status == .done)
    let all = (0...100).map { "\($0) " }.joined()
    #expect(try await memory.output(of: "t").map(\.text).joined() == all)
  }

  @Test func `no half of a secret is stored`() async throws {
    let store = MemoryStore()
    let bench = try Bench(
      Self.graph("pure", "secrets: [TOKEN]"), store: store, environment: ["TOKEN": "correct-horse"],
      [
        "speak": { task in
          task.print("it is correct-ho", to: .stdout)
          let seen = try await store.output { !$0.isEmpty }
          task.print("rse\n", to: .stdout)
          return .result(.string(seen.map(\.text).joined()))
        }
      ])
    #expect(try await bench.start().values == ["seen": "it is "])
    #expect(try await store.output(of: "t").map(\.text).joined() == "it is ***\n")
  }

  @Test func `the beginning and the end are kept, and no more than without`() async throws {
    let store = MemoryStore()
    let lines = (0..<8000).map { "\($0)".padded(to: 63) + "\n" }
    let bench = try Bench(
      Self.graph(), store: store,
      [
        "speak": { task in
          var printed = 0
          for stop in [1000, 1800, 3000, 8000] {
            for line in lines[printed..<stop] { task.print(line, to: .stdout) }
            let due = min(stop * 64, TaskOutput.headLimitBytes)
            printed = stop
            _ = try await store.output { $0.bytes >= due }
          }
          return .result(1)
        }
      ])
    #expect(try await bench.start().status == .done)
    let stored = try await store.output(of: "t")
    let note = try #require(stored.firstIndex { $0.stream == .stderr })
    let (head, tail) = (stored[..<note], stored[(note + 1)...])
    let all = lines.joined()
    #expect(Array(head).bytes == TaskOutput.headLimitBytes && all.hasPrefix(head.map(\.text).joined()))
    #expect(Array(tail).bytes <= TaskOutput.tailLimitBytes && all.hasSuffix(tail.map(\.text).joined()))
    let left = all.utf8.count - Array(head).bytes - Array(tail).bytes
    #expect(stored[note].text == "[… \(left) bytes of output are not kept …]\n")
  }

  @Test func `who prints for long is stored less often`() {
    #expect([0, 256, 512, 2560].map(OutputKeeper.pause) == [1, 1, 2, 10].map(Duration.seconds))
  }

  @Test func `what tasks print side by side is read task by task`() {
    func piece(_ task: String, _ text: String, attempt: Int = 1, _ stream: OutputStream = .stdout) -> OutputRecord {
      OutputRecord(checkpoint: 1, step: 1, node: "n", task: task, attempt: attempt, stream: stream, text: text)
    }
    let stored = [
      piece("a", "1"), piece("b", "1"), piece("a", "2"), piece("a", "e", .stderr), piece("b", "2"),
      piece("a", "3", attempt: 2), piece("b", "3"),
    ]
    #expect(
      stored.byAttempt == [
        piece("a", "12"), piece("a", "e", .stderr), piece("a", "3", attempt: 2), piece("b", "123"),
      ])
  }
}

extension Checkpointer {
  /// What thread `t` has printed once it is as `isMeant` says, or nothing comes of that.
  fileprivate func output(until isMeant: ([OutputRecord]) -> Bool) async throws -> [OutputRecord] {
    let end = ContinuousClock.now + .seconds(20)
    while true {
      let stored = try await output(of: "t")
      if isMeant(stored) || ContinuousClock.now > end { return stored }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

extension [OutputRecord] {
  fileprivate var bytes: Int { reduce(0) { $0 + $1.text.utf8.count } }
}

extension String {
  fileprivate func padded(to count: Int) -> String { self + String(repeating: " ", count: count - utf8.count) }
}
