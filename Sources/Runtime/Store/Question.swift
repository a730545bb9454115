public import Graph

/// What a task asked a person, and the answer once there is one.
public struct Question: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, Codable {
    /// The node's own question.
    case ask
    /// May this node run? (`approve`)
    case approve
    /// Did the effect happen? (DESIGN rule 8)
    case doubt
  }

  /// Unique within the thread and stable over resumes.
  public var id: String
  public var kind: Kind

  /// What the node calls its question; `nil` for one that the engine asks.
  public var key: String?
  public var prompt: String

  /// The answers to choose from; `nil` where any that fits `schema` is taken.
  public var choices: [JSON]?

  /// What the answer must fit.
  public var schema: JSON?
  public var answer: JSON?

  public init(
    id: String, kind: Kind, key: String? = nil, prompt: String, choices: [JSON]? = nil, schema: JSON? = nil,
    answer: JSON? = nil
  ) {
    self.id = id
    self.kind = kind
    self.key = key
    self.prompt = prompt
    self.choices = choices
    self.schema = schema
    self.answer = answer
  }
}
