import Graph
import Testing

@Suite("An agent by command line")
struct AgentCommandTests {
  @Test(arguments: ["ollama", "openai"])
  func `words are shown as they come, a person approves, and the answer is there`(provider: String) async throws {
    let tool = try Tool([
      "turns": """
      {"content": "I look first.", "calls": [["look", {"at": "shelf"}], ["wipe", {"path": "/old"}]]}
      {"content": "It is clean."}
      """
    ])
    defer { tool.remove() }
    try await tool.withModel { url in
      try tool.write(
        """
        graph: clean
        servers: { shop: { command: python3, args: ["\(Tool.servers)/agent_tools.py", .] } }
        state: { text: {} }
        defaults: { llm: { model: script, provider: \(provider), url: \(url) } }
        start: work
        nodes:
          work:
            agent: { prompt: Clean up., tools: { allow: [look] } }
            save: { text: $result.text }
        """, to: "clean.graph")
      let asked = try await tool("run", "clean", "--thread", "c", "--yes")
      #expect(asked.code == 3, "--yes approves nodes, not calls")
      let lines = asked.output.split(separator: "\n").map(String.init)
      let words = lines.firstIndex { $0.hasPrefix("work | I look first.") }
      let look = lines.firstIndex(of: #"work | → shop.look {"at":"shelf"}"#)
      #expect(try #require(words) < #require(look))
      #expect((asked.output + asked.error).contains(#"{"path":"/old"}"#))
      #expect(tool.read("effects").isEmpty)
      let done = try await tool("resume", "c", "--answer", "true", "--json")
      #expect(done.code == 0, "\(done.error)")
      #expect(try done.lines().last?["values"]?["text"]?.stringValue?.contains("It is clean.") == true)
      let streamed = try done.lines().filter { $0["stream"] == "token" }.compactMap { $0["text"]?.stringValue }.joined()
      #expect(streamed.contains("It is clean."))
    }
    #expect(tool.read("effects").split(separator: "\n").count == 1)
  }
}
