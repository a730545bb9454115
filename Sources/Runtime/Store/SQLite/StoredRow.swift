import Foundation
import GRDB

/// A row read from the store: columns are taken in order, each with its type checked, so that no row can trap us.
struct StoredRow {
  let columns: [Column]
  private var position = 0

  init(_ columns: [Column]) { self.columns = columns }

  init(_ row: Row) {
    columns = row.databaseValues.map { value in
      switch value.storage {
      case .null: .null
      case .int64(let number): .int(Int(number))
      case .double(let number): .double(number)
      case .string(let text): .text(text)
      case .blob(let data): .text(String(decoding: data, as: UTF8.self))
      }
    }
  }

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
    guard case .text(let stored)? = columns.last, Checksum.of(table, Array(columns.dropLast())) == stored else {
      throw Malformed("the row is not what was stored (checksum)")
    }
  }
}

extension Column: DatabaseValueConvertible {
  var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .int(let number): number.databaseValue
    case .double(let number): number.databaseValue
    // SQLite's text functions stop at NUL where a length is not given: such text goes in as bytes, cast in the SQL.
    case .text(let text): text.hasNUL ? Data(text.utf8).databaseValue : text.databaseValue
    }
  }

  static func fromDatabaseValue(_ value: DatabaseValue) -> Column? { StoredRow(value).columns.first }
}

extension String {
  fileprivate var hasNUL: Bool {
    let quick = unsafe utf8.withContiguousStorageIfAvailable { bytes in unsafe bytes.contains(0) }
    return quick ?? utf8.contains(0)
  }
}

extension StoredRow {
  fileprivate init(_ value: DatabaseValue) {
    columns =
      switch value.storage {
      case .null: [.null]
      case .int64(let number): [.int(Int(number))]
      case .double(let number): [.double(number)]
      case .string(let text): [.text(text)]
      case .blob(let data): [.text(String(decoding: data, as: UTF8.self))]
      }
  }
}

extension Database {
  /// All rows of a query, read through a statement that is prepared once.
  func rows(_ sql: String, _ arguments: [Column] = []) throws -> [StoredRow] {
    var rows: [StoredRow] = []
    try forEachRow(sql, arguments) { rows.append($0) }
    return rows
  }

  func forEachRow(
    _ sql: String, _ arguments: [Column] = [], until isEnough: () -> Bool = { false },
    _ body: (StoredRow) throws -> Void
  ) throws {
    let statement = try cachedStatement(sql: sql)
    let cursor = try Row.fetchCursor(statement, arguments: StatementArguments(arguments))
    while !isEnough(), let row = try cursor.next() { try body(StoredRow(row)) }
  }

  func row(_ sql: String, _ arguments: [Column] = []) throws -> StoredRow? {
    let statement = try cachedStatement(sql: sql)
    return try Row.fetchOne(statement, arguments: StatementArguments(arguments)).map(StoredRow.init(_:))
  }

  func int(_ sql: String, _ arguments: [Column] = []) throws -> Int? {
    guard var row = try row(sql, arguments) else { return nil }
    return try row.optionalInt()
  }

  func change(_ sql: String, _ arguments: [Column]) throws {
    try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
  }
}
