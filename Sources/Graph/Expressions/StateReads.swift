/// Finds which keys of the state an expression can read; in doubt, all of them.
///
/// Where the input still is the state, only `.name` may stand; anything that takes the whole input reads
/// everything. Behind a `|` the input is something else, unless the left side was a binding (`… as $x |`).
struct StateReads {
  private var channels: Set<String> = []
  private var isEverything = false

  static func of(_ tokens: [JQToken]) -> Expression.Reads {
    var reads = StateReads()
    reads.scan(tokens[...], in: nil)
    return reads.isEverything ? .everything : .channels(reads.channels)
  }

  private static let keywords: Set<String> = [
    "and", "or", "null", "true", "false", "empty", "now", "infinite", "nan", "as", "reduce", "foreach", "try", "catch",
  ]
  private static let taking: Set<String> = ["range", "first", "last", "any", "all", "limit", "isempty", "error"]
  private static let assignments: Set<String> = ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//=", ".."]

  /// What a segment between two pipes has shown so far.
  private struct Segment {
    /// False behind a pipe that made the input something else.
    var isState = true
    var bindings = 0
    var folds = 0

    /// Whether the segment behind the next pipe still has the state as its input.
    mutating func pipe() {
      self = Segment(isState: isState && bindings > folds)
    }
  }

  /// One bracket's content, whose input is the state.
  private mutating func scan(_ tokens: ArraySlice<JQToken>, in bracket: JQToken.Bracket?) {
    var segment = Segment()
    var index = tokens.startIndex
    while index < tokens.endIndex, !isEverything {
      let token = tokens[index]
      if token.word == "if" {
        let end = Self.end(of: index, in: tokens)
        if segment.isState { scanBranches(tokens[index + 1..<end]) }
        index = end + 1
        continue
      }
      switch token.symbol {
      case "|": segment.pipe()
      case ";": segment = Segment()
      case ",": if bracket == .curly { segment = Segment() }
      default: if segment.isState { read(tokens, at: &index, in: bracket, &segment) }
      }
      index += 1
    }
  }

  private mutating func read(
    _ tokens: ArraySlice<JQToken>, at index: inout Int, in bracket: JQToken.Bracket?, _ segment: inout Segment
  ) {
    let next = index + 1 < tokens.endIndex ? tokens[index + 1] : nil
    let continues = index > tokens.startIndex && tokens[index - 1].endsTerm
    switch tokens[index].kind {
    case .field(let name): if !continues { channels.insert(name) }
    case .variable, .number: break
    case .format:
      if case .string = next?.kind { break }
      isEverything = true
    case .string(let parts):
      let isKey = bracket == .curly && (index == tokens.startIndex || tokens[index - 1].symbol == ",")
      if isKey, next?.symbol != ":" { isEverything = true }
      for case .interpolation(let inner) in parts { scan(inner[...], in: nil) }
    case .symbol("."): if !continues { readDot(tokens, at: &index, next) }
    case .symbol(let symbol): if Self.assignments.contains(symbol) { isEverything = true }
    case .group(let bracket, let inner):
      // A fold's update works on what its start value became, never on the state.
      let isFold = bracket == .round && segment.folds > 0 && Self.isBehindBinding(index, tokens)
      scan(isFold ? inner.prefix { $0.symbol != ";" } : inner[...], in: bracket)
    case .word(let name): read(word: name, tokens, at: index, next, in: bracket, &segment)
    }
  }

  /// `."name"` and `.["name"]`; a bare `.` is everything.
  private mutating func readDot(_ tokens: ArraySlice<JQToken>, at index: inout Int, _ next: JQToken?) {
    if let name = next?.plainString {
      channels.insert(name)
    } else if case .group(.square, let inner) = next?.kind, inner.count == 1, let name = inner[0].plainString {
      channels.insert(name)
    } else {
      isEverything = true
      return
    }
    index += 1
  }

  private mutating func read(
    word: String, _ tokens: ArraySlice<JQToken>, at index: Int, _ next: JQToken?, in bracket: JQToken.Bracket?,
    _ segment: inout Segment
  ) {
    if bracket == .curly, index == tokens.startIndex || tokens[index - 1].symbol == "," {
      if next?.symbol != ":" { channels.insert(word) }
      return
    }
    if word == "as" { segment.bindings += 1 }
    if word == "reduce" || word == "foreach" { segment.folds += 1 }
    if Self.keywords.contains(word) { return }
    if case .group(.round, _) = next?.kind, Self.taking.contains(word) { return }
    isEverything = true
  }

  /// Whether the token at `index` follows `as $name`.
  private static func isBehindBinding(_ index: Int, _ tokens: ArraySlice<JQToken>) -> Bool {
    index - 2 >= tokens.startIndex && tokens[index - 2].word == "as" && tokens[index - 1].variable != nil
  }

  /// `if`'s parts each start from the same input.
  private mutating func scanBranches(_ tokens: ArraySlice<JQToken>) {
    var start = tokens.startIndex
    var index = start
    while index < tokens.endIndex {
      switch tokens[index].word {
      case "if":
        index = Self.end(of: index, in: tokens)
      case "then", "elif", "else":
        scan(tokens[start..<index], in: nil)
        start = index + 1
      default: break
      }
      index += 1
    }
    scan(tokens[min(start, tokens.endIndex)...], in: nil)
    // Without an else the input itself comes back (jq 1.7).
    if !Self.hasElse(tokens) { isEverything = true }
  }

  private static func hasElse(_ tokens: ArraySlice<JQToken>) -> Bool {
    var index = tokens.startIndex
    while index < tokens.endIndex {
      if tokens[index].word == "else" { return true }
      index = tokens[index].word == "if" ? end(of: index, in: tokens) + 1 : index + 1
    }
    return false
  }

  /// The index of the `end` of the `if` at `start`, or the end of the tokens.
  private static func end(of start: Int, in tokens: ArraySlice<JQToken>) -> Int {
    var depth = 0
    for index in start..<tokens.endIndex {
      if tokens[index].word == "if" { depth += 1 }
      if tokens[index].word == "end" { depth -= 1 }
      if depth == 0 { return index }
    }
    return tokens.endIndex
  }
}

extension JQToken {
  /// Whether a `.name` right behind this belongs to it.
  fileprivate var endsTerm: Bool {
    switch kind {
    case .field, .variable, .group, .string, .format, .number: true
    case .word(let name):
      ![
        "and", "or", "if", "then", "elif", "else", "as", "reduce", "foreach", "try", "catch", "def",
      ].contains(name)
    case .symbol(let symbol): symbol == "." || symbol == ".." || symbol == "?"
    }
  }
}
