import Graph
import GraphRuntime

/// What a thread has seen of a tool: when its definition changes, a person is asked before it is called again.
///
/// A server could show one definition to whoever approves it and another to who calls it.
struct MCPPin: Sendable {
  let server: String
  let tool: MCPTool

  private var name: String { "mcp \(server) \(tool.name)" }
  private var key: String { "changed \(tool.fingerprint)" }

  /// The question to ask first; `nil` when the definition is the one that this thread knows, or the first it sees.
  func question(for task: TaskContext) async throws -> Prompt? {
    let fingerprint = JSON.string(tool.fingerprint)
    guard let known = try await task.pinned(name) else {
      try await task.pin(name, ["fingerprint": fingerprint, "description": .string(described)])
      return nil
    }
    if known["fingerprint"] == fingerprint { return nil }
    guard let answer = task.answer(to: key) else { return prompt(known: known["description"]?.stringValue ?? "") }
    guard answer == true else {
      throw NodeFailure(
        .refused, "\(server) changed its tool \(tool.name), and the change was not accepted", precedesEffect: true)
    }
    try await task.pin(name, ["fingerprint": fingerprint, "description": .string(described)])
    return nil
  }

  private func prompt(known: String) -> Prompt {
    let what =
      known == described
      ? "Its arguments or results are described differently now."
      : "It was: \(known.prefix(2000))\nIt is: \(described.prefix(2000))"
    return Prompt(
      "\(server) changed its tool \(tool.name) since this thread first used it. \(what)\nCall it all the same?",
      choices: [true, false], key: key)
  }

  private var described: String { tool.description ?? "" }
}
