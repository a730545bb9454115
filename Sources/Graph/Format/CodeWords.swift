extension Collection<String> {
  /// Whether what follows these words of one command is read as code by a program among them.
  var readsNextWordAsCode: Bool {
    if first.map(Self.evaluating.contains) ?? false { return true }
    var rest = self[...]
    while let program = rest.first {
      rest = rest.dropFirst()
      let name = program.split(separator: "/").last.map(String.init) ?? program
      if ShellScan.isShell(name), rest.endsInCodeOption(["c"], withArgument: ["o", "O"]) { return true }
      if let flags = Self.interpreters[name], rest.endsInCodeOption(flags, withArgument: []) { return true }
      if Self.firstArgumentIsCode.contains(name), rest.allSatisfy({ $0.hasPrefix("-") }) { return true }
      if name == "ssh", rest.contains(where: { !$0.hasPrefix("-") }) { return true }
    }
    return false
  }

  /// Whether these options of an interpreter end with the one behind which code stands, and no script comes before it.
  private func endsInCodeOption(_ flags: Set<Character>, withArgument: Set<Character>) -> Bool {
    var isArgument = false
    var isLastCode = false
    for word in self {
      if isArgument {
        isArgument = false
        continue
      }
      isLastCode = false
      guard word.hasPrefix("-") || word.hasPrefix("+") else { return false }
      guard word.hasPrefix("-"), !word.hasPrefix("--") else {
        isArgument = withArgument.contains(word.last ?? "-")
        continue
      }
      isLastCode = word.contains(where: flags.contains)
      isArgument = !isLastCode && withArgument.contains(word.last ?? "-")
    }
    return isLastCode
  }

  private static var evaluating: Set<String> { ["eval", "trap", "alias"] }
  private static var firstArgumentIsCode: Set<String> {
    ["awk", "gawk", "mawk", "nawk", "sed", "watch"]
  }

  private static var interpreters: [String: Set<Character>] {
    [
      "python": ["c"], "python3": ["c"], "perl": ["e", "E"], "ruby": ["e"], "node": ["e", "p"], "php": ["r"],
      "lua": ["e"], "osascript": ["e"], "Rscript": ["e"], "su": ["c"],
    ]
  }
}
