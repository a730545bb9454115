import Graph

/// Which programs a script starts, as far as it can be read without running it.
///
/// Only the first words of plain commands count. Reading ends at what needs more than that (`case`, a here-document), and
/// words that the script may have defined itself, or looks for first, are left out: what is found is needed.
struct ScriptPrograms {
  private static let keywords: Set<String> = [
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "{", "}", "time",
  ]

  /// Words before a command that are not the command.
  private static let carriers: Set<String> = ["exec", "command", "env", "nohup", "sudo"]

  private static let builtins: Set<String> = [
    ".", ":", "[", "[[", "alias", "bg", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export",
    "false", "fg", "getopts", "hash", "jobs", "kill", "let", "local", "printf", "pwd", "read", "readonly", "return",
    "set",
    "shift", "source", "test", "times", "trap", "true", "type", "typeset", "declare", "ulimit", "umask", "unalias",
    "unset", "wait", "shopt", "pushd", "popd", "function", "mapfile",
  ]

  /// By these a script finds out whether a program is there, or gets commands that cannot be seen here.
  private static let evasive: Set<String> = [
    ".", "source", "eval", "alias", "which", "type", "hash", "function",
  ]

  /// The programs that `script` starts, in order.
  static func names(in script: Template) -> [String] {
    var reader = ScriptWords()
    for part in script.parts {
      switch part {
      case .text(let text): reader.read(text)
      case .expression: reader.readUnknown()
      }
    }
    let commands = reader.finish()
    let words = commands.compactMap(firstWord)
    let looksFirst = commands.contains { $0.starts(with: ["command", "-v"]) || $0.starts(with: ["command", "-V"]) }
    if looksFirst || words.contains(where: evasive.contains) { return [] }
    let own = Set(reader.functions)
    var seen: Set<String> = []
    return words.filter { word in
      !builtins.contains(word) && !own.contains(word) && isName(word) && seen.insert(word).inserted
    }
  }

  private static func firstWord(of command: [String]) -> String? {
    var words = command[...]
    while let word = words.first {
      let isAssignment =
        word.prefix { $0 != "=" }.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } && word.contains("=")
      guard isAssignment || keywords.contains(word) || carriers.contains(word) else { return word }
      words = words.dropFirst()
      // What an option of a carrier takes is not known.
      if carriers.contains(word), words.first?.hasPrefix("-") == true { return nil }
    }
    return nil
  }

  private static func isName(_ word: String) -> Bool {
    !word.isEmpty && word.first != "-" && word.first != "~"
      && word.unicodeScalars.allSatisfy { $0.isASCIIWord || "-./+".unicodeScalars.contains($0) }
  }
}

/// The words of a script's simple commands.
private struct ScriptWords {
  private(set) var functions: [String] = []
  private var commands: [[String]] = []
  private var command: [String] = []
  private var word: String?
  private var quote: Character?
  private var isEscaped = false
  private var isComment = false
  private var previous: Character = "\n"

  /// What follows cannot be read without running it.
  private var isOver = false

  /// Stands for what is only known at run time.
  private static let unknown: Character = "\u{0}"

  mutating func readUnknown() {
    if !isOver, !isComment { word = (word ?? "") + String(Self.unknown) }
  }

  mutating func read(_ text: String) {
    for character in text where !isOver {
      read(character)
      previous = character
    }
  }

  mutating func finish() -> [[String]] {
    // What an open quote hides is not known.
    if !isOver, quote == nil { endCommand() }
    return commands
  }

  private mutating func read(_ character: Character) {
    if isComment {
      isComment = character != "\n"
      if !isComment { endCommand() }
    } else if isEscaped {
      isEscaped = false
      if character != "\n" { word = (word ?? "") + String(character) }
    } else if let open = quote {
      if character == open { quote = nil } else { readQuoted(character, open) }
    } else {
      readPlain(character)
    }
  }

  private mutating func readQuoted(_ character: Character, _ open: Character) {
    if open == "\"", character == "\\" { isEscaped = true }
    let isInserted = open == "\"" && (character == "$" || character == "`")
    word = (word ?? "") + String(isInserted ? Self.unknown : character)
    // A command inside: its own quotes are not followed.
    if open == "\"", character == "`" || character == "(" && previous == "$" { giveUp() }
  }

  private mutating func readPlain(_ character: Character) {
    switch character {
    case "\\": isEscaped = true
    case "'", "\"":
      quote = character
      word = word ?? ""
    case "#" where word == nil: isComment = true
    case " ", "\t": endWord()
    // `>&1` and `>|file` are redirections.
    case "|", "&": if word == ">" || word == "<" { word = (word ?? "") + "&" } else { endCommand() }
    case "\n", ";": endCommand()
    case "(": open()
    case ")": endCommand()
    case "<" where word?.last == "<": giveUp()
    case "<", ">":
      if word?.allSatisfy(\.isNumber) != true { endWord() }
      word = String(character)
    case "`": giveUp()
    case "$", "*", "?": word = (word ?? "") + String(Self.unknown)
    default: word = (word ?? "") + String(character)
    }
  }

  /// A function's name, a subshell, or what is no command: something inserted, a list, arithmetic.
  private mutating func open() {
    if word?.last == Self.unknown || word?.contains("=") == true || previous == "(" { return giveUp() }
    if let name = word, !name.isEmpty, command.isEmpty { functions.append(name) }
    word = nil
    endCommand()
  }

  private mutating func giveUp() {
    word = nil
    endCommand()
    isOver = true
  }

  private mutating func endWord() {
    guard let ended = word else { return }
    word = nil
    // A redirection whose file stands apart.
    if ended == "<" || ended == ">" { return word = ended }
    if ended.first == "<" || ended.first == ">" { return }
    if command.isEmpty, ended == "case" || ended == "[[" { return giveUp() }
    command.append(ended)
  }

  private mutating func endCommand() {
    endWord()
    word = nil
    let isLoop = command.first == "for" || command.first == "select"
    if !command.isEmpty, !isLoop, !isOver { commands.append(command) }
    command = []
  }
}
