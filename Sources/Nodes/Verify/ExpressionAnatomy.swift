/// Which parts of a condition are worth showing when it does not hold: the left sides of its comparisons, else the
/// paths it reads. Only for messages: a part that is no expression by itself is left out by who evaluates it.
enum ExpressionAnatomy {
  /// At most three.
  static func operands(of source: String) -> [String] {
    let tokens = topLevel(source)
    var prefix = ""
    var piece: [Token] = []
    var pieces: [[Token]] = []
    for token in tokens {
      switch token.text {
      case "|":
        prefix += pieces.flatMap(\.self).map(\.text).joined() + piece.map(\.text).joined() + "|"
        (piece, pieces) = ([], [])
      case "and", "or":
        pieces.append(piece + [token])
        piece = []
      default: piece.append(token)
      }
    }
    pieces.append(piece)
    var operands: [String] = []
    for piece in pieces {
      if let comparison = piece.firstIndex(where: { comparisons.contains($0.text) }) {
        operands.append(prefix + piece[..<comparison].map(\.text).joined())
      } else if !prefix.isEmpty {
        operands.append(String(prefix.dropLast()))
      } else {
        operands += paths(in: piece.map(\.text).joined())
      }
    }
    var unique: [String] = []
    // How often a task was tried is no finding.
    for operand in operands.map(trimmed)
    where !operand.isEmpty && !operand.hasPrefix("$run") && !unique.contains(operand) {
      unique.append(operand)
    }
    return Array(unique.prefix(3))
  }

  private static let comparisons: Set<String> = ["==", "!=", "<", "<=", ">", ">="]

  /// A piece of the text that is one thing at the outermost level: an operator, or anything between two.
  private struct Token {
    var text: String
  }

  private static func topLevel(_ source: String) -> [Token] {
    var tokens: [Token] = []
    var current = ""
    var depth = 0
    var rest = source[...]
    func isOperator(_ text: Substring) -> String? {
      for sign in ["==", "!=", "<=", ">=", "//", "<", ">"] where text.hasPrefix(sign) { return sign }
      if text.hasPrefix("|"), !text.hasPrefix("|=") { return "|" }
      guard current.last.map({ $0.isWhitespace || $0 == ")" || $0 == "]" }) ?? false else { return nil }
      for word in ["and", "or"] where text.hasPrefix(word) {
        guard let next = text.dropFirst(word.count).first, !next.isLetter, !next.isNumber, next != "_" else { continue }
        return word
      }
      return nil
    }
    while let character = rest.first {
      if character == "\"" {
        let text = string(rest)
        current += text
        rest = rest.dropFirst(text.count)
        continue
      }
      if depth == 0, let sign = isOperator(rest) {
        tokens += [Token(text: current), Token(text: sign)]
        current = ""
        rest = rest.dropFirst(sign.count)
        continue
      }
      if "([{".contains(character) { depth += 1 }
      if ")]}".contains(character) { depth -= 1 }
      current.append(character)
      rest = rest.dropFirst()
    }
    return tokens + [Token(text: current)]
  }

  /// The string literal that `text` starts with, its quotes included.
  private static func string(_ text: Substring) -> String {
    var result = "\""
    var isEscaped = false
    for character in text.dropFirst() {
      result.append(character)
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        break
      }
    }
    return result
  }

  /// `.a.b`, `$result.status` and the like.
  private static func paths(in text: String) -> [String] {
    var paths: [String] = []
    var current = ""
    var inString = false
    for character in text + " " {
      if character == "\"" { inString.toggle() }
      let starts = character == "." || character == "$"
      if !inString, starts || (!current.isEmpty && (character.isLetter || character.isNumber || character == "_")) {
        current.append(character)
      } else {
        if current.count > 1, current.last != "." { paths.append(current) }
        current = ""
      }
    }
    return paths
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first?.isWhitespace == true { text = text.dropFirst() }
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
