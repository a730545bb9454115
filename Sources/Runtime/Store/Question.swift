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

  /// Where in a subgraph it was asked; `nil` where the task that has it asked itself.
  public var origin: QuestionOrigin?

  /// Whether the answer has served: the subgraph that asked has it already, or the task failed for it and asks anew.
  public var isDelivered = false

  public init(
    id: String, kind: Kind, key: String? = nil, prompt: String, choices: [JSON]? = nil, schema: JSON? = nil,
    answer: JSON? = nil, origin: QuestionOrigin? = nil
  ) {
    self.id = id
    self.kind = kind
    self.key = key
    self.prompt = prompt
    self.choices = choices
    self.schema = schema
    self.answer = answer
    self.origin = origin
  }
}

/// The task of a subgraph that asked a question.
public struct QuestionOrigin: Sendable, Hashable {
  public var namespace: String
  public var node: NodeName
  public var task: String

  public init(namespace: String, node: NodeName, task: String) {
    self.namespace = namespace
    self.node = node
    self.task = task
  }
}
