import OrderedCollections

/// Values of node fields as Swift spells them. A string may hold `${{ }}`; like every literal it is trusted, so that one
/// which is none ends the program.
extension Field: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) {
    do {
      let template = try Template(parsing: value)
      self = template.constantText.map { .literal(.string($0)) } ?? .template(template)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  public init(booleanLiteral value: Bool) { self = .literal(.bool(value)) }
  public init(integerLiteral value: Int) { self = .literal(.int(value)) }
  public init(floatLiteral value: Double) { self = .literal(.number(value)) }
  public init(arrayLiteral elements: Field...) { self = .list(elements) }

  public init(dictionaryLiteral elements: (String, Field)...) {
    self = .map(OrderedDictionary(elements, uniquingKeysWith: { $1 }))
  }
}

/// Where a route leads: a node's name, a list of them, or `.end`.
extension Route.Target: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  public init(stringLiteral value: String) { self = .nodes([NodeName(rawValue: value)]) }
  public init(arrayLiteral elements: NodeName...) { self = .nodes(elements) }

  /// The branch ends.
  public static let end = Route.Target.nodes([])
}
