/// What an expression sees.
public struct Scope: Sendable {
  /// `.`: the channels that have a value.
  public var state: JSONObject

  /// The variables that have a value here, without the `$`: `result`, `item`, `index`, `run`, `env`, `secrets`,
  /// `error`, `errors`. Those not given are `null`.
  public var variables: Variables

  public init(state: JSONObject = [:], variables: Variables = [:]) {
    self.state = state
    self.variables = variables
  }

  /// Every variable an expression may name.
  public static let variableNames = ["result", "item", "index", "run", "env", "secrets", "error", "errors"]

  /// Values by name, some of which are made only when they are asked for.
  public struct Variables: Sendable {
    private var given: JSONObject

    /// `$result`, by itself as it is given most often.
    private var result: JSON?
    private let make: @Sendable (String) -> JSON?

    /// - Parameter make: gives the value of a variable that is not set, or `nil` where it has none.
    public init(_ given: JSONObject = JSONObject(), make: @escaping @Sendable (String) -> JSON? = { _ in nil }) {
      self.given = given
      self.make = make
      result = nil
    }

    public subscript(name: String) -> JSON? {
      get { (name == "result" ? result : nil) ?? given[name] ?? make(name) }
      set { if name == "result" { result = newValue } else { given[name] = newValue } }
    }

    /// Those of `names` that have a value.
    func filtered(_ names: Set<String>) -> JSONObject {
      var object = JSONObject()
      for name in Scope.variableNames where names.contains(name) { object[name] = self[name] }
      return object
    }
  }
}

extension Scope.Variables: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(JSONObject(elements)) }
}
