/// Reads a script as far as needed to say how the shell reads each expression in it.
struct ShellScan {
  enum Insertion: Hashable {
    /// A word, or part of one, outside of all quotes.
    case bare
    case inQuotes, inHereDocument, inComment, inArithmetic, inBackticks

    /// After `eval` or `sh -c`.
    case afterShell

    /// Where the name of a command stands.
    case command

    /// An argument of a program that would take a leading dash for an option.
    case option(of: String)
  }

  private enum Context: Hashable {
    /// `$( )`, `( )` or the script itself, with the number of open `case … esac`.
    case code(cases: Int)
    case single, double, backticks, arithmetic, comment

    /// `${ }`, whose word is read as what surrounds it.
    case parameter
  }

  private struct HereDocument {
    var end: String
    var isIndented: Bool
  }

  private(set) var found: [Insertion] = []
  private var contexts: [Context] = [.code(cases: 0)]
  private var documents: [HereDocument] = []
  private var openDocument: HereDocument?
  private var documentLine = ""

  /// The finished words of the simple command at hand, and the one being read.
  private var words: [String] = []
  private var word = ""
  private var isWordOpen = false

  static func insertions(in template: Template) -> [Insertion] {
    var scan = ShellScan()
    for part in template.parts {
      switch part {
      case .text(let text): scan.read(text)
      case .expression: scan.insert()
      }
    }
    return scan.found
  }

  /// Whether a program reads words and quotes as `/bin/sh` does.
  static func isShell(_ program: String) -> Bool {
    let name = program.split(separator: " ").first?.split(separator: "/").last.map(String.init) ?? ""
    return ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"].contains(name)
  }

  private mutating func insert() {
    found.append(insertion)
    word += "x"
    isWordOpen = true
    if openDocument != nil { documentLine += "x" }
  }

  private var insertion: Insertion {
    if openDocument != nil { return .inHereDocument }
    if contexts.contains(.backticks) { return .inBackticks }
    switch contexts.last {
    case .single, .double: return .inQuotes
    case .comment: return .inComment
    case .arithmetic: return .inArithmetic
    case .parameter: return contexts.contains(.double) ? .inQuotes : .bare
    case .backticks, .code, nil: return isWordOpen ? .bare : wordInsertion
    }
  }

  /// What a new word would be.
  private var wordInsertion: Insertion {
    let command = words.drop { $0.isAssignment || Self.leading.contains($0) }
    guard let program = command.first else { return .command }
    if program == "eval" { return .afterShell }
    if Self.isShell(program), command.count == 2, command.last?.hasPrefix("-") == true,
      command.last?.contains("c") == true
    {
      return .afterShell
    }
    let takesOptions = Self.programs.contains(program) && !command.contains("--")
    return takesOptions && !(words.last?.hasPrefix("-") ?? false) ? .option(of: program) : .bare
  }

  /// Words before a command that are not the command.
  private static let leading: Set<String> = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "command", "time", "sudo", "env", "nohup",
  ]

  private static let programs: Set<String> = [
    "rm", "cp", "mv", "ln", "cat", "grep", "tar", "touch", "mkdir", "rmdir", "chmod", "chown", "rsync", "ssh", "scp",
    "sed", "head", "tail", "sort", "find", "kill", "git",
  ]
}

// MARK: reading

extension ShellScan {
  private mutating func read(_ text: String) {
    var characters = Array(text.unicodeScalars)[...]
    while let character = characters.popFirst() {
      if openDocument != nil {
        readDocument(character)
      } else {
        read(character, &characters)
      }
    }
  }

  private mutating func readDocument(_ character: Unicode.Scalar) {
    guard character == "\n" else { return documentLine.unicodeScalars.append(character) }
    guard let document = openDocument else { return }
    let line = document.isIndented ? String(documentLine.drop { $0 == "\t" }) : documentLine
    documentLine = ""
    if line == document.end { openDocument = documents.isEmpty ? nil : documents.removeFirst() }
  }

  private mutating func read(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch contexts.last ?? .code(cases: 0) {
    case .single: if character == "'" { contexts.removeLast() } else { add(character) }
    case .comment:
      if character == "\n" {
        contexts.removeLast()
        endLine()
      }
    case .double: readDouble(character, &rest)
    case .arithmetic: readArithmetic(character, &rest)
    case .parameter: readParameter(character, &rest)
    case .backticks where character == "`":
      contexts.removeLast()
      add("x")
    case .code, .backticks: readCode(character, &rest)
    }
  }

  private mutating func readDouble(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case "\"": contexts.removeLast()
    case "\\": _ = rest.popFirst()
    case "$": dollar(&rest)
    case "`": toggleBackticks()
    default: add(character)
    }
  }

  private mutating func readArithmetic(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case ")" where rest.first == ")":
      rest.removeFirst()
      contexts.removeLast()
    case "(": contexts.append(.arithmetic)
    case ")": contexts.removeLast()
    case "$": dollar(&rest)
    default: break
    }
  }

  private mutating func readParameter(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case "}": contexts.removeLast()
    case "\\": _ = rest.popFirst()
    case "$": dollar(&rest)
    case "\"": contexts.append(.double)
    case "'" where !contexts.contains(.double): contexts.append(.single)
    case "`": toggleBackticks()
    default: add(character)
    }
  }

  private mutating func readCode(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case "'": begin(.single)
    case "\"": begin(.double)
    case "`": toggleBackticks()
    case "\\":
      let next = rest.popFirst()
      if next != "\n" { add("x") }
    case "$": dollar(&rest)
    case "#" where !isWordOpen: contexts.append(.comment)
    case "\n": endLine()
    case ";", "&", "|": endCommand()
    case "(":
      endCommand()
      contexts.append(.code(cases: 0))
    case ")": closeParenthesis()
    case "<" where rest.first == "<": hereDocument(&rest)
    case "<", ">":
      endWord()
      words.append(">")
    case " ", "\t", "\r": endWord()
    default: add(character)
    }
  }

  private mutating func begin(_ context: Context) {
    isWordOpen = true
    contexts.append(context)
  }

  private mutating func add(_ character: Unicode.Scalar) {
    isWordOpen = true
    word.unicodeScalars.append(character)
  }

  private mutating func dollar(_ rest: inout ArraySlice<Unicode.Scalar>) {
    isWordOpen = true
    switch rest.first {
    case "(" where rest.dropFirst().first == "(":
      rest.removeFirst(2)
      contexts.append(.arithmetic)
    case "(":
      rest.removeFirst()
      contexts.append(.code(cases: 0))
      words.append(">(")
      endCommand()
    case "{":
      rest.removeFirst()
      contexts.append(.parameter)
    case "#": rest.removeFirst()
    default: add("$")
    }
  }

  private mutating func toggleBackticks() {
    if contexts.last == .backticks { contexts.removeLast() } else { contexts.append(.backticks) }
    endCommand()
  }

  private mutating func closeParenthesis() {
    if word == "esac" { endWord() }
    if case .code(let cases)? = contexts.last, cases == 0, contexts.count > 1 {
      contexts.removeLast()
      endCommand()
      words = ["x"]
      isWordOpen = true
    } else {
      endCommand()
    }
  }

  private mutating func endWord() {
    guard isWordOpen else { return }
    if case .code(let cases)? = contexts.last {
      let isCommand = !words.contains { !Self.leading.contains($0) }
      if word == "case", isCommand { contexts[contexts.count - 1] = .code(cases: cases + 1) }
      if word == "esac", cases > 0 { contexts[contexts.count - 1] = .code(cases: cases - 1) }
    }
    if words.last == ">" { words.removeLast() } else { words.append(word) }
    word = ""
    isWordOpen = false
  }

  private mutating func endCommand() {
    endWord()
    words = []
  }

  private mutating func endLine() {
    endCommand()
    if !documents.isEmpty { openDocument = documents.removeFirst() }
  }

  /// `<<END`, `<<-'END'`; `<<<` is a word.
  private mutating func hereDocument(_ rest: inout ArraySlice<Unicode.Scalar>) {
    endWord()
    rest.removeFirst()
    if rest.first == "<" {
      rest.removeFirst()
      return words.append(">")
    }
    let isIndented = rest.first == "-"
    if isIndented { rest.removeFirst() }
    rest = rest.drop { $0 == " " || $0 == "\t" }
    let end = rest.prefix { !" \t\n;|&<>()".unicodeScalars.contains($0) }
    rest = rest[end.endIndex...]
    let name = String(String.UnicodeScalarView(end.filter { $0 != "'" && $0 != "\"" && $0 != "\\" }))
    documents.append(HereDocument(end: name, isIndented: isIndented))
  }
}

extension String {
  /// `NAME=value` before a command.
  fileprivate var isAssignment: Bool {
    guard let sign = firstIndex(of: "="), sign > startIndex else { return false }
    return self[..<sign].unicodeScalars.allSatisfy { $0.isLetter || $0.isDigit || $0 == "_" }
  }
}
