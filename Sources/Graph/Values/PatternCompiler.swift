/// Turns a regular expression into a program for ``Pattern``.
struct PatternCompiler {
  static let word = Pattern.Characters(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let digit = Pattern.Characters(ranges: [0x30...0x39])
  static let space = Pattern.Characters(
    ranges: [
      0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
      0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
  private static let any = Pattern.Characters(
    ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], isNegated: true)

  private indirect enum Node {
    case empty
    case one(Pattern.Characters)
    case assertion(Pattern.Instruction)
    case sequence([Node])
    case choice(Node, Node)
    case repeated(Node, least: Int, most: Int?)
  }

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  private var steps = 0
  private var program: [Pattern.Instruction] = []

  static func compile(_ text: String) throws(Pattern.Mistake) -> [Pattern.Instruction] {
    var compiler = PatternCompiler(scalars: Array(text.unicodeScalars))
    let tree = try compiler.choice()
    guard compiler.position == compiler.scalars.count else { throw compiler.mistake("\")\" closes nothing") }
    try compiler.emit(tree)
    try compiler.append(.match)
    return compiler.program
  }

  private init(scalars: [Unicode.Scalar]) {
    self.scalars = scalars
  }

  // MARK: Syntax

  private mutating func choice() throws(Pattern.Mistake) -> Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 50 else { throw mistake("nested too deep") }
    var node = try sequence()
    while take("|") { node = .choice(node, try sequence()) }
    return node
  }

  private mutating func sequence() throws(Pattern.Mistake) -> Node {
    var nodes: [Node] = []
    while let next = peek, next != "|", next != ")" { nodes.append(try repetition()) }
    return .sequence(nodes)
  }

  private mutating func repetition() throws(Pattern.Mistake) -> Node {
    let node = try atom()
    guard let (least, most) = try quantifier() else { return node }
    if case .assertion = node { throw mistake("an assertion cannot be repeated") }
    _ = take("?")  // Lazy or not, a match is a match.
    guard try quantifier() == nil else { throw mistake("nothing to repeat") }
    return .repeated(node, least: least, most: most)
  }

  private mutating func quantifier() throws(Pattern.Mistake) -> (least: Int, most: Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = position
    guard take("{"), let least = number() else {
      position = start
      return nil
    }
    let most = take(",") ? number() : least
    guard take("}") else {
      position = start
      return nil
    }
    guard least <= 1000, most ?? 0 <= 1000 else { throw mistake("more than 1000 repetitions") }
    guard most.map({ $0 >= least }) ?? true else { throw mistake("repetitions out of order") }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var digits = ""
    while let next = peek, next.isDigit, digits.count < 9 {
      digits.unicodeScalars.append(next)
      position += 1
    }
    return Int(digits)
  }

  private mutating func atom() throws(Pattern.Mistake) -> Node {
    guard let next = peek else { return .empty }
    position += 1
    switch next {
    case "^": return .assertion(.start)
    case "$": return .assertion(.end)
    case ".": return .one(Self.any)
    case "(": return try group()
    case "[": return .one(try characterClass())
    case "\\": return try escape()
    case "*", "+", "?": throw mistake("nothing to repeat")
    default: return .one(Self.single(next.value))
    }
  }

  private mutating func group() throws(Pattern.Mistake) -> Node {
    if take("?") {
      if take("<"), peek != "=", peek != "!" {
        while let next = peek, next != ">" { position += next == ")" ? scalars.count : 1 }
        guard take(">") else { throw mistake("a group's name is not closed") }
      } else if !take(":") {
        throw mistake("look-around and flags are not supported")
      }
    }
    let node = try choice()
    guard take(")") else { throw mistake("\"(\" is not closed") }
    return node
  }

  private mutating func escape() throws(Pattern.Mistake) -> Node {
    if take("b") { return .assertion(.wordBoundary(true)) }
    if take("B") { return .assertion(.wordBoundary(false)) }
    return .one(try escapedCharacters())
  }

  private mutating func escapedCharacters() throws(Pattern.Mistake) -> Pattern.Characters {
    guard let next = peek else { throw mistake("ends with a backslash") }
    position += 1
    switch next {
    case "d": return Self.digit
    case "D": return Self.negated(Self.digit)
    case "w": return Self.word
    case "W": return Self.negated(Self.word)
    case "s": return Self.space
    case "S": return Self.negated(Self.space)
    case "t": return Self.single(0x09)
    case "n": return Self.single(0x0A)
    case "v": return Self.single(0x0B)
    case "f": return Self.single(0x0C)
    case "r": return Self.single(0x0D)
    case "x": return Self.single(try hex(2))
    case "u": return Self.single(try take("{") ? bracedHex() : hex(4))
    case _ where next.isLetter || next.isDigit:
      throw mistake("\\\(next) is not supported")
    default: return Self.single(next.value)
    }
  }

  private mutating func hex(_ count: Int) throws(Pattern.Mistake) -> UInt32 {
    let text = String(String.UnicodeScalarView(scalars[position...].prefix(count)))
    guard text.unicodeScalars.count == count, let value = UInt32(text, radix: 16), !text.hasPrefix("+") else {
      throw mistake("hexadecimal digits are missing")
    }
    position += count
    return value
  }

  private mutating func bracedHex() throws(Pattern.Mistake) -> UInt32 {
    let count = scalars[position...].firstIndex(of: "}").map { $0 - position } ?? 0
    guard (1...6).contains(count) else { throw mistake("hexadecimal digits are missing") }
    let value = try hex(count)
    position += 1
    return value
  }

  private mutating func characterClass() throws(Pattern.Mistake) -> Pattern.Characters {
    let isNegated = take("^")
    var ranges: [ClosedRange<UInt32>] = []
    while let next = peek, next != "]" {
      let first = try classMember()
      guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        ranges += try Self.plain(first)
        continue
      }
      position += 1
      let last = try classMember()
      guard first.ranges.count == 1, last.ranges.count == 1, !first.isNegated, !last.isNegated,
        first.ranges[0].count == 1, last.ranges[0].count == 1,
        first.ranges[0].lowerBound <= last.ranges[0].lowerBound
      else { throw mistake("a range out of order") }
      ranges.append(first.ranges[0].lowerBound...last.ranges[0].lowerBound)
    }
    guard take("]") else { throw mistake("\"[\" is not closed") }
    return Pattern.Characters(ranges: ranges, isNegated: isNegated)
  }

  private mutating func classMember() throws(Pattern.Mistake) -> Pattern.Characters {
    guard let next = peek else { throw mistake("\"[\" is not closed") }
    position += 1
    guard next == "\\" else { return Self.single(next.value) }
    if take("b") { return Self.single(0x08) }
    return try escapedCharacters()
  }

  /// The ranges of a set that may be negated.
  private static func plain(_ set: Pattern.Characters) throws(Pattern.Mistake) -> [ClosedRange<UInt32>] {
    guard set.isNegated else { return set.ranges }
    var ranges: [ClosedRange<UInt32>] = []
    var start: UInt32 = 0
    for range in set.ranges {
      if range.lowerBound > start { ranges.append(start...range.lowerBound - 1) }
      start = range.upperBound + 1
    }
    return ranges + [start...0x10FFFF]
  }

  private static func single(_ value: UInt32) -> Pattern.Characters { Pattern.Characters(ranges: [value...value]) }

  private static func negated(_ set: Pattern.Characters) -> Pattern.Characters {
    Pattern.Characters(ranges: set.ranges, isNegated: true)
  }

  private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    position += 1
    return true
  }

  private func mistake(_ message: String) -> Pattern.Mistake {
    Pattern.Mistake(message: "\(message) (at character \(position))")
  }

  // MARK: Program

  private mutating func append(_ instruction: Pattern.Instruction) throws(Pattern.Mistake) {
    guard program.count < Pattern.maxInstructions else { throw mistake("too large") }
    program.append(instruction)
  }

  private mutating func emit(_ node: Node) throws(Pattern.Mistake) {
    steps += 1
    guard steps <= 10 * Pattern.maxInstructions else { throw mistake("too large") }
    switch node {
    case .empty: break
    case .one(let characters): try append(.one(characters))
    case .assertion(let instruction): try append(instruction)
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .choice(let first, let second):
      let split = program.count
      try append(.split(split + 1, 0))
      try emit(first)
      let jump = program.count
      try append(.jump(0))
      program[split] = .split(split + 1, program.count)
      try emit(second)
      program[jump] = .jump(program.count)
    case .repeated(let node, let least, let most):
      for _ in 0..<least { try emit(node) }
      guard let most else { return try emitLoop(node) }
      for _ in least..<most { try emitOptional(node) }
    }
  }

  private mutating func emitLoop(_ node: Node) throws(Pattern.Mistake) {
    let split = program.count
    try append(.split(split + 1, 0))
    try emit(node)
    try append(.jump(split))
    program[split] = .split(split + 1, program.count)
  }

  private mutating func emitOptional(_ node: Node) throws(Pattern.Mistake) {
    let split = program.count
    try append(.split(split + 1, 0))
    try emit(node)
    program[split] = .split(split + 1, program.count)
  }
}
