/// Where an expression names variables, and channels that it surely reads.
struct ExpressionScan {
  struct Mention: Hashable {
    var name: String

    /// The member taken right away, `TOKEN` of `$secrets.TOKEN`; `nil` where there is none, or it is computed.
    var member: String?

    /// UTF-8 offset in the source.
    var offset: Int
  }

  private(set) var variables: [Mention] = []

  /// First steps of paths that begin at the state itself. Where `.` may be something else (after a pipe, in a
  /// function's argument, …) nothing is listed, so a name here is surely meant as a channel.
  private(set) var channels: [Mention] = []

  init(_ source: String) {
    var lexer = JQLexer(source)
    guard let tokens = try? lexer.tokens() else { return }
    scan(tokens, isState: !JQToken.flatten(tokens).contains(where: \.rewrites))
  }

  private mutating func scan(_ tokens: [JQToken], isState: Bool) {
    var isState = isState
    for (index, token) in tokens.enumerated() {
      let continues = index > 0 && tokens[index - 1].endsTerm
      switch token.kind {
      case .variable(let name):
        let member = Self.member(tokens[(index + 1)...])
        variables.append(Mention(name: name, member: member, offset: token.offset))
      case .field(let name):
        if isState, !continues { channels.append(Mention(name: name, member: nil, offset: token.offset)) }
      case .group(_, let inner): scan(inner, isState: isState && !continues)
      case .string(let parts):
        for case .interpolation(let inner) in parts { scan(inner, isState: isState) }
      case .symbol("|"), .word("catch"), .word("reduce"), .word("foreach"): isState = false
      default: break
      }
    }
  }

  /// The name in `.name`, `."name"`, `["name"]` or `.["name"]` right here.
  private static func member(_ rest: ArraySlice<JQToken>) -> String? {
    var rest = rest
    if case .field(let name)? = rest.first?.kind { return name }
    if rest.first?.symbol == "." { rest.removeFirst() }
    if let name = rest.first?.plainString { return name }
    guard case .group(.square, let inner)? = rest.first?.kind, inner.count == 1 else { return nil }
    return inner[0].plainString
  }
}

extension JQToken {
  /// Whether this makes what `.` is hard to follow.
  fileprivate var rewrites: Bool {
    if let symbol { return ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="].contains(symbol) }
    return ["def", "label", "import", "include"].contains(word ?? "")
  }

  /// Whether a `.name` or a bracket right behind this belongs to it.
  fileprivate var endsTerm: Bool {
    switch kind {
    case .field, .variable, .group, .string, .format, .number: true
    case .word(let name): !["and", "or", "if", "then", "elif", "else", "as", "try", "not"].contains(name)
    case .symbol(let symbol): [".", "..", "?"].contains(symbol)
    }
  }
}
