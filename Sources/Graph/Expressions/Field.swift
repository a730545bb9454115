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

  /// Whether every expression inside ``Expression/isImmediate``.
  public var isImmediate: Bool {
    switch self {
    case .literal: true
    case .template(let template): template.isImmediate
    case .expression(let expression): expression.isImmediate
    case .list(let fields): fields.allSatisfy(\.isImmediate)
    case .map(let fields): fields.values.allSatisfy(\.isImmediate)
    }
  }
}
