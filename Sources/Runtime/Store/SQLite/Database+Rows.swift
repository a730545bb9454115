import CSQLite
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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

  /// - Parameter more: arguments behind the columns of the row.
  func change(_ sql: String, _ row: RowBytes, and more: [Column] = []) throws {
    var statement = try BoundStatement(sql, in: self)
    try unsafe row.withColumns {
      try unsafe statement.bind($0)
    } _: {
      defer { statement.end() }
      for argument in more { try statement.bind(argument) }
      while try statement.step() {}
    }
  }
}

/// A prepared statement with its arguments, to be stepped through and ended.
private struct BoundStatement {
  private let database: Database

  /// Keeps the prepared statement alive.
  private let prepared: Statement
  private let sql: String

  private var bound: Int32 = 0

  private var pointer: OpaquePointer { unsafe prepared.sqliteStatement }

  init(_ sql: String, in database: Database) throws {
    self.database = database
    self.sql = sql
    prepared = try database.cachedStatement(sql: sql)
  }

  init(_ sql: String, _ arguments: [Column], in database: Database) throws {
    try self.init(sql, in: database)
    for argument in arguments { try bind(argument) }
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

  /// Binds the next argument, which SQLite copies.
  mutating func bind(_ column: Column) throws {
    switch column {
    case .null: try unsafe bind(RowBytes.Placed.null)
    case .int(let number): try unsafe bind(RowBytes.Placed.int(Int64(number)))
    case .double(let number): try unsafe bind(RowBytes.Placed.double(number))
    case .text(var text):
      let code = text.withUTF8 { unsafe bind(UnsafeRawBufferPointer($0), Self.copied) }
      try check(code)
    }
  }

  /// Binds the next argument, whose text stays where it is until the statement has ended.
  mutating func bind(_ column: RowBytes.Placed) throws {
    let code: Int32
    switch unsafe column {
    case .text(let text): code = unsafe bind(text, Self.kept)
    case .null:
      bound += 1
      code = unsafe sqlite3_bind_null(pointer, bound)
    case .int(let number):
      bound += 1
      code = unsafe sqlite3_bind_int64(pointer, bound, number)
    case .double(let number):
      bound += 1
      code = unsafe sqlite3_bind_double(pointer, bound, number)
    }
    try check(code)
  }

  /// SQLite's text functions stop at NUL where a length is not given: such text goes in as bytes, cast in the SQL.
  private mutating func bind(_ text: UnsafeRawBufferPointer, _ lifetime: sqlite3_destructor_type?) -> Int32 {
    bound += 1
    // Nothing at an address of nothing would be bound as NULL.
    guard let start = text.baseAddress else { return unsafe sqlite3_bind_text(pointer, bound, "", 0, Self.copied) }
    let count = UInt64(text.count)
    return unsafe memchr(start, 0, text.count) != nil
      ? sqlite3_bind_blob64(pointer, bound, start, count, lifetime)
      : sqlite3_bind_text64(
        pointer, bound, start.assumingMemoryBound(to: CChar.self), count, lifetime, UInt8(SQLITE_UTF8))
  }

  private func check(_ code: Int32) throws {
    guard code != SQLITE_OK else { return }
    let error = error
    end()
    throw error
  }

  /// SQLITE_TRANSIENT: what is bound is copied.
  private static var copied: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  /// SQLITE_STATIC: what is bound stays where it is.
  private static var kept: sqlite3_destructor_type? { nil }

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
