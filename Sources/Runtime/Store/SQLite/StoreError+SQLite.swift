import GRDB

extension StoreError {
  /// What an error of SQLite or the system means for the user, and what to do about it.
  ///
  /// - Parameter afterwards: what to do once that is done.
  init(_ error: any Error, in folder: StateFolder, afterwards: String = "graphrun resume") {
    switch error {
    case let error as StoreError: self = error
    case let error as Malformed: self = .damaged("\(error)")
    case let error as DatabaseError: self = Self.of(error, folder, afterwards)
    default: self = .unusable("\(error)")
    }
  }

  private static func of(_ error: DatabaseError, _ folder: StateFolder, _ afterwards: String) -> StoreError {
    let file = folder.database
    let what = error.message ?? "\(error.resultCode)"
    switch error.resultCode {
    case .SQLITE_FULL: return .unusable("the disk of \(folder.path) is full; make room, then \(afterwards)")
    case .SQLITE_IOERR:
      return .unusable(
        "\(file) cannot be read or written (\(what), \(error.extendedResultCode.rawValue)); look at the disk and its free space, then \(afterwards)"
      )
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return .damagedFile("\(file): \(what)")
    case .SQLITE_READONLY:
      return .unusable("\(file) cannot be written (\(what)); look at its permissions and how its disk is mounted")
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
      return .unusable(
        "\(file) cannot be opened (\(what)); look at its permissions, or name another folder with --state")
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: return locked(folder, by: folder.shm)
    case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_TOOBIG, .SQLITE_RANGE: return .refused(what)
    case .SQLITE_MISUSE: return .unusable("\(file) is closed")
    default: return .unusable("\(file): \(what)")
    }
  }

  /// What can be done about a damaged database.
  package static let damageRemedy =
    "graphrun doctor --verify says what is damaged, graphrun doctor --salvage puts what is whole into a new store"

  static func damagedFile(_ what: String) -> StoreError { .damaged("\(what); nothing was changed; \(damageRemedy)") }

  /// Others kept a lock for longer than we are ready to wait.
  static func locked(_ folder: StateFolder, by file: String) -> StoreError {
    let holders = lockHolders(of: file).map(String.init).joined(separator: ", ")
    let who = holders.isEmpty ? "another process" : "process \(holders)"
    return .unusable("\(folder.database) is kept locked by \(who); wait for it or end it, then try again")
  }
}
