import GraphKit
import GraphTestKit
import Synchronization
import Testing

@Suite("Graphs in Swift")
struct GraphsInSwiftTests {
  let count = Channel("count", Int.self, reduce: .sum)
  let notes = Channel("notes", [String].self, reduce: .append)

  func counter(to limit: Int = 10, version: String = "1") throws -> StateGraph {
    try StateGraph("counter", version: version) {
      count
      Node("increment") { state in count.write(1) }
        .next(when: { $0[count] < limit }, to: "increment", else: .end)
      Start("increment")
    }
  }

  @Test func `a counter counts, and its events end with the run's end`() async throws {
    let run = try await Runner(counter()).start(thread: "t1")
    var steps = 0
    var last: RunEvent.Kind?
    for try await event in run.events {
      if case .checkpoint = event.kind { steps += 1 }
      last = event.kind
    }
    let end = try await run.end
    #expect(steps == 10)
    #expect(last == .runEnd(end))
    #expect(end.status == .done)
    #expect(end[count] == 10)
  }

  @Test func `a run goes on where nobody reads its events`() async throws {
    #expect(try await Runner(counter()).start(thread: "t").end[count] == 10)
  }

  @Test func `items of a fan-out are typed and their writes land in item order`() async throws {
    struct Topic: Codable, Sendable { var name: String }
    let topics = Channel.input("topics", [Topic].self)
    let graph = try StateGraph("map-reduce") {
      topics
      notes
      count
      Node("split") { _ in }.next(each: { $0[topics] }, to: "look", parallel: 2)
      Node("look", item: Topic.self) { topic, state in
        notes.append("\(state.index ?? -1) \(topic.name)")
        count.write(topic.name.count)
      }
      Node("join") { state in notes.append("\(state[notes].count) notes, \(state[count]) letters") }.after("look")
      Start("split")
    }
    let end = try await Runner(graph)
      .start(thread: "t", topics.write([Topic(name: "bees"), Topic(name: "ants"), Topic(name: "owls")])).end
    #expect(end[notes] == ["0 bees", "1 ants", "2 owls", "3 notes, 12 letters"])
  }

  @Test func `a question stops the thread, its typed answer lets the code through, and once happens once`()
    async throws
  {
    let calls = Calls()
    let approved = Channel("approved", Bool?.self)
    let graph = try StateGraph("approval") {
      approved
      notes
      Node("ask") { _, task in
        let draft = try await task.once("draft") { "draft \(calls.next())" }
        let isApproved = try task.interrupt("Publish \(draft)?", as: Bool.self)
        approved.write(isApproved)
        notes.append(draft)
      }
      Start("ask")
    }
    let runner = try await Runner(graph)
    let waiting = try await runner.start(thread: "t").end
    #expect(waiting.status == .waiting)
    #expect(waiting.interrupts.map(\.question.prompt) == ["Publish draft 1?"])
    await #expect(throws: RunRefusal.self) { try await runner.answer("t", "perhaps") }
    let end = try await runner.answer("t", true).end
    #expect(end[approved] == true)
    #expect(end[notes] == ["draft 1"])
  }

  @Test func `two questions of one node are answered one after the other, by what they ask`() async throws {
    let graph = try StateGraph("two") {
      notes
      Node("ask") { _, task in
        let color = try task.interrupt("Which?", choices: ["red", "blue"])
        let size: Int = try task.interrupt("How big?")
        notes.append("\(color) \(size)")
      }
      Start("ask")
    }
    let runner = try await Runner(graph)
    _ = try await runner.start(thread: "t").end
    await #expect(throws: RunRefusal.self) { try await runner.answer("t", "green") }
    #expect(try await runner.answer("t", "blue").end.interrupts.map(\.question.prompt) == ["How big?"])
    #expect(try await runner.answer("t", 4).end[notes] == ["blue 4"])
  }

  @Test func `barriers, deferral, skipping and error handlers are those of files`() async throws {
    struct Broken: Error {}
    let graph = try StateGraph("edges") {
      notes
      Node("a") { _ in notes.append("a") }.next("bad")
      Node("b") { _ in notes.append("b") }
      Node("skipped") { _ in notes.append("never") }.when { _ in false }
      Node("bad") { _ -> [Write] in throw Broken() }.onError("mend")
      Node("mend") { state in notes.append("mended \(state.error?["kind"]?.stringValue ?? "")") }
      Node("both") { _ in notes.append("both") }.after("a", "b", "skipped")
      Node("last") { _ in notes.append("last") }.deferred()
      Start("a", "b", "skipped", "last")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(end[notes] == ["a", "b", "both", "mended swift", "last"])
  }

  @Test func `routes are tried in order, and code may name the next nodes`() async throws {
    let graph = try StateGraph("routes") {
      count
      notes
      Node("pick") { _ in count.write(2) }
        .next(.when({ $0[count] > 5 }, to: "big"), .when({ $0[count] > 1 }, to: "named"), .otherwise(to: .end))
      Node("big") { _ in notes.append("big") }
      Node("named") { _ in notes.append("named") }.next(["big", "pick"]) { $0[count] > 3 ? [] : ["big"] }
      Start(.when({ $0[count] == 0 }, to: "pick"), .otherwise(to: "big"))
    }
    #expect(try await Runner(graph).start(thread: "t").end[notes] == ["named", "big"])
  }

  @Test func `a reducer of one's own folds typed values`() async throws {
    let top = Channel(
      "top", [Int].self,
      reduce: .custom("top2", start: []) { (best: [Int], new: Int) in
        Array((best + [new]).sorted(by: >).prefix(2))
      })
    let graph = try StateGraph("top") {
      top
      for (index, number) in [3, 9, 5].enumerated() {
        Node(NodeName(rawValue: "n\(index)")) { _ in top.fold(number) }
      }
      Start("n0", "n1", "n2")
    }
    #expect(try await Runner(graph).start(thread: "t").end[top] == [9, 5])
  }

  @Test func `what a type cannot hold is refused before it is stored`() async throws {
    struct Point: Codable, Sendable, Equatable { var x, y: Int }
    let point = Channel("point", Point.self, default: Point(x: 0, y: 0))
    let graph = try StateGraph("typed") {
      point
      Node("write") { _ in point.fold(["x": 1]) }
      Start("write")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(end.error?.kind == .type)
    #expect(end.error?.message.contains("y is missing") == true)
    #expect(end[point] == Point(x: 0, y: 0))
  }

  @Test func `retries, checks and effects are the engine's`() async throws {
    let nodes = ScriptedNodes(["flaky": [.fail(.http, "503"), .writes(["count": 1])]])
    let graph = try StateGraph("retry") {
      count
      Node("flaky") { _ in count.write(100) }.retry(2, jitter: true)
      Start("flaky")
    }
    let end = try await Runner(nodes.playing(in: graph), clock: TestClock().clock).start(thread: "t").end
    #expect(end[count] == 1)
    #expect(nodes.attempts(of: "flaky") == 2)
  }

  @Test func `a call of a tool that cannot be made is told to the model`() async throws {
    struct City: Decodable { var city: String }
    let weather = Tool(
      "weather", "The weather.",
      parameters: ["type": "object", "properties": ["city": ["type": "string"]], "required": ["city"]]
    ) { (input: City) in "sunny in \(input.city)" }
    func call(_ name: String, _ arguments: JSON) -> JSON {
      ["function": ["name": .string(name), "arguments": arguments]]
    }
    let asked: JSON = [
      "role": "assistant", "content": "",
      "tool_calls": [call("weather", ["city": "Rome"]), call("weather", ["town": "Oslo"]), call("time", [:])],
    ]
    let messages = Channel("messages", [JSON].self, reduce: .messages)
    let graph = try StateGraph("tools") {
      messages
      Node("think") { _ in messages.fold(asked) }.next("act")
      Node("act", calling: [weather], for: messages)
      Start("think")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(
      end[messages].dropFirst().map { $0["content"]?.stringValue } == [
        "sunny in Rome", "error: the arguments do not fit: \"city\" is missing",
        "error: there is no tool time; there are weather",
      ])
  }

  @Test func `everything wrong with a graph is told at once`() throws {
    let needed = Channel("needed", String.self)
    let mistakes = #expect(throws: GraphMistakes.self) {
      try StateGraph("wrong") {
        needed
        count
        count
        Node("a") { _ in }.next(.when({ _ in true }, to: "b"))
        Node("alone") { _ in }
        Node("set", "set", ["other": 1])
        Start("a", "set")
      }
    }
    #expect(
      mistakes?.mistakes == [
        "channel needed: it may be absent; give it a default, or make it String?",
        "channel count: there are two of this name",
        "node set: it saves into other, which is no channel",
        "node a: no node is named \"b\"; there are a, alone, set",
        "node a: no route is left when none of the conditions holds; add .otherwise(to: .end)",
        "node alone: no way from the start leads to it",
      ])
  }

  @Test func `nodes of graphrun's kinds stand beside code`() async throws {
    let said = Channel("said", String?.self)
    let graph = try StateGraph("mixed") {
      said
      count
      Node("say", "shell", ["run": "printf 'count %s' ${{ .count }}"]).save(said, "$result.stdout").next("count")
      Node("count") { state in count.write(state[said]?.count ?? 0) }
      Output(count)
      Output("loud") { $0[said]?.uppercased() }
      Start("say")
    }
    let end = try await Runner(graph).start(thread: "t").end
    #expect(end.outputs == ["count": 7, "loud": "COUNT 0"])
  }
}

/// Counts calls.
final class Calls: Sendable {
  private let state = Mutex(0)
  var count: Int { state.withLock(\.self) }
  func next() -> Int {
    state.withLock {
      $0 += 1
      return $0
    }
  }
}
