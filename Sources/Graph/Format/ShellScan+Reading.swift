// How the text between expressions moves the scan on.

extension ShellScan {
  mutating func read(_ text: String) {
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
    case .escaped: readEscaped(character, &rest)
    case .arithmetic(let isOuter): readArithmetic(character, isOuter, &rest)
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

  /// `$'…'`. Shells that do not know it end it at `\'`.
  private mutating func readEscaped(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case "'": contexts.removeLast()
    case "\\": if rest.popFirst() == "'" { isAmbiguous = true }
    default: add(character)
    }
  }

  /// One `)` where two would end it tells of a subshell; not every shell sees single quotes here.
  private mutating func readArithmetic(
    _ character: Unicode.Scalar, _ isOuter: Bool, _ rest: inout ArraySlice<Unicode.Scalar>
  ) {
    switch character {
    case ")" where isOuter && rest.first == ")":
      rest.removeFirst()
      contexts.removeLast()
    case "(": contexts.append(.arithmetic(isOuter: false))
    case ")":
      if isOuter { isAmbiguous = true }
      contexts.removeLast()
    case "\"": contexts.append(.double)
    case "`": toggleBackticks()
    case "\\": _ = rest.popFirst()
    case "'": isAmbiguous = true
    case "$": dollar(&rest)
    default: break
    }
  }

  private mutating func readParameter(_ character: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
    switch character {
    case "}": contexts.removeLast()
    case "[": contexts[contexts.count - 1] = .parameter(isIndex: true)
    case "]": contexts[contexts.count - 1] = .parameter(isIndex: false)
    case ":" where !"-=+?".unicodeScalars.contains(rest.first ?? " "):
      contexts[contexts.count - 1] = .parameter(isIndex: true)
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
    case "(" where rest.first == "(" && !isWordOpen && words.isEmpty:
      rest.removeFirst()
      contexts.append(.arithmetic(isOuter: true))
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
      contexts.append(.arithmetic(isOuter: true))
    case "(":
      rest.removeFirst()
      contexts.append(.code(cases: 0))
      words.append(">(")
      endCommand()
    case "{":
      rest.removeFirst()
      contexts.append(.parameter(isIndex: false))
    case "'" where contexts.last != .double && !contexts.contains(.double):
      rest.removeFirst()
      contexts.append(.escaped)
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
    documents.append(HereDocument(end: Self.delimiter(&rest), isIndented: isIndented))
  }

  /// The word that ends a here-document, its quotes taken away.
  private static func delimiter(_ rest: inout ArraySlice<Unicode.Scalar>) -> String {
    var name = String.UnicodeScalarView()
    var quote: Unicode.Scalar?
    while let character = rest.first {
      if quote == nil, " \t\n;|&<>()".unicodeScalars.contains(character) { break }
      rest.removeFirst()
      if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
      } else if character == "\\", quote != "'" {
        if let next = rest.popFirst() { name.append(next) }
      } else {
        name.append(character)
      }
    }
    return String(name)
  }
}
