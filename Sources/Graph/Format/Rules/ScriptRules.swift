/// An expression in a script is quoted for the shell, which holds only where the shell reads a bare word.
struct QuotingRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.parts.scripts.flatMap { script -> [Problem] in
      if let interpreter = script.interpreter, !ShellScan.isShell(interpreter) {
        return script.offsets.prefix(1).map {
          Problem(
            at: script.value.position(ofByte: $0),
            "an expression in a script is quoted for the shell, not for \(shown(interpreter))",
            hint: "pass it in \"env\" and read the variable")
        }
      }
      return zip(script.offsets, ShellScan.insertions(in: script.template)).compactMap { offset, insertion in
        Self.problem(insertion, at: script.value.position(ofByte: offset))
      }
    }
  }

  private static func problem(_ insertion: ShellScan.Insertion, at position: SourcePosition) -> Problem? {
    let quoted = "each ${{ }} is quoted for the shell already"
    switch insertion {
    case .bare: return nil
    case .inQuotes:
      return Problem(
        at: position, "an expression inside quotes; \(quoted)",
        hint: "remove the quotes around it, or pass it in \"env\"")
    case .inHereDocument:
      return Problem(
        at: position, "an expression inside a here-document, where its quotes would be text",
        hint: "pass it in \"env\" and write $NAME")
    case .inComment:
      return Problem(
        at: position, "an expression inside a comment, which a line break in its value would end", hint: "leave it out")
    case .inArithmetic:
      return Problem(
        at: position, "an expression inside $(( )), where its quotes are no number", hint: "pass it in \"env\"")
    case .inBackticks:
      return Problem(
        at: position, "an expression inside backticks, which read quotes another way", hint: "write $( ) instead")
    case .ambiguous:
      return Problem(
        at: position, "an expression behind quotes that shells read in different ways", hint: "pass it in \"env\"")
    case .afterShell:
      return Problem(
        at: position, "an expression that is read once more as code",
        hint: "pass it as an argument: sh -c 'SCRIPT' sh ARGUMENT; or in \"env\"")
    case .command:
      return Problem(
        .warning, at: position, "an expression decides which program runs",
        hint: "name the program in the file, and let the expression choose among such names")
    case .option(let command):
      return Problem(
        .warning, at: position, "a value that begins with - would be an option of \(command)",
        hint: "write -- before it")
    }
  }
}

/// The program of an `argv` is what the file says.
struct ProgramRule: Rule {
  func problems(in draft: Draft) -> [Problem] {
    draft.parts.computedPrograms.map { position in
      Problem(
        .warning, at: position, "an expression decides which program runs",
        hint: "name the program in the file, and let expressions give its arguments")
    }
  }
}
