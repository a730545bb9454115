import Graph

/// How far stored JSON may nest: what the store wraps around a value of the deepest kind comes on top.
let storedDepth = JSONLimits.depth + 8

extension JSON {
  /// Reads a JSON text that the store wrote.
  init(stored text: String) throws(Malformed) {
    do { try self.init(parsing: text, depth: storedDepth) } catch { throw Malformed("no JSON: \(error)") }
  }
}

/// Reads a stored list of records.
func storedList<Value>(
  _ text: String, _ decode: (JSON) throws(Malformed) -> Value
) throws(Malformed) -> [Value] {
  guard let items = try JSON(stored: text).arrayValue else { throw Malformed("no list") }
  return try Fields.list(items, at: "", decode)
}

/// Runs `body`, naming `place` in front of what it finds.
func naming<Value>(_ place: String, _ body: () throws(Malformed) -> Value) throws(Malformed) -> Value {
  do { return try body() } catch { throw error.at(place) }
}
