public import Graph
import GraphNodes
public import GraphRuntime
import OrderedCollections

/// A function that a model may ask for: told to an `llm` node with ``Graph/Field/tools(_:)``, run by a node made with
/// `Node(_:calling:for:)`.
public struct Tool: Sendable {
  public let name: String
  let description: String
  let parameters: JSON
  let body: @Sendable (JSON, TaskContext) async throws -> JSON

  /// - Parameter parameters: the JSON Schema of `Input`, which the model is told and calls are held to.
  public init<Input: Decodable & SendableMetatype, Output: Encodable & SendableMetatype>(
    _ name: String, _ description: String, parameters: JSON,
    _ body: @escaping @Sendable (Input, TaskContext) async throws -> Output
  ) {
    self.name = name
    self.description = description
    self.parameters = parameters
    self.body = { input, task in try Coding.json(try await body(Coding.value(Input.self, from: input), task)) }
  }

  public init<Input: Decodable & SendableMetatype, Output: Encodable & SendableMetatype>(
    _ name: String, _ description: String, parameters: JSON,
    _ body: @escaping @Sendable (Input) async throws -> Output
  ) {
    self.init(name, description, parameters: parameters) { (input: Input, _: TaskContext) in try await body(input) }
  }

  /// Whether the last message asks for tools.
  public static func areCalled(in messages: [JSON]) -> Bool {
    messages.last?["tool_calls"]?.arrayValue?.isEmpty == false
  }

  /// What the tool gives; what is wrong with the call, or goes wrong in it, is told to the model.
  fileprivate func answer(_ arguments: JSON, _ task: TaskContext) async throws -> String {
    if let violation = try JSONSchema(parameters).violations(of: arguments).first {
      return "error: the arguments do not fit: \(violation)"
    }
    do {
      let output = try await body(arguments, task)
      return output.stringValue ?? output.text
    } catch let interruption as Interruption {
      throw interruption
    } catch let stop as CancellationError {
      throw stop
    } catch {
      return "error: \(error)"
    }
  }
}

extension Field {
  /// Text without expressions.
  public static func text(_ text: String) -> Field { .literal(.string(text)) }

  /// What an `llm` node tells its model of `tools`.
  public static func tools(_ tools: [Tool]) -> Field {
    .list(
      tools.map { tool in
        .literal([
          "name": .string(tool.name), "description": .string(tool.description), "parameters": tool.parameters,
        ])
      })
  }
}

extension Node {
  /// A node that makes the calls of the last of `messages` and adds what they gave, for the model to go on with.
  ///
  /// Each call is made once: after a crash those that had ended are not made again.
  public init(_ name: NodeName, calling tools: [Tool], for messages: Channel<[JSON]>) {
    self.init(name) { state, task in
      for (index, call) in (state[messages].last?["tool_calls"]?.arrayValue ?? []).enumerated() {
        let answer = try await task.once("call \(index)") { try await Self.answer(call, tools, task) }
        messages.fold(Self.message(call, answer))
      }
    }
  }

  private static func answer(_ call: JSON, _ tools: [Tool], _ task: TaskContext) async throws -> String {
    let name = call["function"]?["name"]?.stringValue ?? ""
    guard let tool = tools.first(where: { $0.name == name }) else {
      return "error: there is no tool \(name); there are \(tools.map(\.name).joined(separator: ", "))"
    }
    return try await tool.answer(call["function"]?["arguments"] ?? [:], task)
  }

  private static func message(_ call: JSON, _ text: String) -> JSON {
    var message: JSONObject = ["role": "tool", "content": .string(text)]
    message["tool_call_id"] = call["id"]
    message["tool_name"] = call["function"]?["name"]
    return .object(message)
  }
}
