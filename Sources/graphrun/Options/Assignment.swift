import ArgumentParser
import Graph

/// `key=value` as typed.
struct Assignment: ExpressibleByArgument {
  var key: String
  private(set) var text: String

  init?(argument: String) {
    guard let split = argument.firstIndex(of: "="), split > argument.startIndex else { return nil }
    key = String(argument[..<split])
    text = String(argument[argument.index(after: split)...])
  }

  /// The values by key; a later one replaces an earlier one.
  static func object(_ assignments: [Assignment]) throws -> JSONObject {
    var object = JSONObject()
    for assignment in assignments {
      object[assignment.key] = try TypedValue.read(assignment.text, for: assignment.key)
    }
    return object
  }
}

/// A value as a person types it: JSON if it is JSON, else a string.
enum TypedValue {
  /// - Throws: ``UsageError`` for JSON that cannot be kept as it is (a number beyond 64 bits, a key given twice): a
  ///   string in its place would be a surprise.
  static func read(_ text: String, for name: String) throws -> JSON {
    do throws(JSONTextError) {
      return try JSON(parsing: text)
    } catch {
      guard JSONSyntax.holds(text) else { return .string(text) }
      throw UsageError("\(name): \(error.message); for a string give it in quotes: \(name)='\"…\"'")
    }
  }
}
