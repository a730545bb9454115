public import OrderedCollections

/// A value in a graph file that may hold expressions.
public indirect enum Field: Sendable, Hashable {
  case literal(JSON)
  case template(Template)
  case expression(Expression)
  case list([Field])
  case map(OrderedDictionary<String, Field>)
}

extension Field {
  /// The value with every expression evaluated; a map keeps its order.
  ///
  /// - Throws: ``ExpressionError`` naming the expression.
  public func evaluate(in scope: Scope, quoting: Template.Quoting = .none) throws(ExpressionError) -> JSON {
    switch self {
    case .literal(let value): return value
    case .template(let template): return try template.evaluate(in: scope, quoting: quoting)
    case .expression(let expression): return try expression.evaluate(in: scope)
    case .list(let fields):
      var items: [JSON] = []
      for field in fields { items.append(try field.evaluate(in: scope, quoting: quoting)) }
      return .array(items)
    case .map(let fields):
      var object = JSONObject()
      for (key, field) in fields { object[key] = try field.evaluate(in: scope, quoting: quoting) }
      return .object(object)
    }
  }

  /// Every expression inside, in order.
  public var expressions: [Expression] {
    switch self {
    case .literal: []
    case .template(let template): template.expressions
    case .expression(let expression): [expression]
    case .list(let fields): fields.flatMap(\.expressions)
    case .map(let fields): fields.values.flatMap(\.expressions)
    }
  }

  public subscript(key: String) -> Field? {
    guard case .map(let fields) = self else { return nil }
    return fields[key]
  }
}

/// What an expression sees.
public struct Scope: Sendable {
  /// `.`: the channels that have a value.
  public var state: JSONObject

  /// The variables that have a value here, without the `$`: `result`, `item`, `index`, `run`, `env`, `secrets`,
  /// `error`, `errors`. Those not given are `null`.
  public var variables: JSONObject

  public init(state: JSONObject = [:], variables: JSONObject = [:]) {
    self.state = state
    self.variables = variables
  }

  /// Every variable an expression may name.
  public static let variableNames = ["result", "item", "index", "run", "env", "secrets", "error", "errors"]
}
