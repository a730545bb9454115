/// Reads a script as far as needed to say how the shell reads each expression in it.
struct ShellScan {
  enum Insertion: Hashable {
    /// A word, or part of one, outside of all quotes.
    case bare
    case inQuotes, inHereDocument, inComment, inArithmetic, inBackticks

    /// Behind what shells read in different ways.
    case ambiguous

    /// What a program reads as code: after `eval`, `sh -c`, `ssh HOST`, `awk`.
    case afterShell

    /// Where the name of a command stands.
    case command

    /// An argument of a program that would take a leading dash for an option.
    case option(of: String)
  }

  enum Context: Hashable {
    /// `$( )`, `( )` or the script itself, with the number of open `case … esac`.
    case code(cases: Int)
    case single, double, backticks, comment

    /// `$(( ))`, `(( ))`, `[[ ]]` and `let`, or a parenthesis in one; `isOuter` where only `))` may end it.
    case arithmetic(isOuter: Bool)

    /// `$' '`, with its backslashes.
    case escaped

    /// `${ }`, whose word is read as what surrounds it; `isIndex` where a number stands: `${A[ ]}`, `${A: }`.
    case parameter(isIndex: Bool)
  }

  struct HereDocument {
    var end: String
    var isIndented: Bool
  }

  private(set) var found: [Insertion] = []
  var contexts: [Context] = [.code(cases: 0)]
  var documents: [HereDocument] = []
  var openDocument: HereDocument?
  var documentLine = ""

  /// What was read can be read in another way too, so nothing behind it is certain.
  var isAmbiguous = false

  /// The finished words of the simple command at hand, and the one being read.
  var words: [String] = []
  var word = ""
  var isWordOpen = false

  static func insertions(in template: Template) -> [Insertion] {
    var scan = ShellScan()
    for (index, part) in template.parts.enumerated() {
      switch part {
      case .text(let text): scan.read(text)
      case .expression: scan.insert(before: template.parts.dropFirst(index + 1).first?.words ?? [])
      }
    }
    return scan.found
  }

  /// Whether a program reads words and quotes as `/bin/sh` does.
  static func isShell(_ program: String) -> Bool {
    let name = program.split(separator: " ").first?.split(separator: "/").last.map(String.init) ?? ""
    return ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"].contains(name)
  }

  private mutating func insert(before next: [Substring]) {
    let isCompared = command.first == "[[" && (next.first.map(Self.isComparison) ?? false)
    found.append(isCompared ? .inArithmetic : insertion)
    word += "x"
    isWordOpen = true
    if openDocument != nil { documentLine += "x" }
  }

  private var insertion: Insertion {
    if isAmbiguous { return .ambiguous }
    if openDocument != nil { return .inHereDocument }
    if contexts.contains(.backticks) { return .inBackticks }
    switch contexts.last {
    case .single, .double, .escaped: return .inQuotes
    case .comment: return .inComment
    case .arithmetic, .parameter(isIndex: true): return .inArithmetic
    case .parameter: return contexts.contains(.double) ? .inQuotes : .bare
    case .backticks, .code, nil:
      let isCompared = command.first == "[[" && (command.last.map { Self.isComparison($0[...]) } ?? false)
      if command.first == "let" || isCompared { return .inArithmetic }
      return isWordOpen && !command.readsNextWordAsCode ? .bare : wordInsertion
    }
  }

  /// The words of the command at hand, without those before its name.
  private var command: ArraySlice<String> { words.drop { $0.isAssignment || Self.leading.contains($0) } }

  /// What a new word would be.
  private var wordInsertion: Insertion {
    guard let program = command.first else { return .command }
    if command.readsNextWordAsCode { return .afterShell }
    let takesOptions = Self.programs.contains(program) && !command.contains("--")
    return takesOptions && !(words.last?.hasPrefix("-") ?? false) ? .option(of: program) : .bare
  }

  /// Words before a command that are not the command.
  static let leading: Set<String> = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "command", "time", "sudo", "env", "nohup",
  ]

  /// Whether what stands on both sides is arithmetic in `[[ ]]`, where a value may name a command to run: `a[$(id)]`.
  private static func isComparison(_ word: Substring) -> Bool {
    ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v"].contains(word)
  }

  private static let programs: Set<String> = [
    "rm", "cp", "mv", "ln", "cat", "grep", "tar", "touch", "mkdir", "rmdir", "chmod", "chown", "rsync", "ssh", "scp",
    "sed", "head", "tail", "sort", "find", "kill", "git",
  ]
}

extension Template.Part {
  /// The words of a text that begins with a blank.
  fileprivate var words: [Substring] {
    guard case .text(let text) = self, text.first?.isWhitespace ?? false else { return [] }
    return text.split(maxSplits: 2, whereSeparator: \.isWhitespace)
  }
}

extension String {
  /// `NAME=value` before a command.
  fileprivate var isAssignment: Bool {
    guard let sign = firstIndex(of: "="), sign > startIndex else { return false }
    return self[..<sign].unicodeScalars.allSatisfy { $0.isLetter || $0.isDigit || $0 == "_" }
  }
}
