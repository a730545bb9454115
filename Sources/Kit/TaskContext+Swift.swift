public import Graph
import GraphNodes
public import GraphRuntime

extension TaskContext {
  /// Asks a person and gives the answer.
  ///
  /// The first time the thread stops here, `waiting`. Once it is resumed with the answer, the node's code runs again from
  /// its beginning and this gives the answer; what must not happen twice is ``once(_:as:_:)``. An answer is found by
  /// `key`, by default the question itself, so neither order nor branches matter; to ask the same thing again in a loop,
  /// give each turn its key.
  /// - Parameter schema: what the answer must fit; a standard type brings its own along.
  /// - Throws: ``Interruption``, to be let through.
  public func interrupt<Answer: Decodable>(
    _ prompt: String, as type: Answer.Type = Answer.self, schema: JSON? = nil, key: String? = nil
  ) throws -> Answer {
    let schema = schema ?? (type as? any JSONSchemaDescribed.Type)?.jsonSchema
    return try answer(to: Prompt(prompt, schema: schema, key: name(key ?? prompt)), as: type)
  }

  /// Asks a person to choose; see ``interrupt(_:as:schema:key:)``.
  public func interrupt<Answer: Codable & Sendable>(
    _ prompt: String, choices: [Answer], key: String? = nil
  ) throws -> Answer {
    let choices = try choices.map(Coding.json)
    return try answer(to: Prompt(prompt, choices: choices, key: name(key ?? prompt)), as: Answer.self)
  }

  private func answer<Answer: Decodable>(to prompt: Prompt, as type: Answer.Type) throws -> Answer {
    guard let answer = answer(to: prompt.key) else { throw Interruption(prompt) }
    do {
      return try Coding.value(type, from: answer)
    } catch {
      var again = prompt
      again.text += "\n(\(answer.text) does not fit: \(error))"
      throw Interruption(again)
    }
  }

  /// Tells who watches the run: an event of kind `custom`, not stored.
  public func emit(_ data: some Encodable) throws { try emit(Coding.json(data)) }

  /// A key as it may be stored.
  private func name(_ key: String) -> String { masked(.string(key)).stringValue ?? "" }

  /// The value of `body`, which is run once for the task, whatever happens: later attempts, also after a crash or a
  /// question, get the value it had. It is on the disk before this returns.
  public func once<Value: Codable & Sendable>(
    _ name: String, as type: Value.Type = Value.self, _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    try Coding.value(type, from: try await remember(name) { try Coding.json(try await body()) })
  }
}
