import CSQLite
import GRDB

/// How connections to a store are made: hardened, and refused where a setting did not take (RELIABILITY R1).
struct SQLiteConnections: Sendable {
  let folder: StateFolder
  let schema: SQLiteSchema

  /// What ``SQLiteStore/settings()`` reports.
  static let settings = [
    "application_id", "user_version", "journal_mode", "synchronous", "foreign_keys", "trusted_schema",
    "cell_size_check",
    "mmap_size", "journal_size_limit", "busy_timeout", "wal_autocheckpoint", "auto_vacuum", "secure_delete",
  ]

  func writer() throws -> DatabaseQueue {
    var configuration = configuration(label: "graphrun.store.write")
    configuration.prepareDatabase { [self] db in
      try checkIdentity(db, mayBeNew: true)
      try harden(db)
      if try db.int("PRAGMA user_version") == 0 { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
      try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0")
      // What is replaced or removed is overwritten: a thread that is deleted may leave no bytes.
      try db.execute(sql: "PRAGMA journal_size_limit = \(64 << 20); PRAGMA secure_delete = ON")
      try readBack(
        db, ["synchronous": 2, "wal_autocheckpoint": 0, "journal_size_limit": 64 << 20, "secure_delete": 1])
    }
    return try DatabaseQueue(path: folder.database, configuration: configuration)
  }

  func reader() throws -> DatabaseQueue {
    var configuration = configuration(label: "graphrun.store.read")
    configuration.readonly = true
    configuration.prepareDatabase { [self] db in
      try checkIdentity(db, mayBeNew: false)
      try harden(db)
    }
    return try DatabaseQueue(path: folder.database, configuration: configuration)
  }

  private func configuration(label: String) -> Configuration {
    var configuration = Configuration()
    configuration.label = label
    configuration.busyMode = .timeout(5)
    return configuration
  }

  private func checkIdentity(_ db: Database, mayBeNew: Bool) throws {
    let (id, version) = (try db.int("PRAGMA application_id") ?? 0, try db.int("PRAGMA user_version") ?? 0)
    if id == 0, version == 0, try db.int("SELECT count(*) FROM sqlite_schema") == 0 {
      guard mayBeNew else {
        throw StoreError.unusable("there is no store in \(folder.path) yet; graphrun run makes one")
      }
      return
    }
    guard id == SQLiteSchema.applicationID else {
      throw StoreError.unusable("\(folder.database) is another program's database; name another folder with --state")
    }
    guard version <= schema.version else {
      throw StoreError.unusable(
        "\(folder.database) was written by a newer graphrun (version \(version), this one knows \(schema.version)); update graphrun"
      )
    }
    guard version == schema.version || mayBeNew else {
      throw StoreError.unusable(
        "\(folder.database) was written by an older graphrun (version \(version)); any command that changes it, such as graphrun resume, brings it up to date"
      )
    }
  }

  private func harden(_ db: Database) throws {
    guard unsafe graphrun_sqlite_harden(db.sqliteConnection) == SQLITE_OK else {
      throw StoreError.unusable("this SQLite (\(SQLiteLibrary.version)) has no defensive mode; link 3.37 or newer")
    }
    try db.execute(
      sql: "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
    try readBack(db, ["foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1, "busy_timeout": 5000])
    if try db.int("PRAGMA mmap_size") ?? 0 != 0 { throw setting("mmap_size") }
  }

  private func readBack(_ db: Database, _ expected: [String: Int]) throws {
    for (name, value) in expected where try db.int("PRAGMA \(name)") != value { throw setting(name) }
    if expected["synchronous"] != nil, try db.row("PRAGMA journal_mode")?.columns != [.text("wal")] {
      throw setting("journal_mode")
    }
  }

  private func setting(_ name: String) -> StoreError {
    .unusable("SQLite (\(SQLiteLibrary.version)) does not keep the setting \(name) for \(folder.database)")
  }
}

/// The SQLite that is linked, for `doctor`.
public enum SQLiteLibrary {
  public static var version: String { unsafe String(cString: sqlite3_libversion()) }

  /// The file it was loaded from; `nil` where the system does not tell, or it is part of the program.
  package static var path: String? {
    let maps = String(decoding: SmallFile.read("/proc/self/maps") ?? [], as: UTF8.self)
    let line = maps.split(separator: "\n").first { $0.contains("/libsqlite3") }
    return line.flatMap { line in line.firstIndex(of: "/").map { String(line[$0...]) } }
  }

  /// Whether two connections that write or checkpoint at one instant are safe by themselves (the WAL-reset bug is
  /// fixed). The store keeps one lock around both in any case.
  public static var hasWALResetFix: Bool { hasWALResetFix(Int(sqlite3_libversion_number())) }

  static func hasWALResetFix(_ number: Int) -> Bool {
    switch number {
    case 3_044_006..<3_045_000, 3_050_007..<3_051_000: true
    case 3_052_000: false
    default: number >= 3_051_003
    }
  }
}
