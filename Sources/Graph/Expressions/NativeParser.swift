/// Reads a ``NativeExpression`` out of tokens; `nil` where the text is anything else, which is then jq's to judge.
struct NativeParser {
  private var tokens: ArraySlice<JQToken>

  static func parse(_ tokens: [JQToken]) -> NativeExpression? {
    parse(tokens, { $0.pipe() })
  }

  private static func parse<T>(_ tokens: [JQToken], _ rule: (inout NativeParser) -> T?) -> T? {
    var parser = NativeParser(tokens: tokens[...])
    guard let result = rule(&parser), parser.tokens.isEmpty else { return nil }
    return result
  }

  // MARK: Operators, loosest first

  private mutating func pipe() -> NativeExpression? {
    guard let left = alternative() else { return nil }
    guard take("|") else { return left }
    guard let right = pipe() else { return nil }
    return .pipe(left, right)
  }

  private mutating func alternative() -> NativeExpression? {
    guard let left = or() else { return nil }
    guard take("//") else { return left }
    guard let right = alternative() else { return nil }
    return .alternative(left, right)
  }

  private mutating func or() -> NativeExpression? {
    guard var left = and() else { return nil }
    while take(word: "or") {
      guard let right = and() else { return nil }
      left = .or(left, right)
    }
    return left
  }

  private mutating func and() -> NativeExpression? {
    guard var left = comparison() else { return nil }
    while take(word: "and") {
      guard let right = comparison() else { return nil }
      left = .and(left, right)
    }
    return left
  }

  private mutating func comparison() -> NativeExpression? {
    guard let left = sum() else { return nil }
    guard let operation = takeOperator(["==", "!=", "<", "<=", ">", ">="]) else { return left }
    guard let right = sum() else { return nil }
    return .binary(operation, left, right)
  }

  private mutating func sum() -> NativeExpression? {
    guard var left = operand() else { return nil }
    while let operation = takeOperator(["+", "-"]) {
      guard let right = operand() else { return nil }
      left = .binary(operation, left, right)
    }
    return left
  }

  /// A term, or a negative number.
  private mutating func operand() -> NativeExpression? {
    guard take("-") else { return term() }
    guard case .number(let value) = tokens.popFirst()?.kind else { return nil }
    switch value {
    case .int(0): return .literal(.double(-0.0))
    case .int(let number): return .literal(.int(-number))
    case .double(let number): return .literal(.double(-number))
    default: return nil
    }
  }

  // MARK: Terms

  private mutating func term() -> NativeExpression? {
    guard let base = primary() else { return nil }
    var steps: [NativeExpression.Step] = []
    while let token = tokens.first {
      switch token.kind {
      case .field(let name):
        tokens.removeFirst()
        steps.append(.key(name))
      case .symbol("."):
        tokens.removeFirst()
        guard let key = tokens.popFirst()?.plainString else { return nil }
        steps.append(.key(key))
      case .group(.square, let inner):
        tokens.removeFirst()
        guard let step = Self.step(inner) else { return nil }
        steps.append(step)
      default: return Self.path(base, steps)
      }
    }
    return Self.path(base, steps)
  }

  private mutating func primary() -> NativeExpression? {
    guard let token = tokens.popFirst() else { return nil }
    switch token.kind {
    case .field(let name): return .path(.input, [.key(name)])
    case .symbol("."):
      guard let key = tokens.first?.plainString else { return .input }
      tokens.removeFirst()
      return .path(.input, [.key(key)])
    case .variable(let name): return Scope.variableNames.contains(name) ? .variable(name) : nil
    case .number(let value): return .literal(value)
    case .string: return token.plainString.map { .literal(.string($0)) }
    case .word(let name): return word(name)
    case .group(.round, let inner): return Self.parse(inner, { $0.pipe() })
    case .group(.square, let inner): return Self.array(inner)
    case .group(.curly, let inner): return Self.object(inner)
    case .format, .symbol: return nil
    }
  }

  private mutating func word(_ name: String) -> NativeExpression? {
    if case .group(.round, _) = tokens.first?.kind { return nil }
    return switch name {
    case "null": .literal(.null)
    case "true": .literal(true)
    case "false": .literal(false)
    case "not": .not
    case "length": .length
    default: nil
    }
  }

  private static func path(_ base: NativeExpression, _ steps: [NativeExpression.Step]) -> NativeExpression {
    if steps.isEmpty { return base }
    if case .path(let root, let first) = base { return .path(root, first + steps) }
    return .path(base, steps)
  }

  private static func step(_ tokens: [JQToken]) -> NativeExpression.Step? {
    guard let expression = parse(tokens, { $0.pipe() }) else { return nil }
    return switch expression {
    case .literal(.string(let key)): .key(key)
    case .literal(.int(let index)): .index(index)
    default: .computed(expression)
    }
  }

  // MARK: Lists and objects

  private static func array(_ tokens: [JQToken]) -> NativeExpression? {
    if tokens.isEmpty { return .literal([]) }
    if let single = parse(tokens, { $0.pipe() }) { return folded(.array([single])) }
    let items = tokens.split(omittingEmptySubsequences: false) { $0.symbol == "," }
      .map { parse(Array($0), { $0.alternative() }) }
    let all = items.compactMap(\.self)
    return all.count == items.count ? folded(.array(all)) : nil
  }

  private static func object(_ tokens: [JQToken]) -> NativeExpression? {
    if tokens.isEmpty { return .literal([:]) }
    var members: [(key: String, value: NativeExpression)] = []
    for entry in tokens.split(omittingEmptySubsequences: false, whereSeparator: { $0.symbol == "," }) {
      guard let member = member(Array(entry)) else { return nil }
      members.append(member)
    }
    return folded(.object(members))
  }

  private static func member(_ entry: [JQToken]) -> (key: String, value: NativeExpression)? {
    guard let first = entry.first else { return nil }
    if entry.count == 1, let name = first.variable, Scope.variableNames.contains(name) {
      return (name, .variable(name))
    }
    guard let key = first.word ?? first.plainString, !key.contains("::") else { return nil }
    if entry.count == 1, !keywords.contains(key) || first.word == nil { return (key, .path(.input, [.key(key)])) }
    guard entry.count > 2, entry[1].symbol == ":" else { return nil }
    return parse(Array(entry[2...]), { $0.operand() }).map { (key, $0) }
  }

  private static let keywords: Set<String> = [
    "and", "or", "not", "if", "then", "elif", "else", "end", "as", "def", "reduce", "foreach", "try", "catch", "label",
    "import", "include", "__loc__",
  ]

  /// A literal where everything inside is one.
  private static func folded(_ expression: NativeExpression) -> NativeExpression {
    switch expression {
    case .array(let items):
      let values = items.compactMap(\.literal)
      return values.count == items.count ? .literal(.array(values)) : expression
    case .object(let members):
      let pairs = members.compactMap { member in member.value.literal.map { (member.key, $0) } }
      return pairs.count == members.count ? .literal(.object(JSONObject(pairs))) : expression
    default: return expression
    }
  }

  // MARK: Tokens

  private mutating func take(_ symbol: String) -> Bool {
    guard tokens.first?.symbol == symbol else { return false }
    tokens.removeFirst()
    return true
  }

  private mutating func take(word: String) -> Bool {
    guard tokens.first?.word == word else { return false }
    tokens.removeFirst()
    return true
  }

  private mutating func takeOperator(_ symbols: Set<String>) -> NativeExpression.Operator? {
    guard let symbol = tokens.first?.symbol, symbols.contains(symbol) else { return nil }
    tokens.removeFirst()
    return NativeExpression.Operator(rawValue: symbol)
  }
}
