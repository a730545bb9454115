import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("agent", .serialized)
struct AgentTests {
  @Test func `calls tools until it answers, and gives text, messages, calls and usage`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("look", ["at": "left"]), ("mark", ["name": "a"])), Workshop.says("It is done."),
    ])
    let result = try await shop.result(shop.task([("system", "Be brief.")]))
    #expect(result["text"] == "It is done.")
    let calls = try #require(result["calls"]?.arrayValue)
    #expect(calls.map { $0["tool"] } == ["look", "mark"] && calls.allSatisfy { $0["status"] == "done" })
    #expect(calls[0]["server"] == "shop" && calls[0]["turn"] == 1 && calls[0]["arguments"] == ["at": "left"])
    #expect(calls[0]["result"]?["text"] == "saw left")
    let roles = result["messages"]?.arrayValue?.compactMap { $0["role"]?.stringValue }
    #expect(roles == ["user", "assistant", "tool", "tool", "assistant"])
    #expect(result["usage"]?["turns"] == 2 && result["usage"]?["prompt_tokens"] == 52)
    let second = try #require(shop.model.chats.last?["messages"]?.arrayValue)
    #expect(second.first?["role"] == "system" && second.suffix(2).map { $0["content"] } == ["saw left", "mark done"])
    #expect(shop.effects.count == 1)
  }

  @Test func `calls of one turn run side by side, and their results stand in call order`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("meet", ["name": "first", "of": 2]), ("meet", ["name": "second", "of": 2])), Workshop.says("ok"),
    ])
    let calls = try #require(try await shop.result(shop.task())["calls"]?.arrayValue)
    #expect(calls.map { $0["status"] } == ["done", "done"], "one after the other the first would wait in vain")
    #expect(calls.map { $0["arguments"]?["name"] } == ["first", "second"])
  }

  @Test func `goes back to the model: an unknown tool, bad arguments, a tool's own error`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("nope", [:]), ("look", ["where": 1]), ("fail", ["why": "no paper"]), ("look", ["at": 5])),
      Workshop.says("I see."),
    ])
    let result = try await shop.result(shop.task())
    let calls = try #require(result["calls"]?.arrayValue)
    #expect(calls.map { $0["status"] } == ["refused", "error", "error", "error"])
    let told = try #require(shop.model.chats.last?["messages"]?.arrayValue).suffix(4).map {
      $0["content"]?.stringValue ?? ""
    }
    #expect(told[0].contains("there is no tool \"nope\"") && told[0].contains("look"))
    #expect(told[1].contains("at") && told[2] == "no paper")
    #expect(result["text"] == "I see.")
  }

  @Test func `arguments that a model writes as text are what the schema says`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("mark", ["name": "a", "hold": "0"]), ("much", "{\"bytes\": \"3\"}")), Workshop.says("ok"),
    ])
    let result = try await shop.result(shop.task())
    #expect(result["calls"]?.arrayValue?.map { $0["status"] } == ["done", "done"])
    #expect(shop.effects.first?["arguments"] == ["name": "a", "hold": 0])
  }

  @Test func `what is written down is not done again`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("mark", ["name": "one"])), Workshop.calls(("mark", ["name": "two"])), Workshop.says("done"),
    ])
    let first = try await shop.result(shop.task())
    let chats = shop.model.chats.count
    #expect(try await shop.result(shop.task()) == first)
    #expect(shop.model.chats.count == chats, "no reply is asked for again")
    #expect(shop.effects.count == 2)
    #expect(Set(shop.effects.map { $0["key"] }).count == 2, "every call has a key of its own")
  }

  @Test func `a long result is cut for the model, in the middle`() async throws {
    let shop = try await Workshop([Workshop.calls(("much", ["bytes": 5000])), Workshop.says("ok")])
    let result = try await shop.result(shop.task([("limit", .literal(1000))]))
    let told = try #require(shop.model.chats.last?["messages"]?.arrayValue?.last?["content"]?.stringValue)
    #expect(told.contains("4000 bytes are left out") && told.utf8.count < 1100)
    #expect(result["calls"]?[0]?["result"]?["text"]?.stringValue?.utf8.count == 5000)
  }

  @Test(arguments: 20...40) func `no cut goes through a character`(limit: Int) {
    let text = String(repeating: "zażółć 🎉", count: 20)
    let record = AgentCallRecord(turn: 1, id: "c", server: nil, tool: "t", arguments: [:], status: .done)
      .with(MCPResult(content: [["type": "text", "text": .string(text)]]))
    let told = record.textForModel(limit: limit).split(separator: "\n").map(String.init)
    #expect(told.count == 3 && text.hasPrefix(told[0]) && text.hasSuffix(told[2]))
    let kept = told[0].utf8.count + told[2].utf8.count
    #expect(kept <= limit && told[1] == "[… \(text.utf8.count - kept) bytes are left out …]")
  }

  @Test func `what went wrong is said once`() {
    let record = AgentCallRecord(turn: 1, id: "c", server: nil, tool: "t", arguments: [:], status: .error)
      .with(MCPResult(content: [["type": "text", "text": "error: no paper"]]))
    #expect(record.outcome == "error: no paper")
  }

  @Test(arguments: [("max-turns", 3, "3 turns"), ("max-calls", 2, "2 calls"), ("max-tokens", 500, "max-tokens")])
  func `a model that never answers is bounded`(field: String, most: Int, says: String) async throws {
    let shop = try await Workshop([Workshop.calls(("look", ["at": "again"]))])
    let failure = try await shop.failure(shop.task([(field, .literal(.int(most)))]))
    #expect(failure.kind == .limit && failure.message.contains(says))
    #expect(failure.result?["calls"]?.arrayValue?.isEmpty == false, "what was done is there to look at")
    let chats = shop.model.chats.count
    #expect(try await shop.failure(shop.task([(field, .literal(.int(most * 2)))])).kind == .limit)
    #expect(shop.model.chats.count > chats && shop.model.chats.count <= 2 * chats + 1, "it goes on from there")
  }

  @Test func `more calls than a model can mean are refused once, then fail`() async throws {
    let many = (0..<70).map { ("look", JSON.object(["at": .int($0)])) }
    let shop = try await Workshop([("", many)])
    let failure = try await shop.failure(shop.task())
    #expect(failure.kind == .model && failure.message.contains("70 calls"))
    #expect(shop.model.chats.count == 2)
    _ = try await shop.failure(shop.task())
    #expect(shop.model.chats.count == 3, "another attempt asks again what was answered badly")
  }

  @Test func `a server that dies fails the call, which is then in doubt`() async throws {
    let shop = try await Workshop([Workshop.calls(("die", ["name": "x"])), Workshop.says("sad")])
    let question = try #require(try await shop.questions(shop.task()).first)
    #expect(question.kind == .doubt && question.choices == ["rerun", "skip", "fail"])
    #expect(question.text.contains("die") && question.text.contains(#"{"name":"x"}"#))
    let skipped = try await shop.result(shop.task(answers: [question.key: ["skip": "it worked"]]))
    #expect(skipped["calls"]?[0]?["status"] == "skipped" && skipped["text"] == "sad")
    #expect(shop.model.chats.last?["messages"]?.arrayValue?.last?["content"] == "it worked")
    #expect(shop.effects.count == 1)
  }

  /// What the agent comes to that is cancelled once `printed` is.
  private func cutOff(_ shop: Workshop, _ task: TaskContext, after printed: String) async throws -> NodeResult {
    try await withThrowingTaskGroup { group in
      group.addTask { try await shop.run(task) }
      await shop.bench.waitUntilPrinted(printed)
      while shop.effects.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      group.cancelAll()
      return try #require(try await group.next())
    }
  }

  @Test func `an agent whose time is up asks about a call in doubt, whatever else was under way`() async throws {
    let shop = try await Workshop([
      Workshop.calls(("mark", ["name": "x", "hold": 60]), ("look", ["at": "left"])), Workshop.says("late"),
    ])
    shop.bench.state.withLock { $0.expiry = "no end after 1s (timeout)" }
    guard case .ask(let prompts) = try await cutOff(shop, shop.task(), after: "← look") else {
      Issue.record("nothing is asked")
      return
    }
    let question = try #require(prompts.first)
    #expect(prompts.count == 1 && question.kind == .doubt && question.text.contains("no end after 1s (timeout)"))
    let result = try await shop.result(shop.task(answers: [question.key: ["skip": "marked"]]))
    #expect(result["text"] == "late" && shop.effects.count == 1)
  }

  @Test func `an agent that is stopped asks when it goes on`() async throws {
    let shop = try await Workshop([Workshop.calls(("mark", ["name": "x", "hold": 60])), Workshop.says("late")])
    await #expect(throws: CancellationError.self) { try await cutOff(shop, shop.task(), after: "mark") }
    #expect(try await shop.questions(shop.task()).map(\.kind) == [.doubt])
  }

  @Test func `a call in doubt that is run again and dies again asks again`() async throws {
    let shop = try await Workshop([Workshop.calls(("die", ["name": "x"])), Workshop.says("sad")])
    let first = try #require(try await shop.questions(shop.task()).first)
    let second = try #require(try await shop.questions(shop.task(answers: [first.key: "rerun"])).first)
    #expect(second.key != first.key && shop.effects.count == 2)
    #expect(Set(shop.effects.map { $0["key"] }).count == 1, "every attempt at a call has the same key")
    let failure = try await shop.failure(shop.task(answers: [first.key: "rerun", second.key: "fail"]))
    #expect(failure.kind == .refused)
    let known: [String: JSON] = [first.key: "rerun", second.key: "fail"]
    let third = try #require(try await shop.questions(shop.task(answers: known)).first)
    #expect(third.kind == .doubt && ![first.key, second.key].contains(third.key))
    #expect(shop.effects.count == 2, "whoever goes on after a doubt that was given up is asked again")
  }

  @Test func `a call in doubt is asked about though its tool is denied since`() async throws {
    let shop = try await Workshop([Workshop.calls(("die", ["name": "x"])), Workshop.says("sad")])
    let first = try #require(try await shop.questions(shop.task()).first)
    #expect(try await shop.questions(shop.task(deny: ["die"])).map(\.key) == [first.key])
    let result = try await shop.result(shop.task(deny: ["die"], answers: [first.key: "rerun"]))
    #expect(result["calls"]?[0]?["status"] == "refused" && shop.effects.count == 1)
  }

  @Test func `where effects are repeatable, or a trusted server says so, nothing is in doubt`() async throws {
    let shop = try await Workshop([Workshop.calls(("die", ["name": "x"])), Workshop.says("sad")])
    let result = try await shop.result(shop.task(effects: .repeatable))
    #expect(result["calls"]?[0]?["status"] == "error" && result["text"] == "sad")
  }

  @Test func `a tool's question becomes a person's, and the call goes on with the answer`() async throws {
    let shop = try await Workshop([Workshop.calls(("ask", ["subject": "x"])), Workshop.says("thanks")])
    let question = try #require(try await shop.questions(shop.task()).first)
    #expect(question.text.contains("Who?") && question.kind == .ask)
    let result = try await shop.result(shop.task(answers: [question.key: ["name": "Ada"]]))
    #expect(result["calls"]?[0]?["status"] == "done" && shop.effects.map { $0["tool"] } == ["ask"])
  }
}
