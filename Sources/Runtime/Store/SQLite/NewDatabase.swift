import CSQLite
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Makes the database of a new store beside its place and moves it there whole: a crash leaves no database, or all of it.
///
/// That is why SQLite need not make each of its steps last here, which is a third of what a first run waits for the disk.
struct NewDatabase {
  let folder: StateFolder
  let schema: SQLiteSchema

  private var unfinished: String { "\(folder.database).unfinished" }

  /// Does nothing where there is a database. To be called under the store's lock, before any connection is open.
  func make() throws {
    // Of one that was being made when its process was killed.
    clear()
    guard try FileInfo.of(folder.database) == nil else { return }
    // With only its owner let in, so that its -wal and -shm are like it.
    let descriptor = unsafe open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError("make \(unfinished)") }
    defer { close(descriptor) }
    do {
      try fill()
      if fsync(descriptor) != 0 { throw SystemError("write \(unfinished) to the disk") }
      if unsafe rename(unfinished, folder.database) != 0 { throw SystemError("make \(folder.database)") }
    } catch {
      clear()
      throw error
    }
    try folder.syncContents()
    try folder.syncName()
  }

  private func clear() {
    for end in ["", "-wal", "-shm", "-journal"] { _ = unsafe unlink("\(unfinished)\(end)") }
  }

  private func fill() throws(DatabaseError) {
    var connection: OpaquePointer?
    let result = unsafe sqlite3_open_v2(unfinished, &connection, SQLITE_OPEN_READWRITE, nil)
    defer { unsafe _ = sqlite3_close(connection) }
    guard result == SQLITE_OK, unsafe sqlite3_exec(connection, statements, nil, nil, nil) == SQLITE_OK else {
      throw DatabaseError(
        resultCode: ResultCode(rawValue: unsafe sqlite3_extended_errcode(connection)),
        message: unsafe String(cString: sqlite3_errmsg(connection)))
    }
  }

  private var statements: String {
    let before = ["PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA auto_vacuum = INCREMENTAL", "BEGIN"]
    let marks = [
      "PRAGMA application_id = \(SQLiteSchema.applicationID)", "PRAGMA user_version = \(schema.version)", "COMMIT",
    ]
    // Said in the file itself, so that the first connection need not change it.
    return (before + schema.migrations.joined() + marks + ["PRAGMA journal_mode = WAL"]).joined(separator: ";\n")
  }
}
