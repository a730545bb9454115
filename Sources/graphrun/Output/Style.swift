import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How text looks on this terminal.
struct Style: Sendable {
  var hasColor: Bool

  func dim(_ text: String) -> String { wrap(text, "2") }
  func bold(_ text: String) -> String { wrap(text, "1") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    hasColor && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// What the process's streams are connected to.
enum Terminal {
  /// Output goes to a terminal that can move its cursor.
  static var isLive: Bool { isTerminal(STDOUT_FILENO) && ProcessInfo.processInfo.environment["TERM"] != "dumb" }
  static var canAsk: Bool { isLive && isTerminal(STDIN_FILENO) }

  static func style(_ descriptor: Int32 = STDOUT_FILENO, noColor: Bool) -> Style {
    let environment = ProcessInfo.processInfo.environment
    let isWanted = !noColor && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    return Style(hasColor: isWanted && isTerminal(descriptor))
  }

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

extension String {
  /// Columns it takes on a terminal, roughly.
  var columns: Int { reduce(0) { $0 + $1.columns } }

  /// As much of it as fits into `columns`, with an ellipsis where something is left out.
  func cut(to columns: Int) -> String {
    guard utf8.count > columns, self.columns > columns else { return self }
    guard columns > 0 else { return "" }
    var text = ""
    var width = 0
    for character in self {
      guard width + character.columns < columns else { break }
      text.append(character)
      width += character.columns
    }
    return text + "…"
  }

  /// Its words on lines, the first of at most `first` columns, the others of at most `rest`. A word that is longer stays
  /// whole: an address or a path can be copied.
  func folded(first: Int, rest: Int) -> [String] {
    var (lines, width, room) = ([""], 0, first)
    for word in split(separator: " ", omittingEmptySubsequences: false) {
      let columns = String(word).columns
      if width > 0, width + 1 + columns <= room {
        lines[lines.endIndex - 1] += " " + word
        width += 1 + columns
      } else {
        if width > 0 || columns > room { lines.append("") }
        lines[lines.endIndex - 1] += word
        (width, room) = (columns, lines.count > 1 ? rest : first)
      }
    }
    return lines
  }
}

extension String {
  /// A line of prose on lines of at most `columns`. What is indented is a command or a list: it stays whole, to be copied.
  func foldedProse(_ columns: Int) -> [String] { first == " " ? [self] : folded(first: columns, rest: columns) }
}

extension Character {
  fileprivate var columns: Int {
    if isASCII { return 1 }
    return unicodeScalars.map(\.columns).max() ?? 0
  }
}

extension Unicode.Scalar {
  fileprivate var columns: Int {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
      0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return properties.isEmojiPresentation ? 2 : 1
    }
  }
}
