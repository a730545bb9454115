import GRDB

/// Opening a store: under its lock, made or brought up to date, and looked over where the last use did not end well.
struct SQLiteOpening {
  let connections: SQLiteConnections
  let patience: Duration

  private var folder: StateFolder { connections.folder }

  func writer() throws -> (writer: DatabaseQueue, storeLock: LockFile, openLock: LockFile) {
    guard let storeLock = try LockFile(at: folder.storeLock, create: true),
      let openLock = try LockFile(at: folder.openLock, create: true)
    else { throw StoreError.unusable("no lock can be made in \(folder.path)") }
    var patience = Patience(patience)
    while try !storeLock.tryLock(.exclusive) {
      guard patience.wait() else { throw StoreError.locked(folder, by: folder.storeLock) }
    }
    defer { storeLock.unlock() }
    let isAlone = try openLock.tryLock(.exclusive)
    let wasInterrupted = try isAlone && FileInfo.of(folder.wal).map { $0.size > 0 } ?? false
    if wasInterrupted { try checkDatabase() }
    if isAlone { try NewDatabase(folder: folder, schema: connections.schema).make() }
    let writer = try patiently { try connections.writer() }
    try writer.writeWithoutTransaction { db in
      try SQLiteMigration(folder: folder, schema: connections.schema).bringUpToDate(db)
      try SQLiteMigration.compare(db, with: connections.schema)
      if wasInterrupted { try lookOver(db) }
    }
    while try !openLock.tryLock(.shared) {
      guard patience.wait() else { throw StoreError.locked(folder, by: folder.openLock) }
    }
    folder.fillReserve()
    return (writer, storeLock, openLock)
  }

  func reader() throws -> DatabaseQueue {
    if try FileInfo.of(folder.wal).map({ $0.size > 0 }) ?? false { try checkDatabase() }
    guard try FileInfo.of(folder.database) != nil else {
      throw StoreError.unusable("there is no store in \(folder.path) yet; graphrun run makes one")
    }
    do {
      let reader = try patiently { try connections.reader() }
      try reader.writeWithoutTransaction { try SQLiteMigration.compare($0, with: connections.schema) }
      return reader
    } catch let error as DatabaseError where error.resultCode == .SQLITE_READONLY {
      throw StoreError.unusable(
        "\(folder.path) cannot be written, which SQLite needs to look at a store too; copy the folder to where it can, and name the copy with --state"
      )
    }
  }

  /// There is a log: what it belongs to must be there too.
  private func checkDatabase() throws {
    guard try FileInfo.of(folder.database).map({ $0.size == 0 }) ?? true else { return }
    throw StoreError.unusable(
      "the store is damaged: \(folder.database) is gone while its log \(folder.wal) is there, from which alone nothing can be saved; put it back, or move the log away, or name another folder with --state"
    )
  }

  /// The last writer left the -wal behind: it was killed, or the machine went down.
  private func lookOver(_ db: Database) throws {
    let found = try db.rows("PRAGMA quick_check(3)").map(\.columns)
    guard found == [[.text("ok")]] else {
      let problems = found.flatMap { $0 }.map { if case .text(let text) = $0 { text } else { "?" } }
      throw StoreError.damagedFile("\(folder.database): \(problems.joined(separator: "; "))")
    }
  }

  private func patiently<Value>(_ body: () throws -> Value) throws -> Value {
    var patience = Patience(patience)
    while true {
      do {
        return try body()
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        guard patience.wait() else { throw StoreError.locked(folder, by: folder.shm) }
      }
    }
  }
}
