public import OrderedCollections

/// One story of a graph: what it is given, what the world does, and what should come of it.
public struct Scenario: Sendable, Hashable {
  public var name: String
  public var description: String?
  public var inputs: JSONObject

  /// What `$env` has; the user's environment is not looked at.
  public var environment: [String: String]

  /// What happens at each node, by the node's name.
  public var scripts: OrderedDictionary<String, NodeScript>
  public var expectation: ScenarioExpectation

  /// Where the scenario stands in its file.
  public var position: SourcePosition

  public init(
    _ name: String, description: String? = nil, inputs: JSONObject = [:], environment: [String: String] = [:],
    scripts: OrderedDictionary<String, NodeScript> = [:], expectation: ScenarioExpectation = ScenarioExpectation(),
    position: SourcePosition = SourcePosition(line: 1, column: 1)
  ) {
    self.name = name
    self.description = description
    self.inputs = inputs
    self.environment = environment
    self.scripts = scripts
    self.expectation = expectation
    self.position = position
  }
}

/// What happens at one node.
public enum NodeScript: Sendable, Hashable {
  /// The same at every attempt and every question.
  case always(Turn)

  /// One after the other: attempts take the outcomes in order, questions the answers, over retries and loops alike.
  case inTurn([Turn])

  /// For each task of a fan-out its own, by its index.
  case perItem([NodeScript])

  /// A line of a script.
  public struct Turn: Sendable, Hashable {
    public var outcome: Outcome?

    /// What a person answers; `nil` is none.
    public var answer: JSON?

    public init(_ outcome: Outcome? = nil, answer: JSON? = nil) {
      self.outcome = outcome
      self.answer = answer
    }
  }

  /// How an attempt ends.
  public enum Outcome: Sendable, Hashable {
    /// What the world gives; expressions in it see what the task sees.
    case result(Field)
    case failure(ScriptedFailure)

    /// The node's `check` holds: it is done without running.
    case checked
  }
}

/// An injected failure.
public struct ScriptedFailure: Sendable, Hashable {
  public var message: Field

  /// As `retry.on` and `$error.kind` spell it; `nil` is what nodes of the kind fail with.
  public var kind: String?

  /// A shell's exit code.
  public var exitCode: Int?

  /// What the node had when it failed: `$error.result`.
  public var result: Field?

  public init(_ message: Field, kind: String? = nil, exitCode: Int? = nil, result: Field? = nil) {
    self.message = message
    self.kind = kind
    self.exitCode = exitCode
    self.result = result
  }
}

/// What should come of a scenario.
public struct ScenarioExpectation: Sendable, Hashable {
  /// `done`, `failed` or `waiting`.
  public var status: String

  /// The nodes that run, in order; `nil` does not ask.
  public var path: [String]?

  /// What holds for the state at the end.
  public var that: [Expression]

  public init(status: String = "done", path: [String]? = nil, that: [Expression] = []) {
    self.status = status
    self.path = path
    self.that = that
  }
}
