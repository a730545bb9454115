/// Whether a text is JSON by its grammar alone, however large, deep or inexact.
struct JSONSyntax {
  private var rest: Substring.UnicodeScalarView
  private var open: [Unicode.Scalar] = []

  static func holds(_ text: String) -> Bool {
    var syntax = JSONSyntax(rest: text[...].unicodeScalars)
    return syntax.holds()
  }

  private init(rest: Substring.UnicodeScalarView) { self.rest = rest }

  private mutating func holds() -> Bool {
    while true {
      skipSpace()
      guard var isEnd = beginValue() else { return false }
      while isEnd {
        skipSpace()
        guard let last = open.last else { return rest.isEmpty }
        if take(",") {
          if last == "{" {
            skipSpace()
            guard key() else { return false }
          }
          isEnd = false
        } else if take(last == "{" ? "}" : "]") {
          open.removeLast()
        } else {
          return false
        }
      }
    }
  }

  /// True after a whole value, false after the opening of a list or object with something in it.
  private mutating func beginValue() -> Bool? {
    if take("[") {
      skipSpace()
      if take("]") { return true }
      open.append("[")
      return false
    }
    if take("{") {
      skipSpace()
      if take("}") { return true }
      open.append("{")
      return key() ? false : nil
    }
    if rest.first == "\"" { return string() ? true : nil }
    return number() || word("true") || word("false") || word("null") ? true : nil
  }

  private mutating func key() -> Bool {
    guard string() else { return false }
    skipSpace()
    return take(":")
  }

  private mutating func string() -> Bool {
    guard take("\"") else { return false }
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"": return true
      case "\\": if rest.popFirst() == nil { return false }
      case "\0"..<" ": return false
      default: break
      }
    }
    return false
  }

  private mutating func number() -> Bool {
    let start = rest
    _ = take("-")
    let hasDigits = take("0") || digits()
    guard hasDigits, !take(".") || digits() else {
      rest = start
      return false
    }
    guard take("e") || take("E") else { return true }
    _ = take("+") || take("-")
    return digits()
  }

  private mutating func digits() -> Bool {
    let count = rest.prefix { ("0"..."9").contains($0) }.count
    rest.removeFirst(count)
    return count > 0
  }

  private mutating func word(_ word: String) -> Bool {
    guard rest.starts(with: word.unicodeScalars) else { return false }
    rest.removeFirst(word.unicodeScalars.count)
    return true
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard rest.first == scalar else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func skipSpace() {
    while let first = rest.first, first == " " || first == "\n" || first == "\t" || first == "\r" { rest.removeFirst() }
  }
}
