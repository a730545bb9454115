import Graph

/// An answer that is to be JSON of a certain form (RELIABILITY S38): whole and fitting, or refused.
enum StructuredAnswer {
  /// - Throws: ``ParseFailure`` saying what the model is to do better.
  static func parse(_ text: String, as schema: JSONSchema) throws(ParseFailure) -> JSON {
    let json: JSON
    do {
      // Less deep than a state may be, as it stands inside a result.
      json = try JSON(parsing: unfenced(text), depth: ToolCall.Arguments.depth)
    } catch {
      throw ParseFailure("the answer is no JSON: \(error)")
    }
    let violations = schema.violations(of: json)
    guard violations.isEmpty else {
      let all = violations.prefix(5).map(\.description).joined(separator: "; ")
      throw ParseFailure("the answer does not fit the schema: \(all)")
    }
    return json
  }

  /// What stands in the one Markdown fence that `text` consists of; else `text` without blanks around it.
  static func unfenced(_ text: String) -> String {
    let text = text.trimmingBlanks
    guard text.hasPrefix("```"), text.hasSuffix("```"), let open = text.firstIndex(where: \.isNewline) else {
      return String(text)
    }
    let inside = text[text.index(after: open)...].dropLast(3)
    let label = text[..<open].dropFirst(3)
    guard label.allSatisfy({ $0.isLetter || $0.isNumber || $0 == " " }), !inside.contains("```") else {
      return String(text)
    }
    return String(inside.trimmingBlanks)
  }
}

extension StringProtocol {
  fileprivate var trimmingBlanks: SubSequence {
    let rest = drop(while: \.isWhitespace)
    let end = rest.lastIndex { !$0.isWhitespace }.map { rest.index(after: $0) } ?? rest.startIndex
    return rest[..<end]
  }
}
