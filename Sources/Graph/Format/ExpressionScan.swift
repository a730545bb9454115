/// What can be known of an expression without running it: the variables it names and the channels it surely reads.
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

  private let source: [UInt8]
  private var place = 0
  private var levels = [Level()]
  private var last = Token.start

  private struct Level {
    /// Whether `.` is the state here.
    var isState = true

    /// Inside `\( )` of a string.
    var isInterpolation = false
  }

  private enum Token {
    case start, open, operand, name, variable, other
  }

  init(_ source: String) {
    self.source = Array(source.utf8)
    while place < self.source.count { step() }
    if isRewriting { channels = [] }
  }

  /// Set by what makes `.` hard to follow: definitions and assignments.
  private var isRewriting = false

  private mutating func step() {
    let byte = source[place]
    switch byte {
    case UInt8(ascii: "\""): string()
    case UInt8(ascii: "#"): while place < source.count, source[place] != 0x0A { place += 1 }
    case UInt8(ascii: "$"): variable()
    case UInt8(ascii: "."): dot()
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): open(byte)
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): close()
    case UInt8(ascii: "|"), UInt8(ascii: "="): pipeOrAssignment(byte)
    case 0x20, 0x09, 0x0A, 0x0D: place += 1
    case _ where byte.isWordStart: word()
    case _ where byte.isDigit: number()
    default:
      place += 1
      if byte != UInt8(ascii: "?") { last = .other }
    }
  }

  private mutating func open(_ byte: UInt8) {
    // A bracket after a term is an index or an argument list: what `.` is there is not followed.
    let continues = last == .operand || last == .name || last == .variable
    levels.append(Level(isState: isState && (byte == UInt8(ascii: "{") || !continues)))
    last = .open
    place += 1
  }

  private mutating func close() {
    place += 1
    let level = levels.count > 1 ? levels.removeLast() : Level()
    last = .operand
    if level.isInterpolation { stringRest() }
  }

  private var isState: Bool { levels[levels.count - 1].isState }

  private mutating func pipeOrAssignment(_ byte: UInt8) {
    let next = place + 1 < source.count ? source[place + 1] : 0
    if byte == UInt8(ascii: "=") {
      let before = place > 0 ? source[place - 1] : 0
      let isComparison = next == UInt8(ascii: "=") || "!<>".utf8.contains(before)
      if !isComparison { isRewriting = true }
      place += next == UInt8(ascii: "=") ? 2 : 1
    } else {
      if next == UInt8(ascii: "=") { isRewriting = true }
      levels[levels.count - 1].isState = false
      place += 1
    }
    last = .other
  }

  private mutating func variable() {
    let start = place
    place += 1
    let name = identifier()
    guard !name.isEmpty else { return }
    variables.append(Mention(name: name, member: member(), offset: start))
    last = .variable
  }

  /// The `.name` or `["name"]` right here, which is left to be scanned.
  private func member() -> String? {
    var ahead = self
    if ahead.take(".") {
      if ahead.take("[") { return ahead.quoted(until: "]") }
      let name = ahead.identifier()
      return name.isEmpty ? ahead.quoted(until: nil) : name
    }
    return ahead.take("[") ? ahead.quoted(until: "]") : nil
  }

  private mutating func quoted(until end: Character?) -> String? {
    guard take("\"") else { return nil }
    let start = place
    while place < source.count, source[place] != UInt8(ascii: "\""), source[place] != UInt8(ascii: "\\") { place += 1 }
    let text = String(decoding: source[start..<place], as: UTF8.self)
    guard take("\""), end.map({ take($0) }) ?? true else { return nil }
    return text
  }

  private mutating func take(_ character: Character) -> Bool {
    guard place < source.count, source[place] == character.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func dot() {
    let start = place
    let beginsTerm = last != .operand && last != .variable && last != .name
    place += 1
    let name = identifier()
    if !name.isEmpty, beginsTerm, isState { channels.append(Mention(name: name, member: nil, offset: start)) }
    if name.isEmpty, place < source.count, source[place].isDigit { number() }
    last = .operand
  }

  private mutating func word() {
    let name = identifier()
    switch name {
    case "def", "label", "import", "include":
      isRewriting = true
      last = .other
    case "catch", "reduce", "foreach":
      levels[levels.count - 1].isState = false
      last = .other
    case "and", "or", "not", "if", "then", "elif", "else", "as", "try": last = .other
    case "end": last = .operand
    default: last = .name
    }
  }

  private mutating func number() {
    while place < source.count, source[place].isWord || source[place] == UInt8(ascii: ".") { place += 1 }
    last = .operand
  }

  private mutating func identifier() -> String {
    guard place < source.count, source[place].isWordStart else { return "" }
    let start = place
    while place < source.count, source[place].isWord { place += 1 }
    return String(decoding: source[start..<place], as: UTF8.self)
  }

  private mutating func string() {
    place += 1
    stringRest()
  }

  /// Goes on to the end of a string, or to an expression inside it.
  private mutating func stringRest() {
    while place < source.count {
      let byte = source[place]
      place += 1
      if byte == UInt8(ascii: "\"") { break }
      guard byte == UInt8(ascii: "\\"), place < source.count else { continue }
      place += 1
      if source[place - 1] == UInt8(ascii: "(") {
        levels.append(Level(isState: isState, isInterpolation: true))
        last = .open
        return
      }
    }
    last = .operand
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
  fileprivate var isWordStart: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) || self == 0x5F }
  fileprivate var isWord: Bool { isWordStart || isDigit }
}
