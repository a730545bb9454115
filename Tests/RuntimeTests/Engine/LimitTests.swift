import Graph
import OrderedCollections
import Testing

@testable import GraphRuntime

@Suite("Limits of a run")
struct LimitTests {
  @Test func `a task that does not get its turn in time fails, and resume gives it another`() async throws {
    let bench = try Bench(
      """
      graph: queue
      state: { out: { reduce: append } }
      start: split
      nodes:
        split: { work: 1, next: { each: "[1, 2]", to: slow, parallel: 1 } }
        slow: { work: 1, save: { out: $index }, queue: 50ms }
      """,
      [
        "slow": { _ in
          try await Task.sleep(for: .milliseconds(400))
          return .result(1)
        }
      ])
    let end = try await bench.start()
    #expect(end.status == .failed && end.error?.kind == .timeout)
    #expect(end.error?.message == "it did not get its turn within 50ms (queue)")
    #expect(end.values["out"] == [0], "who had the turn finished")
    #expect(try await bench.resume().values["out"] == [0, 1])
    #expect(bench.work.log.count("slow") == 2)
  }

  @Test func `a heavy channel is told of once, and a state beyond what a checkpoint holds is refused`() async throws {
    let text = JSON.string(String(repeating: "x", count: 15 << 20))
    let bench = try Bench(
      """
      graph: heavy
      state: { all: { reduce: append }, small: {} }
      start: more
      nodes:
        more: { work: 1, save: all, next: [{ when: (.all | length) < 6, to: more }, { to: end }] }
      """,
      ["more": { _ in .result(text) }])
    let end = try await bench.start()
    #expect(end.status == .failed && end.error?.kind == .limit)
    #expect(end.error?.message.contains("channel all") == true && end.error?.message.contains("64 MiB") == true)
    #expect(end.step == 4, "what fitted is kept")
    let notices = bench.events.compactMap { if case .notice(let text) = $0 { text } else { nil } }
    #expect(notices.count == 1 && notices[0].contains("channel all"))
  }

  @Test func `a thread may have so many checkpoints, and more where the run may`() async throws {
    let bench = try Bench(
      """
      graph: long
      state: { n: { default: 0 } }
      start: count
      nodes:
        count: { work: { result: "${{ .n + 1 }}" }, save: n, next: [{ when: .n < 6, to: count }, { to: end }] }
      """)
    var options = RunOptions()
    (options.maxCheckpoints, options.maxSteps) = (4, 3)
    #expect(try await bench.start(options: options).error?.message.contains("max-steps") == true)
    #expect(try await bench.resume(options: options).error?.message.contains("4 checkpoints") == true)
    options.maxSteps = 100
    #expect(try await bench.resume(options: options).status == .done)
  }

  @Test func `a state's weight follows what changes`() throws {
    let channels: [(ChannelName, Reducer)] = [("list", .append), ("sum", .sum), ("map", .merge), ("talk", .messages)]
    let fold = StateFold(
      channels: .init(uniqueKeysWithValues: channels.map { ($0.0, ChannelDefinition($0.0, reducer: $0.1)) }),
      thread: "t")
    var values: JSONObject = ["list": [], "sum": 0, "map": [:], "talk": []]
    var weight = StateWeight(values)
    var messages = MessagePlaces()
    let id = TaskID(due: DueMark(checkpoint: 1), node: "n")
    let writes: [(ChannelName, JSON)] = [
      ("list", ["a", "bb"]), ("sum", 3), ("map", ["k": ["x": 1]]),
      ("talk", ["role": "user", "content": "hi", "id": "1"]),
      ("list", "ccc"), ("map", ["k": ["y": "long text"]]), ("talk", ["role": "user", "content": "hello", "id": "1"]),
      ("list", ["$overwrite": []]), ("talk", ["role": "remove", "id": "1"]),
    ]
    for (channel, value) in writes {
      let changes = try fold.changes(
        [StateFold.Entry(task: 0, id: id, writer: "n", write: ChannelWrite(channel, value))], in: values, &messages)
      changes.apply(to: &values)
      weight.take(weight.gain(by: changes))
      #expect(weight.total == StateWeight(values).total, "after \(channel) \(value)")
    }
  }
}
