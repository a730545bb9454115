import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Leads an older store, or an empty file, to the schema: one step, one transaction, so that a crash leaves a whole
/// version (RELIABILITY R16).
struct SQLiteMigration {
  let folder: StateFolder
  let schema: SQLiteSchema

  func bringUpToDate(_ db: Database) throws {
    let version = try db.int("PRAGMA user_version") ?? 0
    guard version < schema.version else { return }
    if version > 0 { try keepCopy(of: db, version: version) } else { try folder.syncName() }
    for step in version..<schema.version {
      try db.transaction(.write) {
        for statement in schema.migrations[step] { try db.execute(sql: statement) }
        try db.execute(sql: "PRAGMA application_id = \(SQLiteSchema.applicationID)")
        try db.execute(sql: "PRAGMA user_version = \(step + 1)")
      }
    }
  }

  /// The store as it was, beside it. One that is there already is kept: it was made before any step began.
  private func keepCopy(of db: Database, version: Int) throws {
    let path = "\(folder.database).version-\(version)"
    guard try FileInfo.of(path) == nil else { return }
    let unfinished = "\(path).unfinished"
    _ = unsafe unlink(unfinished)
    let descriptor = unsafe open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError("make \(unfinished)") }
    Self.closeFile(descriptor)
    let copy = try DatabaseQueue(path: unfinished)
    try copy.writeWithoutTransaction { try db.backup(to: $0) }
    try copy.close()
    if unsafe rename(unfinished, path) != 0 { throw SystemError("keep a copy at \(path)") }
  }

  private static func closeFile(_ descriptor: Int32) { close(descriptor) }

  /// Refuses a store with anything in it that we did not make: a trigger or a changed view would run with our queries.
  static func compare(_ db: Database, with schema: SQLiteSchema) throws {
    let expected = try schema.objects()
    var found: [String: String] = [:]
    for var row in try db.rows(
      "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    {
      found[try row.text()] = try row.text()
    }
    guard found != expected else { return }
    let names = Set(expected.keys).union(found.keys).filter { expected[$0] != found[$0] }.sorted()
    throw StoreError.damaged("its tables are not the ones graphrun made: \(names.joined(separator: ", "))")
  }
}

extension SQLiteSchema {
  /// What `sqlite_schema` holds, by name.
  func objects() throws -> [String: String] {
    if migrations.count == 1 {
      return Dictionary(uniqueKeysWithValues: migrations[0].map { ($0.name, $0) })
    }
    return try DatabaseQueue().writeWithoutTransaction { db in
      for statement in migrations.joined() { try db.execute(sql: statement) }
      var objects: [String: String] = [:]
      for var row in try db.rows("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL") {
        objects[try row.text()] = try row.text()
      }
      return objects
    }
  }
}

extension String {
  /// The third word of `CREATE TABLE name …`.
  fileprivate var name: String {
    String(split(separator: " ", maxSplits: 3)[2])
  }
}
