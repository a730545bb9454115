import Graph

/// How a program's output or a body becomes a value.
enum OutputFormat {
  /// - Parameter format: `json`, `lines` or `jsonl`.
  static func parse(_ text: String, as format: String) throws(ParseFailure) -> JSON {
    switch format {
    case "json": return try json(text)
    case "lines": return .array(lines(text).map { .string(String($0)) })
    case "jsonl":
      var values: [JSON] = []
      for (index, line) in lines(text).enumerated() where !line.allSatisfy(\.isWhitespace) {
        do throws(ParseFailure) {
          values.append(try json(String(line)))
        } catch {
          throw ParseFailure("line \(index + 1) of the output: \(error.message)")
        }
      }
      return .array(values)
    default: throw ParseFailure("\"\(format)\" is none of text, json, lines, jsonl")
    }
  }

  private static func json(_ text: String) throws(ParseFailure) -> JSON {
    do {
      return try JSON(parsing: text)
    } catch {
      throw ParseFailure("the output is no JSON: \(error)")
    }
  }

  private static func lines(_ text: String) -> [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}

struct ParseFailure: Error {
  var message: String
  init(_ message: String) { self.message = message }
}
