import Foundation
import Graph
import GraphRuntime
import NIOHTTP1
import OrderedCollections

@testable import GraphNodes

/// A model that says what a test says and a server whose effects can be counted, with an agent between them.
struct Workshop: Sendable {
  let bench = Bench()
  let scratch: Scratch
  let model: Stub

  /// What one reply of the model is: its text, and the calls it makes.
  typealias Turn = (text: String, calls: [(String, JSON)])

  /// - Parameter turns: told apart by how many replies of the model a question holds, so that one asked again gets the
  ///   same answer; the last repeats.
  init(_ turns: [Turn]) async throws {
    scratch = try Scratch()
    model = Stub(
      server: try await WebServer { request in
        guard request.head.uri == "/api/chat", let question = try? JSON(parsing: request.body) else {
          return .json(["capabilities": ["completion", "tools"], "models": []])
        }
        let replies = question["messages"]?.arrayValue?.count { $0["role"] == "assistant" } ?? 0
        let turn = turns[min(replies, turns.count - 1)]
        let calls = turn.calls.map { Line.call($0.0, $0.1) }
        let said = turn.text.isEmpty ? [] : [Line.say(turn.text)]
        return .lines(
          said + [Line.done(message: calls.isEmpty ? ["role": "assistant", "content": ""] : Line.calls(calls))])
      })
  }

  static func calls(_ calls: (String, JSON)...) -> Turn { ("", calls) }
  static func says(_ text: String) -> Turn { (text, []) }

  private static let server =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    + "/Servers/agent_tools.py"

  /// An attempt at the agent; attempts share what was written down.
  func task(
    _ more: [(String, Field)] = [], allow: [String] = ["*"], approve: [String] = [], deny: [String] = [],
    trust: Bool = false, answers: [String: JSON] = [:], effects: Effects? = nil
  ) -> TaskContext {
    func patterns(_ names: [String]) -> Field { .list(names.map { .literal(.string($0)) }) }
    let server: Field = .map([
      "command": "python3", "args": .list([.literal(.string(Self.server)), .literal(.string(scratch.path))]),
      "trust": .literal(.bool(trust)),
    ])
    return bench.task(
      "agent",
      [
        ("model", "stub"), ("url", .literal(.string(model.url))), ("prompt", "Do it."),
        ("tools", .map(["allow": patterns(allow), "approve": patterns(approve), "deny": patterns(deny)])),
      ] + more, answers: answers, servers: ["shop": server], folder: scratch.path, effects: effects)
  }

  /// Runs `task`, and ends its servers as a run does.
  func run(_ task: TaskContext) async throws -> NodeResult {
    do {
      let result = try await AgentNode().run(task)
      await bench.resources.close()
      return result
    } catch {
      await bench.resources.close()
      throw error
    }
  }

  func result(_ task: TaskContext) async throws -> JSON {
    guard case .result(let value) = try await run(task) else { throw UnexpectedResult() }
    return value
  }

  func questions(_ task: TaskContext) async throws -> [Prompt] {
    guard case .ask(let prompts) = try await run(task) else { throw UnexpectedResult() }
    return prompts
  }

  func failure(_ task: TaskContext) async throws -> NodeFailure {
    do {
      _ = try await run(task)
    } catch let failure as NodeFailure {
      return failure
    }
    throw UnexpectedResult()
  }

  /// What the server's tools did.
  var effects: [JSON] {
    let text = (try? String(contentsOfFile: "\(scratch.path)/effects", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
  }

  func describe(_ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(scratch.path)/description"))
  }
}

extension JSON {
  subscript(index: Int) -> JSON? {
    guard let items = arrayValue, items.indices.contains(index) else { return nil }
    return items[index]
  }
}
