import Graph
import GraphRuntime
import Synchronization
import Testing

/// A store whose `n`-th commit fails, before or after it took effect; later ones fail too, as for a process that died.
final class DyingStore: Checkpointer {
  enum Moment: Sendable, CaseIterable { case before, after }

  let memory: MemoryStore
  private let left: Mutex<Int>
  private let moment: Moment
  private let isSlow: Bool

  /// Waited for before each commit.
  private let hold: @Sendable ([StoreChange]) async -> Void

  init(
    _ memory: MemoryStore, dyingAt commit: Int = .max, _ moment: Moment = .before, isSlow: Bool = false,
    hold: @escaping @Sendable ([StoreChange]) async -> Void = { _ in }
  ) {
    self.memory = memory
    self.moment = moment
    self.isSlow = isSlow
    self.hold = hold
    left = Mutex(commit)
  }

  func commit(_ changes: [StoreChange], fence: Fence) async throws {
    await hold(changes)
    if isSlow { for _ in 0..<200 { await Task.yield() } }
    let left = left.withLock {
      $0 -= 1
      return $0
    }
    if left > 0 || (left == 0 && moment == .after) { try await memory.commit(changes, fence: fence) }
    if left <= 0 { throw StoreError.unusable("died") }
  }

  /// The process dies now.
  func die() { left.withLock { $0 = 0 } }

  var hasDied: Bool { left.withLock { $0 <= 0 } }
  var identity: String { memory.identity }

  func acquire(_ thread: ThreadID, owner: OwnerRecord) async throws -> Fence {
    try await memory.acquire(thread, owner: owner)
  }
  func release(_ fence: Fence) async throws { try await memory.release(fence) }
  func owner(of thread: ThreadID) async throws -> OwnerRecord? { try await memory.owner(of: thread) }
  func thread(_ id: ThreadID) async throws -> ThreadRecord? { try await memory.thread(id) }
  func threads() async throws -> [ThreadRecord] { try await memory.threads() }
  func graph(_ hash: String) async throws -> GraphRecord? { try await memory.graph(hash) }
  func checkpoint(_ number: Int?, of thread: ThreadID, namespace: String) async throws -> StoredCheckpoint? {
    try await memory.checkpoint(number, of: thread, namespace: namespace)
  }
  func history(of thread: ThreadID, namespace: String, before: Int?, limit: Int?) async throws -> [HistoryEntry] {
    try await memory.history(of: thread, namespace: namespace, before: before, limit: limit)
  }
  func namespaces(of thread: ThreadID) async throws -> [String] { try await memory.namespaces(of: thread) }
  func tasks(of thread: ThreadID, namespace: String, checkpoint: Int) async throws -> [TaskRecord] {
    try await memory.tasks(of: thread, namespace: namespace, checkpoint: checkpoint)
  }
  func output(of thread: ThreadID, after count: Int) async throws -> [OutputRecord] {
    try await memory.output(of: thread, after: count)
  }
  func notes(of thread: ThreadID, key: String) async throws -> [NoteRecord] {
    try await memory.notes(of: thread, key: key)
  }
  func services(of thread: ThreadID) async throws -> [ServiceRecord] { try await memory.services(of: thread) }
  func cached(_ key: String, now: Timestamp) async throws -> JSON? { try await memory.cached(key, now: now) }
  func clearCache(of node: NodeName?) async throws -> Int { try await memory.clearCache(of: node) }
  func gaps(of thread: ThreadID, namespace: String) async throws -> [CheckpointGap] {
    try await memory.gaps(of: thread, namespace: namespace)
  }
  func parts(of thread: ThreadID, _ take: @escaping @Sendable (ThreadPart) throws -> Void) async throws {
    try await memory.parts(of: thread, take)
  }
  func assemble(_ fence: Fence, _ give: @escaping @Sendable (PartTaker) throws -> Void) async throws {
    try await memory.assemble(fence, give)
  }
  func prune(_ pruning: Pruning, fence: Fence) async throws { try await memory.prune(pruning, fence: fence) }
  func delete(_ fence: Fence) async throws { try await memory.delete(fence) }
  func compact() async throws -> Int { try await memory.compact() }
  func items(_ query: MemoryQuery, now: Timestamp) async throws -> [MemoryItem] {
    try await memory.items(query, now: now)
  }
  func verify() async throws -> [String] { try await memory.verify() }
  func close() async throws {}
}

@Suite("Durability")
struct DurabilityTests {
  /// A line, a fan-out, a barrier, a loop and a deferred end, each effect counted by its key.
  static let text = """
    graph: everything
    state: { log: { reduce: append }, n: { reduce: sum }, items: { default: [1, 2, 3] } }
    start: first
    nodes:
      first: { work: { result: first, class: once }, save: log, next: [left, right] }
      left: { work: { result: left, class: repeatable }, save: log }
      right: { work: { result: right, class: once }, save: log, next: { each: ".items", to: item } }
      item: { work: { result: "${{ $item }}", class: once }, save: { log: $result, n: $result } }
      join: { after: [left, item], work: join, save: log, next: again }
      again: { work: 1, save: n, next: [{ when: .n < 9, to: again }, { to: last }] }
      last: { work: { result: last, class: once }, save: log, defer: true }
    """

  private func uninterrupted() async throws -> (end: RunEnd, runs: Int) {
    let bench = try Bench(Self.text)
    let end = try await bench.start()
    try #require(end.status == .done)
    return (end, bench.work.log.runs.count)
  }

  @Test(arguments: Durability.allCases)
  func `every durability gives the same values and the same steps`(durability: Durability) async throws {
    let plain = try await uninterrupted()
    let bench = try Bench(Self.text)
    let end = try await bench.start(durability: durability)
    #expect(end.status == .done)
    #expect(end.values == plain.end.values)
    #expect(end.step == plain.end.step)
    let history = try await bench.view.history("t")
    #expect(history.map(\.entry.record.number) == Array((1...end.checkpoint).reversed()))
    #expect(end.checkpoint == (durability == .exit ? 2 : end.step + 1))
    #expect(try await bench.view.snapshot("t").values == plain.end.values)
  }

  @Test(arguments: Durability.allCases)
  func `whoever is told how a run ended finds it stored`(durability: Durability) async throws {
    let memory = MemoryStore()
    let bench = try Bench(Self.text, store: DyingStore(memory, dyingAt: .max, .before, isSlow: true))
    let end = try await bench.start(durability: durability)
    let header = try #require(try await memory.thread("t"))
    #expect(header.status == .done)
    #expect(header.head == end.checkpoint)
    #expect(header.step == end.step)
  }

  @Test(arguments: Durability.allCases)
  func `a checkpoint event leads to what its checkpoint leads to`(durability: Durability) async throws {
    let bench = try Bench(Self.text, ["item": { _ in throw NodeFailure(.exit, "boom") }])
    #expect(try await bench.start(durability: durability).status == .failed)
    for case .checkpoint(let number, _, let next) in bench.events {
      let stored = try #require(try await bench.runner.store.checkpoint(number, of: "t", namespace: ""))
      #expect(next == stored.record.agenda.nodes)
    }
  }

  @Test(arguments: DyingStore.Moment.allCases, Durability.allCases)
  func `a death at any commit repeats no finished task and loses none`(
    moment: DyingStore.Moment, durability: Durability
  ) async throws {
    let plain = try await uninterrupted()
    var commit = 0
    while true {
      commit += 1
      let memory = MemoryStore()
      let dying = DyingStore(memory, dyingAt: commit, moment)
      let first = try Bench(Self.text, store: dying)
      let told = try? await first.start(durability: durability)
      guard dying.hasDied else {
        #expect(told?.status == .done)
        break
      }
      let second = try Bench(Self.text, store: memory)
      let end = try await finish(second, durability: durability)
      #expect(end.values == plain.end.values, "commit \(commit)")
      let keys = first.work.log.keys + second.work.log.keys
      let repeated = keys.count - Set(keys).count
      // Whoever answered "rerun", or was pure or repeatable and had not been stored as ended, ran twice.
      #expect(repeated <= second.rerun + Self.unstored(first, durability), "commit \(commit): \(keys)")
      let numbers = try await second.view.history("t").map(\.entry.record.number)
      #expect(numbers == Array((1...end.checkpoint).reversed()), "commit \(commit)")
    }
    #expect(commit > 3)
  }

  /// Runs `bench` to its end, starting anew where nothing was stored and answering doubt with rerun.
  private func finish(_ bench: Bench, durability: Durability) async throws -> RunEnd {
    guard try await bench.runner.store.thread("t") != nil else { return try await bench.start(durability: durability) }
    var end = try await bench.resume()
    while end.status == .waiting {
      let answers = end.interrupts.map { Answer(id: $0.question.id, value: "rerun") }
      bench.reran(answers.count)
      end = try await bench.resume(answers)
    }
    return end
  }

  /// Tasks that may run twice without a question: those without an effect or with a repeatable one, of what was not stored.
  private static func unstored(_ bench: Bench, _ durability: Durability) -> Int {
    let harmless = bench.work.log.runs.filter { run in
      ["left", "join", "again"].contains { run.hasPrefix($0) }
    }
    return durability == .sync ? min(harmless.count, 1) : harmless.count
  }

  @Test func `in durability exit an effect stands with what it led to, not with what followed`() async throws {
    let fails = Mutex(true)
    let bench = try Bench(
      """
      graph: effects
      state: { a: {}, b: {}, c: {}, d: {} }
      start: first
      nodes:
        first: { work: 1, save: a, next: second }
        second: { work: { result: 2, class: once }, save: b, next: third }
        third: { work: { result: 3, class: once }, save: c, next: fourth }
        fourth: { work: 4, save: d }
      """,
      [
        "third": { _ in
          guard !fails.withLock({ $0 }) else { throw NodeFailure(.exit, "boom") }
          return .result(3)
        }
      ])
    #expect(try await bench.start(durability: .exit).status == .failed)
    #expect(try await bench.view.snapshot("t").tasks.map(\.label) == ["third"])
    fails.withLock { $0 = false }
    #expect(try await bench.resume().status == .done)
    let history = try await bench.view.history("t")
    #expect(history.map { $0.entry.ran.map(\.label) } == [["third"], ["second"], []])
    #expect(history.map(\.entry.changed) == [["c", "d"], ["a", "b"], []])
  }

  @Test func `an effect in flight when the runner died is asked about, never silently repeated`() async throws {
    let memory = MemoryStore()
    // T0, then T1 of `first`: its attempt is on disk, its end is not.
    let first = try Bench(Self.text, store: DyingStore(memory, dyingAt: 3, .before))
    _ = try? await first.start()
    #expect(first.work.log.runs == ["first#1"])
    let second = try Bench(Self.text, store: memory)
    let waiting = try await second.resume()
    #expect(waiting.status == .waiting)
    #expect(waiting.interrupts.map(\.question.kind) == [.doubt])
    #expect(second.work.log.runs.isEmpty)
    let end = try await second.resume([Answer(value: ["skip": "first"])])
    #expect(end.values["log"]?.arrayValue?.first == "first")
    #expect(second.work.log.count("first") == 0)
  }
}

@Suite("Time travel and changed graphs")
struct TimeTravelTests {
  static let text = """
    graph: travel
    state: { a: {}, b: {} }
    start: one
    nodes:
      one: { work: 1, save: a, next: two }
      two: { work: { result: "${{ .a * 10 }}" }, save: b }
    """

  @Test func `fork grows a branch with changed values and changes nothing before it`() async throws {
    let bench = try Bench(Self.text)
    _ = try await bench.start()
    let fork = try await bench.runner.fork("t", at: 2, update: StateUpdate(values: ["a": 5]), graph: bench.graph)
    #expect(fork.head == 4)
    #expect(fork.status == .stopped)
    #expect(fork.next == ["two"])
    let end = try await bench.resume()
    #expect(end.values == ["a": 5, "b": 50])
    #expect(try await bench.view.snapshot("t", at: 3).values == ["a": 1, "b": 10])
    let history = try await bench.view.history("t")
    #expect(history.map(\.entry.record.parent) == [4, 2, 2, 1, nil])
    #expect(history.map(\.entry.record.source) == [.step, .fork, .step, .step, .input])
    #expect(Set(bench.work.log.keys).count == 3)
  }

  @Test func `fork as a node follows that node's edges`() async throws {
    let bench = try Bench(Self.text)
    _ = try await bench.start()
    let update = StateUpdate(values: ["a": 7], node: "one")
    let fork = try await bench.runner.fork("t", at: 1, update: update, graph: bench.graph)
    #expect(fork.next == ["two"])
    #expect(try await bench.resume().values == ["a": 7, "b": 70])
    #expect(bench.work.log.count("one") == 1)
  }

  @Test func `a fork with an edited graph is held to what a resume is, but for what it drops`() async throws {
    let bench = try Bench(Self.text)
    _ = try await bench.start()
    let reduced = try Bench.read(Self.text.replacing("a: {}", with: "a: { reduce: last }"))
    await #expect(throws: RunRefusal.changedGraph(["channel a was reduced by replace, now by last"])) {
      try await bench.runner.fork("t", at: 2, graph: reduced)
    }
    let renamed = try Bench.read(Self.text.replacing("two", with: "zwei"))
    await #expect(throws: RunRefusal.changedGraph(["node two is due and no longer there"])) {
      try await bench.runner.fork("t", at: 2, graph: renamed)
    }
    let fork = try await bench.runner.fork("t", at: 2, update: StateUpdate(node: "one"), graph: renamed)
    #expect(fork.next == ["zwei"])
  }

  @Test func `an update keeps what is due, its open question and its id`() async throws {
    let bench = try Bench(Self.text, ["two": asks("how much?")])
    let waiting = try await bench.start()
    let header = try await bench.runner.update("t", StateUpdate(values: ["a": 3]), graph: bench.graph)
    #expect(header.status == .waiting)
    let again = try await bench.resume()
    #expect(again.interrupts.map(\.question.id) == waiting.interrupts.map(\.question.id))
    #expect(try await bench.resume([Answer(value: 9)]).values == ["a": 3, "b": 9])
  }

  @Test func `an edited graph goes on, one that lost what is due is refused`() async throws {
    let bench = try Bench(Self.text, ["two": { _ in throw NodeFailure(.exit, "boom") }])
    _ = try await bench.start()
    let renamed = try Bench.read(Self.text.replacing("two", with: "zwei"))
    await #expect(throws: RunRefusal.changedGraph(["node two is due and no longer there"])) {
      try await bench.resume(graph: renamed)
    }
    let reduced = try Bench.read(Self.text.replacing("a: {}", with: "a: { reduce: last }"))
    await #expect(throws: RunRefusal.changedGraph(["channel a was reduced by replace, now by last"])) {
      try await bench.resume(graph: reduced)
    }
    let edited = try Bench.read(Self.text.replacing("next: two", with: "next: two, description: edited"))
    #expect(GraphChange.differences(from: bench.graph, to: bench.graph) == ["only comments or layout differ"])
    #expect(try await bench.resume(graph: edited).status == .failed)
    #expect(bench.work.log.count("one") == 1)
  }

  @Test func `a new input on a done thread goes on with the state, on an unfinished one it is refused`() async throws {
    let text = """
      graph: again
      inputs: { n: { type: integer, reduce: sum } }
      start: one
      nodes:
        one: { work: 1 }
      """
    let bench = try Bench(text)
    #expect(try await bench.start(["n": 1]).values["n"] == 1)
    let second = try await bench.start(["n": 2])
    #expect(second.values["n"] == 3)
    #expect(try await bench.view.history("t").map(\.entry.record.step) == [3, 2, 1, 0])

    let broken = try Bench(text, ["one": { _ in throw NodeFailure(.exit, "boom") }])
    _ = try await broken.start(["n": 1])
    await #expect(throws: RunRefusal.unfinished("t", .failed)) { try await broken.start(["n": 1]) }
    #expect(try await broken.start(["n": 1], abandon: true).values["n"] == 2)
  }

  @Test func `inputs are checked and all that is wrong is named`() async throws {
    let bench = try Bench(
      """
      graph: checked
      inputs: { n: { type: integer }, m: { type: string, default: x } }
      start: one
      nodes:
        one: { work: 1 }
      """)
    await #expect(throws: RunRefusal.missingInputs(["n"])) { try await bench.start() }
    await #expect(throws: RunRefusal.undeclaredInput("k", known: ["n", "m"])) { try await bench.start(["k": 1]) }
    await #expect(throws: RunRefusal.self) { try await bench.start(["n": "one"]) }
    #expect(try await bench.runner.store.thread("t") == nil)
  }

  @Test func `secrets are masked in results, state, output and errors, in every form`() async throws {
    let secret = "s3cr3t/va+lue'x"
    let bench = try Bench(
      """
      graph: secret
      secrets: [TOKEN]
      state: { a: {} }
      start: one
      nodes:
        one: { work: 1, save: a }
      """, environment: ["TOKEN": secret],
      [
        "one": { task in
          task.print("head s3cr3t/va", to: .stdout)
          task.print("+lue'x tail\n", to: .stdout)
          return .result(["plain": .string("<\(secret)>"), secret: "key"])
        }
      ])
    let end = try await bench.start()
    #expect(end.values["a"] == ["plain": "<***>", "***": "key"])
    let output = try await bench.runner.store.output(of: "t").map(\.text).joined()
    #expect(output == "head *** tail\n")
    let told = bench.events.map { "\($0)" }.joined()
    #expect(!told.contains("s3cr3t"))
    let unset = try Bench("graph: s\nsecrets: [TOKEN]\nstart: one\nnodes:\n  one: { work: 1 }\n")
    await #expect(throws: RunRefusal.secretUnset(["TOKEN"])) { try await unset.start() }
  }
}
