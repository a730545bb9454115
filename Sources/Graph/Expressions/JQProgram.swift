/// The jq text that evaluates one of several expressions: compiling costs 15 ms however short it is.
///
/// Its input is `[index, state, variables, most]`; it ends after `most` values.
enum JQProgram {
  /// Bounds of one program; jq's jumps are 16 bits wide.
  static let maxExpressions = 100
  static let maxBytes = 16 << 10

  static func text(of expressions: [Expression]) -> String {
    prelude + "limit($__most; " + choice(expressions[...]) + ")"
  }

  /// What the lexer refuses, refused again.
  private static let prelude = """
    def env: {}; def _refused: error("not allowed"); def input: _refused; def inputs: _refused; \
    def _input: _refused; def input_filename: null; def input_line_number: 0; def debug: _refused; \
    def stderr: _refused; def halt: _refused; def halt_error: _refused; def halt_error(x): _refused; \
    def modulemeta: _refused; def get_search_list: []; def get_jq_origin: null; def get_prog_origin: null; \
    . as [$__index, $__state, $__variables, $__most] | {} as $ENV
    """ + Scope.variableNames.map { " | $__variables.\($0) as $\($0)" }.joined() + " | "

  /// Halves, so that reaching one of a hundred takes seven comparisons.
  private static func choice(_ expressions: ArraySlice<Expression>) -> String {
    guard expressions.count > 1 else {
      // The line's end closes a comment, the parenthesis makes `import` a syntax error.
      return "($__state | (\n" + (expressions.first?.plan.text ?? "empty") + "\n))"
    }
    let middle = expressions.startIndex + expressions.count / 2
    return """
      if $__index < \(middle) then \(choice(expressions[..<middle])) else \(choice(expressions[middle...])) end
      """
  }

  /// `expressions` in runs that fit one program each.
  static func batches(_ expressions: [Expression]) -> [[Expression]] {
    var batches: [[Expression]] = []
    var size = 0
    for expression in expressions {
      size += expression.plan.text.utf8.count
      if let last = batches.last, last.count < maxExpressions, size <= maxBytes {
        batches[batches.count - 1].append(expression)
      } else {
        batches.append([expression])
        size = expression.plan.text.utf8.count
      }
    }
    return batches
  }

  /// jq's complaint about an expression, for people.
  static func cleaned(_ message: String, for expression: Expression) -> String {
    var line = message.split(separator: "\n").first { !$0.isEmpty }.map(String.init) ?? "does not compile"
    for prefix in ["jq: error: ", "error: ", "syntax error, "] where line.hasPrefix(prefix) {
      line.removeFirst(prefix.count)
    }
    for end in [" (Unix shell quoting issues?)", " at <", " (while parsing", " at line "] {
      guard let range = line.firstRange(of: end) else { continue }
      line = String(line[..<range.lowerBound])
    }
    for (token, word) in tokenNames { line = line.replacing(token, with: word) }
    if line.hasPrefix("unexpected ')'"), !expression.plan.text.contains(")") { return "unexpected end" }
    return line
  }

  private static let tokenNames = [
    ("QQSTRING_START", "a string"), ("IDENT", "a name"), ("FIELD", "a field"), ("LITERAL", "a number"),
    ("FORMAT", "a format"), ("INVALID_CHARACTER", "character"), ("$end", "end"),
  ]
}
