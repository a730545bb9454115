import CSQLite
import GRDB

// Statements are prepared once per connection by GRDB, and bound, stepped and read past it: what a commit costs besides
// the disk is mostly this.

extension Database {
  enum Transaction: String {
    case read = "BEGIN DEFERRED"
    case write = "BEGIN IMMEDIATE"
  }

  /// What `body` does is done as a whole, or, where it throws, not at all.
  func transaction<Value>(_ kind: Transaction, _ body: () throws -> Value) throws -> Value {
    try change(kind.rawValue, [])
    do {
      let value = try body()
      try change("COMMIT", [])
      return value
    } catch {
      // Some errors (a full disk, for one) have ended it already.
      if isInsideTransaction { try? change("ROLLBACK", []) }
      throw error
    }
  }

  /// All rows of a query.
  func rows(_ sql: String, _ arguments: [Column] = []) throws -> [StoredRow] {
    var rows: [StoredRow] = []
    try forEachRow(sql, arguments) { rows.append($0) }
    return rows
  }

  func forEachRow(
    _ sql: String, _ arguments: [Column] = [], until isEnough: () -> Bool = { false },
    _ body: (StoredRow) throws -> Void
  ) throws {
    let statement = try BoundStatement(sql, arguments, in: self)
    defer { statement.end() }
    while !isEnough(), try statement.step() { try body(statement.row) }
  }

  func row(_ sql: String, _ arguments: [Column] = []) throws -> StoredRow? {
    let statement = try BoundStatement(sql, arguments, in: self)
    defer { statement.end() }
    return try statement.step() ? statement.row : nil
  }

  func int(_ sql: String, _ arguments: [Column] = []) throws -> Int? {
    guard var row = try row(sql, arguments) else { return nil }
    return try row.optionalInt()
  }

  func change(_ sql: String, _ arguments: [Column]) throws {
    let statement = try BoundStatement(sql, arguments, in: self)
    defer { statement.end() }
    while try statement.step() {}
  }
}

/// A prepared statement with its arguments, to be stepped through and ended.
private struct BoundStatement {
  private let database: Database

  /// Keeps the prepared statement alive.
  private let prepared: Statement
  private let sql: String

  private var pointer: OpaquePointer { unsafe prepared.sqliteStatement }

  init(_ sql: String, _ arguments: [Column], in database: Database) throws {
    self.database = database
    self.sql = sql
    prepared = try database.cachedStatement(sql: sql)
    for (index, argument) in arguments.enumerated() where try !bind(argument, at: Int32(index + 1)) {
      let error = error
      end()
      throw error
    }
  }

  /// False once there is no further row.
  func step() throws -> Bool {
    switch unsafe sqlite3_step(pointer) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw error
    }
  }

  var row: StoredRow {
    let count = unsafe sqlite3_column_count(pointer)
    return StoredRow((0..<count).map(column))
  }

  func end() {
    unsafe sqlite3_reset(pointer)
    unsafe sqlite3_clear_bindings(pointer)
  }

  private var error: DatabaseError {
    let connection = unsafe database.sqliteConnection
    return DatabaseError(
      resultCode: ResultCode(rawValue: unsafe sqlite3_extended_errcode(connection)),
      message: unsafe String(cString: sqlite3_errmsg(connection)), sql: sql)
  }

  private func bind(_ column: Column, at index: Int32) throws -> Bool {
    switch column {
    case .null: unsafe sqlite3_bind_null(pointer, index) == SQLITE_OK
    case .int(let number): unsafe sqlite3_bind_int64(pointer, index, Int64(number)) == SQLITE_OK
    case .double(let number): unsafe sqlite3_bind_double(pointer, index, number) == SQLITE_OK
    case .text(let text): bind(text, at: index)
    }
  }

  /// SQLite's text functions stop at NUL where a length is not given: such text goes in as bytes, cast in the SQL.
  private func bind(_ text: String, at index: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      // Nothing at an address of nothing would be bound as NULL.
      guard let start = bytes.baseAddress else {
        return unsafe sqlite3_bind_text(pointer, index, "", 0, Self.copied) == SQLITE_OK
      }
      let count = UInt64(bytes.count)
      let code =
        unsafe bytes.contains(0)
        ? sqlite3_bind_blob64(pointer, index, start, count, Self.copied)
        : sqlite3_bind_text64(
          pointer, index, UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self), count, Self.copied,
          UInt8(SQLITE_UTF8))
      return code == SQLITE_OK
    }
  }

  /// SQLITE_TRANSIENT: what is bound is copied.
  private static var copied: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  private func column(_ index: Int32) -> Column {
    switch unsafe sqlite3_column_type(pointer, index) {
    case SQLITE_NULL: .null
    case SQLITE_INTEGER: .int(Int(unsafe sqlite3_column_int64(pointer, index)))
    case SQLITE_FLOAT: .double(unsafe sqlite3_column_double(pointer, index))
    default: .text(text(index))
    }
  }

  private func text(_ index: Int32) -> String {
    guard let start = unsafe sqlite3_column_blob(pointer, index) else { return "" }
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, index)))
    return unsafe String(decoding: bytes, as: UTF8.self)
  }
}
