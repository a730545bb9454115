import GraphKit

/// Drafts a letter and sends it only when a person agrees; the question outlives the program.
enum Approval {
  static func run(_ store: Store, send: @escaping @Sendable (String) -> Void) async throws -> Runner {
    let letter = Channel("letter", String.self, default: "")
    let answer = Channel("answer", String.self, default: "")

    let graph = try StateGraph("approval") {
      letter
      answer
      Node("draft") { _ in letter.write("Dear bees, thank you for the honey.") }.next("review")
      Node("review") { state, task in
        answer.write(try task.interrupt("Send this?\n\(state[letter])", choices: ["send", "shorten", "drop"]))
      }
      .next(
        .when({ $0[answer] == "send" }, to: "send"), .when({ $0[answer] == "shorten" }, to: "shorten"),
        .otherwise(to: .end))
      Node("shorten") { _ in letter.write("Dear bees, thanks.") }.next("review")
      Node("send") { state in send(state[letter]) }.effects(.once)
      Start("draft")
    }
    return try await Runner(graph, store: store)
  }
}
