import GraphKit

/// A model that uses a tool written in Swift until it can answer.
enum Agent {
  struct City: Codable { var city: String }

  static let weather = Tool(
    "weather", "The weather in a city.",
    parameters: ["type": "object", "properties": ["city": ["type": "string"]], "required": ["city"]]
  ) { (input: City) in "sunny in \(input.city), 21 degrees" }

  static func run(_ store: Store, model: String, url: String, asking question: String) async throws -> String {
    let messages = Channel("messages", [JSON].self, reduce: .messages)

    let graph = try StateGraph("agent", maxSteps: 20) {
      messages
      Node("ask") { _ in messages.fold(question) }.next("think")
      Node(
        "think", "llm",
        ["model": .text(model), "url": .text(url), "messages": "${{ .messages }}", "tools": .tools([weather])]
      )
      .save(messages, "$result.message")
      .next(when: { Tool.areCalled(in: $0[messages]) }, to: "act", else: .end)
      Node("act", calling: [weather], for: messages).next("think")
      Start("ask")
    }

    let end = try await Runner(graph, store: store).start(thread: "agent").end
    return end[messages].last?["content"]?.stringValue ?? ""
  }
}
