import CSQLite
import GRDB
import Graph
import Synchronization

/// The connection that writes: one IMMEDIATE transaction at a time under the store's lock, each of everything that
/// waits to be committed then, so that threads and tasks share what it takes to reach the disk.
final class SQLiteWriter: Sendable {
  let queue: DatabaseQueue
  private let storeLock: LockFile
  private let folder: StateFolder
  private let patience: Duration
  private let pageSize: Int64
  private let state = Mutex(State())

  /// Commits that one transaction holds at most.
  private static let most = 256

  private struct State {
    var waiting: [Entry] = []
    var isWriting = false
    var isClosed = false

    /// How many have the connection, or wait for it, for anything but commits.
    var users = 0

    /// Whether the last transaction took so long that no caller's thread should be held up by the next.
    var isSlow = false

    /// Pages the connection had written at the last checkpoint.
    var checkpointedPages = 0

    /// Bytes of the log up to the last commit, and of its file as far as that is prepared; `nil` before the first look.
    var logSize: Int64 = 0
    var preparedLog: Int64?

    /// What the next transaction is made of.
    mutating func takeGroup() -> [Entry] {
      let shared = waiting.prefix(most).prefix { !$0.isAlone }
      let group = shared.isEmpty ? Array(waiting.prefix(1)) : Array(shared)
      waiting.removeFirst(group.count)
      return group
    }
  }

  /// What the transaction under way did before, for those who are in it together.
  struct Group {
    var members: [ThreadID: Member] = [:]

    /// A thread as the transaction leaves it so far.
    struct Member: Sendable {
      var commits: Int
      var tail: ThreadTail
    }
  }

  /// Something to write.
  private struct Entry: Sendable {
    /// Makes the changes, and gives what is to be done once they are durable.
    var make: @Sendable (Database, inout Group) throws -> @Sendable () -> Void
    var fail: @Sendable (any Error) -> Void

    /// It may not be tried a second time, or takes long.
    var isAlone: Bool
  }

  init(queue: DatabaseQueue, storeLock: LockFile, folder: StateFolder, patience: Duration) throws {
    self.queue = queue
    self.storeLock = storeLock
    self.folder = folder
    self.patience = patience
    pageSize = Int64(try queue.writeWithoutTransaction { try $0.int("PRAGMA page_size") } ?? 0)
    let writer = unsafe Unmanaged.passUnretained(self).toOpaque()
    // All writes go through the writer, so it is there whenever this is called.
    queue.writeWithoutTransaction { db in
      _ = unsafe sqlite3_wal_hook(
        db.sqliteConnection,
        { writer, _, _, frames in
          guard let writer = unsafe writer else { return SQLITE_OK }
          unsafe Unmanaged<SQLiteWriter>.fromOpaque(writer).takeUnretainedValue().noteLog(frames: Int64(frames))
          return SQLITE_OK
        }, writer)
    }
  }

  /// Returns once what `body` did is durable. It is not cancelled with the calling task.
  ///
  /// - Parameters:
  ///   - isAlone: `body` has a transaction of its own and is called once. Else it may be called again, after a
  ///     rollback, where another one in its transaction failed.
  ///   - committed: called then, before anything else is written.
  func write<Value: Sendable>(
    isAlone: Bool, _ body: @escaping @Sendable (Database, inout Group) throws -> Value,
    committed: @escaping @Sendable (Value) -> Void = { _ in }
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { done in
      enqueue(
        Entry(
          make: { db, group in
            let value = try body(db, &group)
            return {
              committed(value)
              done.resume(returning: value)
            }
          },
          fail: { [folder] error in
            done.resume(throwing: (error as? CallersError)?.error ?? StoreError(error, in: folder))
          }, isAlone: isAlone))
    }
  }

  /// Anything else that needs the connection, one after the other.
  func use<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    state.withLock { $0.users += 1 }
    return try await withCheckedThrowingContinuation { done in
      queue.asyncWriteWithoutTransaction { [self] db in
        let result = Result { try body(db) }
        state.withLock { $0.users -= 1 }
        done.resume(with: result.mapError { StoreError($0, in: folder) })
      }
    }
  }

  /// Bytes of the log, up to the last commit, when something was written last.
  var logSize: Int { Int(state.withLock(\.logSize)) }
  var waiting: Int { state.withLock(\.waiting.count) }
  var isWriting: Bool { state.withLock(\.isWriting) }

  func close() {
    state.withLock { $0.isClosed = true }
  }

  /// Moves the whole log into the database, so that nothing of what was removed is left in it.
  func emptyLog() async throws {
    try await use { [self] db in
      defer { storeLock.unlock() }
      var patience = try lock(db)
      while var row = try db.row("PRAGMA wal_checkpoint(TRUNCATE)"), try row.int() != 0 {
        guard patience.wait() else {
          throw StoreError.unusable(
            "\(folder.wal) still holds what was removed, because another process reads the store; it is emptied when graphrun next changes something after that has ended"
          )
        }
      }
    }
  }
}

extension SQLiteWriter {
  /// Who finds nothing under way writes on its own thread: on a disk that takes a fraction of a millisecond, two changes
  /// of thread would cost as much again. Who comes meanwhile is written by the queue's thread, together with the others.
  private func enqueue(_ entry: Entry) {
    let (isIdle, isHere) = state.withLock { state in
      let isHere = !entry.isAlone && !state.isSlow && state.users == 0
      state.waiting.append(entry)
      defer { state.isWriting = true }
      return (!state.isWriting, isHere)
    }
    guard isIdle else { return }
    guard isHere, (try? storeLock.tryLock(.exclusive)) == true else { return writeNext() }
    if queue.writeWithoutTransaction(writeGroup) { writeNext() }
  }

  private func writeNext() {
    queue.asyncWriteWithoutTransaction { [self] db in
      if writeGroup(db) { writeNext() }
    }
  }

  /// - Returns: whether there is more to write.
  private func writeGroup(_ db: Database) -> Bool {
    let start = ContinuousClock.now
    write(state.withLock { $0.takeGroup() }, db)
    let isSlow = ContinuousClock.now - start > Self.longestHere
    return state.withLock { state in
      state.isSlow = isSlow
      state.isWriting = !state.waiting.isEmpty
      return state.isWriting
    }
  }

  /// What a caller's thread may be held up for.
  private static let longestHere: Duration = .milliseconds(2)

  private func write(_ group: [Entry], _ db: Database) {
    defer { storeLock.unlock() }
    do {
      var patience = try lock(db)
      write(group, db, &patience)
      prepareLog(db)
      checkpointIfDue(db)
    } catch {
      for entry in group { entry.fail(error) }
    }
  }

  /// One transaction of the whole group; where it fails, one of each, so that every failure is its own.
  private func write(_ group: [Entry], _ db: Database, _ patience: inout Patience) {
    do {
      for durable in try transact(group, db, &patience) { durable() }
    } catch {
      guard group.count > 1 else { return group.forEach { $0.fail(error) } }
      for entry in group { write([entry], db, &patience) }
    }
  }

  private func transact(
    _ group: [Entry], _ db: Database, _ patience: inout Patience
  ) throws -> [@Sendable () -> Void] {
    while true {
      do {
        return try db.transaction(.write) {
          var shared = Group()
          return try group.map { try $0.make(db, &shared) }
        }
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        guard patience.wait() else { throw StoreError.locked(folder, by: folder.shm) }
      }
    }
  }

  /// Takes the store's lock, and makes sure that the file is still the one that was opened.
  ///
  /// - Returns: how long anything else that is locked may be waited for.
  private func lock(_ db: Database) throws -> Patience {
    if state.withLock(\.isClosed) { throw StoreError.unusable("\(folder.database) is closed") }
    var patience = Patience(self.patience)
    while try !storeLock.tryLock(.exclusive) {
      guard patience.wait() else { throw StoreError.locked(folder, by: folder.storeLock) }
    }
    guard unsafe graphrun_sqlite_has_moved(db.sqliteConnection) == 0 else {
      throw StoreError.unusable(
        "\(folder.database) was moved or replaced while it was in use; resume to go on with what is there now")
    }
    return patience
  }

  /// Writes zeros after a log that has just grown beyond what was prepared: to reach the disk takes twice as long where
  /// the file becomes longer with it. What follows the last commit in a log is no part of it, whatever it is.
  private func prepareLog(_ db: Database) {
    let (size, prepared) = state.withLock { ($0.logSize, $0.preparedLog) }
    guard size > max(prepared ?? 0, Self.leastLog) else { return }
    var there = unsafe graphrun_sqlite_log_size(db.sqliteConnection)
    if size >= there {
      there = unsafe graphrun_sqlite_lengthen_log(
        db.sqliteConnection, there, min(max(there, Self.leastPrepared), Self.mostPrepared))
    }
    state.withLock { $0.preparedLog = there }
  }

  /// SQLite tells how long the log is. To ask the file instead would cost more than it looks: a file whose times were
  /// asked for gets exact ones at its next change (Linux 6.13), which `fdatasync` then writes as well.
  private func noteLog(frames: Int64) {
    let size = Self.logHeader + frames * (Self.frameHeader + pageSize)
    state.withLock { state in
      // It begins anew, perhaps because somebody cut it off.
      if size < state.logSize { state.preparedLog = nil }
      state.logSize = size
    }
  }

  // https://www.sqlite.org/fileformat2.html#the_write_ahead_log
  private static let logHeader: Int64 = 32
  private static let frameHeader: Int64 = 24

  /// A log of less is not worth preparing: most runs are short.
  private static let leastLog: Int64 = 128 << 10
  private static let leastPrepared: Int64 = 256 << 10
  private static let mostPrepared: Int64 = 1 << 20

  /// Moves the -wal into the database every 1,000 pages. That it does not succeed (a reader is in the way) costs only
  /// room: the next 1,000 pages try again.
  private func checkpointIfDue(_ db: Database) {
    let pages = Int(unsafe graphrun_sqlite_pages_written(db.sqliteConnection))
    let isDue = state.withLock { state in
      guard pages - state.checkpointedPages >= 1000 else { return false }
      state.checkpointedPages = pages
      return true
    }
    if isDue { _ = try? db.row("PRAGMA wal_checkpoint(PASSIVE)") }
  }
}
