import Graph
import GraphRuntime

/// How a question is answered by typing.
struct TypedAnswer {
  let question: Question

  /// The answers there are; `nil` where any that fits the schema is one.
  let choices: [JSON]?

  init(_ question: Question) {
    self.question = question
    choices = question.choices ?? question.schema?["enum"]?.arrayValue
  }

  /// The keys that answer at once, and what each means.
  var keys: [Character: JSON] {
    if question.isYesNo { return ["y": true, "Y": true, "n": false, "N": false] }
    // A digit that may begin a choice's own text is no key.
    guard let choices, choices.count <= 9, !choices.contains(where: { $0.typed.first?.isNumber ?? true }) else {
      return [:]
    }
    return Dictionary(
      uniqueKeysWithValues: choices.enumerated().map { (Character("\($0.offset + 1)"), $0.element) })
  }

  /// What stands before the place to type.
  var hint: String {
    if let choices { return choices.count == 1 ? "1 " : "1-\(choices.count) " }
    if question.isYesNo { return "y/n " }
    switch question.schema?["type"]?.stringValue {
    case nil, "string": return ""
    case "object": return "JSON object "
    case "array": return "JSON list "
    case let type?: return "\(type) "
    }
  }

  /// What was typed, as the answer it means.
  func read(_ line: String) -> Result<JSON, UsageError> {
    let text = line.trimmingSpace
    guard !text.isEmpty else { return .failure(UsageError("please type an answer; Ctrl-D leaves it open")) }
    if let choices { return read(text, among: choices) }
    if question.isYesNo {
      switch text.lowercased() {
      case "y", "yes", "true": return .success(true)
      case "n", "no", "false": return .success(false)
      default: return .failure(UsageError("please type y or n"))
      }
    }
    return checked(text)
  }

  private func read(_ text: String, among choices: [JSON]) -> Result<JSON, UsageError> {
    if let chosen = choices.first(where: { $0.typed == text }) ?? choices.first(where: { $0 == .string(text) }) {
      return .success(chosen)
    }
    if let number = Int(text), choices.indices.contains(number - 1) { return .success(choices[number - 1]) }
    return .failure(UsageError("not one of them; type \(hint)or one of the texts".replacing("  ", with: " ")))
  }

  private func checked(_ text: String) -> Result<JSON, UsageError> {
    let value: JSON
    do throws(JSONTextError) {
      value = question.schema?["type"] == "string" ? .string(text) : try JSON(parsing: text)
    } catch {
      value = .string(text)
      // A broken list or object is told as that, not as the text it is no more.
      if Self.isBracketed(text) || JSONSyntax.holds(text), question.objection(to: value) != nil {
        return .failure(UsageError("not JSON, at character \(error.column): \(error.message)"))
      }
    }
    return question.objection(to: value).map { .failure(UsageError($0)) } ?? .success(value)
  }

  /// Whether more lines belong to what was typed: a list or an object is open.
  static func isOpen(_ text: String) -> Bool {
    guard isBracketed(text) else { return false }
    var depth = 0
    var isInString = false
    var isEscaped = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case _ where isEscaped: isEscaped = false
      case "\\" where isInString: isEscaped = true
      case "\"": isInString.toggle()
      case "{" where !isInString, "[" where !isInString: depth += 1
      case "}" where !isInString, "]" where !isInString: depth -= 1
      default: break
      }
    }
    return depth > 0
  }

  private static func isBracketed(_ text: String) -> Bool {
    let first = text.first { !$0.isWhitespace }
    return first == "{" || first == "["
  }
}

extension String {
  fileprivate var trimmingSpace: String {
    var text = self[...]
    while let last = text.last, last.isWhitespace { text.removeLast() }
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    return String(text)
  }
}
