import Testing

@testable import Graph

/// A graph text in which ▶ marks the place of the one problem that reading it should give.
struct Marked {
  var text: String
  var position: SourcePosition?

  init(_ marked: String) {
    guard let mark = marked.firstRange(of: "▶") else {
      text = marked
      return
    }
    position = SourcePosition(in: String(marked[..<mark.lowerBound]))
    text = marked.replacing("▶", with: "")
  }
}

/// A mistake, where it is said to be, and what is said of it.
struct Mistake: Sendable, CustomTestStringConvertible {
  var text: String
  var message: String
  var hint: String?
  var severity: Problem.Severity

  init(_ text: String, _ message: String, hint: String? = nil, _ severity: Problem.Severity = .error) {
    self.text = text
    self.message = message
    self.hint = hint
    self.severity = severity
  }

  /// `body` as a node `a` of an otherwise sound graph.
  static func node(
    _ body: String, _ message: String, hint: String? = nil, _ severity: Problem.Severity = .error
  ) -> Mistake {
    let indented = body.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n    ")
    return Mistake(
      """
      graph: g
      inputs:
        topic: { type: string }
      state:
        draft: { type: string }
        list: { reduce: append }
      secrets: [TOKEN]
      env: [HOME]
      start: a
      nodes:
        a:
          \(indented)

      """, message, hint: hint, severity)
  }

  var testDescription: String { message }

  var reading: Reading { GraphReader().read(Marked(text).text) }

  var expected: Problem? {
    Marked(text).position.map { Problem(severity, at: $0, message, hint: hint) }
  }
}

extension JSON {
  /// The data that a YAML text spells; numbers JSON cannot hold are text.
  init?(yaml text: String) {
    guard let value = YAMLReader.read(text).root?.json else { return nil }
    self = value
  }
}
