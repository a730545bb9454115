import GraphKit

/// Talks with a model of Ollama; every turn is a new input on one thread, which keeps the conversation.
enum Chat {
  static func run(_ store: Store, model: String, url: String, saying lines: [String]) async throws -> [String] {
    let line = Channel.input("line", String.self)
    let messages = Channel("messages", [JSON].self, reduce: .messages)

    let graph = try StateGraph("chat") {
      line
      messages
      Node("hear") { state in messages.fold(state[line]) }.next("answer")
      Node("answer", "llm", ["model": .text(model), "url": .text(url), "messages": "${{ .messages }}"])
        .save(messages, "$result.message")
      Start("hear")
    }

    let runner = try await Runner(graph, store: store)
    var answers: [String] = []
    for text in lines {
      let run = try await runner.start(thread: "chat", line.write(text))
      for try await event in run.events {
        if case .taskOutput(_, _, .token, let token) = event.kind { print(token, terminator: "") }
      }
      let end = try await run.end
      guard end.status == .done else { throw NodeFailure(.model, end.error?.message ?? "stopped") }
      answers.append(end[messages].last?["content"]?.stringValue ?? "")
      print()
    }
    return answers
  }
}
