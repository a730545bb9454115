/// A row read from the store: columns are taken in order, each with its type checked, so that no row can trap us.
struct StoredRow {
  let columns: [Column]
  private var position = 0

  init(_ columns: [Column]) { self.columns = columns }

  mutating func int() throws(Malformed) -> Int {
    guard case .int(let number) = next() else { throw Malformed("column \(position): no integer") }
    return number
  }

  mutating func optionalInt() throws(Malformed) -> Int? { peek == .null ? skip() : try int() }

  mutating func text() throws(Malformed) -> String {
    guard case .text(let text) = next() else { throw Malformed("column \(position): no text") }
    return text
  }

  mutating func optionalText() throws(Malformed) -> String? { peek == .null ? skip() : try text() }

  mutating func optionalDouble() throws(Malformed) -> Double? {
    switch next() {
    case .null: nil
    case .double(let number): number
    default: throw Malformed("column \(position): no number")
    }
  }

  mutating func bool() throws(Malformed) -> Bool {
    switch try int() {
    case 0: false
    case 1: true
    default: throw Malformed("column \(position): neither 0 nor 1")
    }
  }

  private var peek: Column? { position < columns.count ? columns[position] : nil }

  private mutating func skip<Value>() -> Value? {
    position += 1
    return nil
  }

  private mutating func next() -> Column? {
    defer { position += 1 }
    return peek
  }

  /// Takes the last column for the checksum of all the others.
  func check(_ table: String) throws(Malformed) {
    guard case .text(let stored)? = columns.last, RowBytes(table, columns.dropLast()).checksum() == stored else {
      throw Malformed("the row is not what was stored (checksum)")
    }
  }
}
