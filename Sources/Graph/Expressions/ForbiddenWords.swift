/// Refuses what would make an expression more than a function of its scope.
enum ForbiddenWords {
  private static let functions: Set<String> = [
    "env", "input", "inputs", "_input", "input_filename", "input_line_number", "debug", "stderr", "halt", "halt_error",
    "modulemeta", "get_search_list", "get_jq_origin", "get_prog_origin", "import", "include",
  ]

  static func check(_ tokens: [JQToken], in bracket: JQToken.Bracket? = nil) throws(JQLexer.Failure) {
    var isKey = bracket == .curly
    for token in tokens {
      switch token.kind {
      case .word(let name) where !isKey && isForbidden(name): throw refusal(name, token)
      case .variable(let name) where name == "ENV" || name.hasPrefix("__"):
        throw refusal("$\(name)", token)
      case .group(let bracket, let inner): try check(inner, in: bracket)
      case .string(let parts):
        for case .interpolation(let inner) in parts { try check(inner) }
      default: break
      }
      isKey = bracket == .curly && token.symbol == ","
    }
  }

  private static func isForbidden(_ name: String) -> Bool {
    functions.contains(name) || name.contains("::")
  }

  private static func refusal(_ name: String, _ token: JQToken) -> JQLexer.Failure {
    let advice = name == "env" || name == "$ENV" ? "; list the name under env: and use $env.NAME" : ""
    return JQLexer.Failure(.forbidden("expressions may not use \(name)\(advice)", offset: token.offset))
  }
}
