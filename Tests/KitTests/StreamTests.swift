import GraphKit
import Testing

@Suite("Streams")
struct StreamTests {
  let count = Channel("count", Int.self, reduce: .sum)
  let notes = Channel("notes", [String].self, reduce: .append)

  private func graph() throws -> StateGraph {
    try StateGraph("stream") {
      count
      notes
      Secrets("TOKEN")
      Node("work") { _, task in
        try task.emit(JSON.object(["progress": 50, "of": "hush-hush"]))
        task.print("a token", to: .token)
        count.write(2)
        notes.append("worked")
      }
      .next("rest")
      Node("rest") { _ in }
      Start("work")
    }
  }

  private func events(_ streams: Set<StreamMode>) async throws -> [RunEvent] {
    var options = RunOptions()
    options.streams = streams
    let runner = try await Runner(graph(), environment: ["TOKEN": "hush-hush"])
    var events: [RunEvent] = []
    for try await event in try await runner.start(thread: "t", options: options).events { events.append(event) }
    return events
  }

  @Test func `values are the state after each super-step, updates what each task wrote`() async throws {
    let told = try await events([.values, .updates]).map(\.kind)
    let values = told.compactMap { if case .values(let step, let values) = $0 { (step, values) } else { nil } }
    #expect(values.map(\.0) == [1, 2])
    #expect(values.map(\.1) == Array(repeating: ["count": 2, "notes": ["worked"]], count: 2))
    let updates = told.compactMap {
      if case .updates(_, let node, _, let writes) = $0 { (node, writes) } else { nil }
    }
    #expect(updates.map(\.0) == ["work"])
    #expect(updates.map(\.1) == [[ChannelWrite("count", 2), ChannelWrite("notes", ["worked"])]])
  }

  @Test func `values and updates are not made where nobody asks`() async throws {
    let modes = Set(try await events([]).map(\.mode))
    #expect(modes == [nil, .custom, .tokens, .tasks, .checkpoints])
  }

  @Test func `what a node tells comes at once, masked`() async throws {
    let told = try await events([]).map(\.kind)
    let custom = told.firstIndex(of: .custom(node: "work", task: "work", ["progress": 50, "of": "***"]))
    let end = told.firstIndex { if case .taskEnd = $0 { true } else { false } }
    #expect(try #require(custom) < #require(end))
  }
}
