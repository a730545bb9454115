import CSQLite
import Dispatch
import GRDB
public import Graph
import Synchronization

/// The durable store: `graphrun.sqlite` in a state folder. docs/store.md tells its layout and what is durable when.
///
/// One connection writes and one, made when first needed, reads. Any number of processes may have the same store
/// open; a lock of our own around every write transaction and checkpoint keeps them apart (RELIABILITY R2).
public final class SQLiteStore: Checkpointer {
  public enum Mode: Sendable {
    /// Makes the store where there is none, and brings an older one up to date.
    case readWrite

    /// For looking: the folder must hold a store, and nothing in it changes.
    case readOnly
  }

  /// What was put right in the folder when the store was opened, to be told to the user.
  public let warnings: [String]

  let folder: StateFolder

  public let identity: String
  private let connections: SQLiteConnections
  private let writer: SQLiteWriter?
  private let storeLock: LockFile?
  private let openLock: LockFile?
  private let state: Mutex<State>

  private struct State {
    var reader: DatabaseQueue?
    /// Reads under way, or waiting for another.
    var reads = 0
    var held: [ThreadID: Held] = [:]
    var isClosed = false
  }

  /// A thread that this process has.
  private struct Held {
    var lock: LockFile
    var fence: Int

    /// How many commits the thread has seen: a store that was put back from a copy has seen fewer.
    var commits: Int
    var tail = ThreadTail()
  }

  /// Whether there is a store in `folder`, or what is left of one.
  ///
  /// - Throws: ``StoreError`` where that cannot be seen, and where no store can be.
  public static func exists(in folder: String) throws(StoreError) -> Bool {
    try StoreError.unusable {
      guard try StateFolder.isThere(folder) else { return false }
      return try ["graphrun.sqlite", "graphrun.sqlite-wal"].contains { name in
        try FileInfo.of("\(folder)/\(name)").map { $0.size > 0 } ?? false
      }
    }
  }

  /// - Parameter patience: how long to wait for other processes' locks before giving up.
  /// - Throws: ``StoreError`` when the folder, the file or a setting is not as safe storing needs it.
  public static func open(
    folder: String, mode: Mode = .readWrite, patience: Duration = .seconds(30)
  ) async throws -> SQLiteStore {
    try await open(folder: folder, mode: mode, patience: patience, schema: .current)
  }

  static func open(
    folder: String, mode: Mode = .readWrite, patience: Duration = .seconds(30), schema: SQLiteSchema
  ) async throws -> SQLiteStore {
    try await withCheckedThrowingContinuation { done in
      DispatchQueue.global().async {
        done.resume(with: Result { try SQLiteStore(folder, mode, patience, schema) })
      }
    }
  }

  private init(_ path: String, _ mode: Mode, _ patience: Duration, _ schema: SQLiteSchema) throws(StoreError) {
    folder = try StateFolder(path, create: mode == .readWrite)
    warnings = folder.warnings
    identity = TaskKey.folder(folder.path)
    connections = SQLiteConnections(folder: folder, schema: schema)
    do {
      guard mode == .readWrite else {
        (writer, storeLock, openLock) = (nil, nil, nil)
        let reader = try SQLiteOpening(connections: connections, patience: patience).reader()
        state = Mutex(State(reader: reader))
        return
      }
      let opened = try SQLiteOpening(connections: connections, patience: patience).writer()
      writer = try SQLiteWriter(queue: opened.writer, storeLock: opened.storeLock, folder: folder, patience: patience)
      (storeLock, openLock) = (opened.storeLock, opened.openLock)
      state = Mutex(State())
    } catch {
      throw StoreError(error, in: folder, afterwards: "try again")
    }
  }
}

extension SQLiteStore {
  public func acquire(_ thread: ThreadID, owner: OwnerRecord) async throws -> Fence {
    let lock = try StoreError.unusable { try LockFile(at: folder.threadLock(thread), create: true) }
    guard let lock, try await take(lock) else { throw StoreError.busy(try await storedOwner(of: thread)) }
    let lease = try await writable().write(isAlone: false) { db, _ in
      let name = Column.text(thread.rawValue)
      guard
        let fence = try db.int(SQL.takeLease, [name, .int(owner.pid), .text(owner.host), .text(owner.bootID)])
      else { throw StoreError.damaged("thread \(thread): its lease gave no fence") }
      return (fence: fence, commits: try db.int(SQL.takeThread, [.int(fence), name]) ?? 0)
    }
    state.withLock { $0.held[thread] = Held(lock: lock, fence: lease.fence, commits: lease.commits) }
    return Fence(thread: thread, number: lease.fence)
  }

  /// Somebody who only asks whether a thread is owned holds its lock for an instant: that is no reason to give up.
  private func take(_ lock: LockFile) async throws -> Bool {
    for _ in 0..<5 {
      if try StoreError.unusable({ try lock.tryLock(.exclusive) }) { return true }
      try? await Task.sleep(for: .milliseconds(4))
    }
    return false
  }

  public func release(_ fence: Fence) async throws {
    state.withLock { state in
      if state.held[fence.thread]?.fence == fence.number { state.held[fence.thread] = nil }
    }
  }

  public func commit(_ changes: [StoreChange], fence: Fence) async throws {
    let encoded = try EncodedCommit(changes, of: fence.thread)
    try await write(fence, header: encoded.header, isAlone: false) { db, tail in
      var commit = SQLiteCommit(db: db, thread: fence.thread, tail: tail)
      try commit.make(encoded)
      tail = commit.tail
    }
  }

  /// As ``write(_:)``, for the one who has the thread.
  func write<Value: Sendable>(
    _ fence: Fence, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try await write(fence, isAlone: true) { db, tail in
      tail = ThreadTail()
      return try body(db)
    }
  }

  /// - Parameters:
  ///   - header: the thread's, where it is stored.
  ///   - body: is given what is known of the thread, and says what is known then.
  private func write<Value: Sendable>(
    _ fence: Fence, header: RowBytes? = nil, isAlone: Bool,
    _ body: @escaping @Sendable (Database, inout ThreadTail) throws -> Value
  ) async throws -> Value {
    try await writable().write(isAlone: isAlone) { [self] db, group in
      guard let held = state.withLock({ $0.held[fence.thread] }), held.fence == fence.number else {
        throw StoreError.fenced
      }
      var member = group.members[fence.thread] ?? SQLiteWriter.Group.Member(commits: held.commits, tail: held.tail)
      member.commits = try begin(db, fence, header, after: member.commits)
      let value = try body(db, &member.tail)
      if member.commits == 0 { member.commits = try db.int(SQL.commits, [.text(fence.thread.rawValue)]) ?? 0 }
      group.members[fence.thread] = member
      return (value, member)
    } committed: { [self] _, member in
      state.withLock { state in
        state.held[fence.thread]?.commits = member.commits
        state.held[fence.thread]?.tail = member.tail
      }
    }.0
  }

  /// Makes sure that the thread is whose it was, counts the commit, and stores the header.
  ///
  /// - Returns: how many commits the thread has seen now; none before it has a header.
  private func begin(_ db: Database, _ fence: Fence, _ header: RowBytes?, after commits: Int) throws -> Int {
    let name = Column.text(fence.thread.rawValue)
    let known = [Column.int(fence.number), .int(commits)]
    if let header {
      try db.change(SQL.putThread, header, and: known)
    } else {
      try db.change(SQL.countCommit, [name] + known)
    }
    if db.changesCount == 1 { return commits + 1 }
    guard commits == 0, try db.int(SQL.commits, [name]) == nil,
      try db.int(SQL.isLeased, [name, .int(fence.number)]) != nil
    else { throw StoreError.fenced }
    guard let header else { return 0 }
    try db.change(SQL.putFirstThread, header, and: [.int(fence.number)])
    return 1
  }

  /// Bytes of the log when this process wrote last.
  var logSize: Int? { writer?.logSize }

  /// Commits that the transaction under way was too early for.
  var commitsWaiting: Int { writer?.waiting ?? 0 }
  var isWriting: Bool { writer?.isWriting ?? false }

  public func releaseReserve() async { folder.releaseReserve() }

  public func owner(of thread: ThreadID) async throws -> OwnerRecord? {
    guard try StoreError.unusable({ try isLocked(thread) }) else { return nil }
    return try await storedOwner(of: thread)
  }

  private func isLocked(_ thread: ThreadID) throws -> Bool {
    guard let lock = try LockFile(at: folder.threadLock(thread), create: false) else { return false }
    return try !lock.tryLock(.shared)
  }

  private func storedOwner(of thread: ThreadID) async throws -> OwnerRecord? {
    try await read { try SQLiteReading(db: $0, thread: thread).owner() }
  }
}

extension SQLiteStore {
  public func thread(_ id: ThreadID) async throws -> ThreadRecord? {
    try await read(isBrief: true) { try SQLiteReading(db: $0, thread: id).header() }
  }

  public func threads() async throws -> [ThreadRecord] {
    try await read { db in
      try db.rows("\(SQL.thread) ORDER BY serial DESC").map { row in try ThreadRecord(row) }
    }
  }

  public func graph(_ hash: String) async throws -> GraphRecord? {
    try await read { db in
      guard let row = try db.row("\(SQL.graph) WHERE hash = ?", [.text(hash)]) else { return nil }
      return try naming("graph \(hash)") { () throws(Malformed) in try GraphRecord(row) }
    }
  }

  public func checkpoint(
    _ number: Int?, of thread: ThreadID, namespace: String
  ) async throws -> StoredCheckpoint? {
    try await read { try SQLiteReading(db: $0, thread: thread).checkpoint(number, namespace: namespace) }
  }

  public func history(
    of thread: ThreadID, namespace: String, before: Int?, limit: Int?
  ) async throws -> [HistoryEntry] {
    try await read {
      try SQLiteReading(db: $0, thread: thread).history(namespace: namespace, before: before, limit: limit)
    }
  }

  public func namespaces(of thread: ThreadID) async throws -> [String] {
    try await read { try SQLiteReading(db: $0, thread: thread).namespaces() }
  }

  public func tasks(of thread: ThreadID, namespace: String, checkpoint: Int) async throws -> [TaskRecord] {
    try await read { try SQLiteReading(db: $0, thread: thread).tasks(namespace: namespace, checkpoint: checkpoint) }
  }

  public func output(of thread: ThreadID, after count: Int) async throws -> [OutputRecord] {
    try await read { try SQLiteReading(db: $0, thread: thread).output(after: count) }
  }

  public func notes(of thread: ThreadID, key: String) async throws -> [NoteRecord] {
    try await read(isBrief: true) { try SQLiteReading(db: $0, thread: thread).notes(key: key) }
  }

  public func services(of thread: ThreadID) async throws -> [ServiceRecord] {
    try await read(isBrief: true) { try SQLiteReading(db: $0, thread: thread).services() }
  }

  public func cached(_ key: String, now: Timestamp) async throws -> JSON? {
    try await read { db in
      guard let row = try db.row("\(SQL.cache) WHERE key = ?", [.text(key)]) else { return nil }
      let record = try naming("cache \(key)") { () throws(Malformed) in try CacheRecord(row) }
      if let expires = record.expires, expires.milliseconds <= now.milliseconds { return nil }
      return record.result
    }
  }

  public func items(_ query: MemoryQuery, now: Timestamp) async throws -> [MemoryItem] {
    try await read { try SQLiteMemory(db: $0).items(query, now: now) }
  }

  /// As ``verify()``, but without reading every row.
  package func quickCheck() async throws -> [String] {
    try await read { try SQLiteVerification(db: $0).quickProblems() }
  }

  /// Bytes of the database and its log.
  package var sizeBytes: Int {
    [folder.database, folder.wal].reduce(0) { sum, file in sum + (((try? FileInfo.of(file)) ?? nil)?.size ?? 0) }
  }

  /// As ``verify()``, look by look.
  package func findings() async throws -> [StoreFinding] {
    try await read { try SQLiteVerification(db: $0).findings() }
  }

  public func verify() async throws -> [String] {
    try await read { try SQLiteVerification(db: $0).problems() }
  }
}

extension SQLiteStore {
  public func close() async throws {
    let (reader, wasClosed) = state.withLock { state in
      state.held = [:]
      defer { (state.reader, state.isClosed) = (nil, true) }
      return (state.reader, state.isClosed)
    }
    try reader?.close()
    guard let writer, !wasClosed else { return }
    writer.close()
    try await writer.use { [self] db in
      if try openLock?.tryLock(.exclusive) == true, try storeLock?.tryLock(.exclusive) == true {
        try? db.execute(sql: "PRAGMA busy_timeout = 100")
        _ = try? db.row("PRAGMA wal_checkpoint(TRUNCATE)")
      }
      storeLock?.unlock()
      openLock?.unlock()
    }
    try writer.queue.close()
  }

  /// One IMMEDIATE transaction under the store's lock. It is not cancelled with the calling task.
  func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    try await writable().write(isAlone: true) { db, _ in try body(db) }
  }

  /// Moves the whole log into the database, so that nothing of what was removed is left in it.
  func emptyLog() async throws { try await writable().emptyLog() }

  private func writable() throws(StoreError) -> SQLiteWriter {
    try checkIsOpen()
    guard let writer else { throw .unusable("\(folder.database) was opened for looking only") }
    return writer
  }

  /// One consistent look at the store.
  ///
  /// - Parameter isBrief: it is over sooner than another thread would begin with it, so that it is made on the caller's own
  ///   unless another one is under way.
  func read<Value: Sendable>(
    isBrief: Bool = false, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    let reader = try reader()
    let isFirst = state.withLock { state in
      state.reads += 1
      return state.reads == 1
    }
    let look: @Sendable (Database) throws -> Value = { [self] db in
      defer { state.withLock { $0.reads -= 1 } }
      try checkIsOpen()
      return try db.transaction(.read) { try body(db) }
    }
    return try await withCheckedThrowingContinuation { [folder] done in
      let answer: @Sendable (Database) -> Void = { db in
        done.resume(
          with: Result { try look(db) }.mapError { error in
            (error as? CallersError)?.error ?? StoreError(error, in: folder)
          })
      }
      if isBrief, isFirst {
        reader.writeWithoutTransaction(answer)
      } else {
        reader.asyncWriteWithoutTransaction(answer)
      }
    }
  }

  private func checkIsOpen() throws(StoreError) {
    if state.withLock(\.isClosed) { throw .unusable("\(folder.database) is closed") }
  }

  private func reader() throws -> DatabaseQueue {
    try checkIsOpen()
    return try state.withLock { state in
      if let reader = state.reader { return reader }
      do {
        let reader = try connections.reader()
        state.reader = reader
        return reader
      } catch {
        throw StoreError(error, in: folder)
      }
    }
  }
}

extension SQLiteStore {
  /// The settings of the connection that writes, as SQLite tells them; for `doctor`.
  public func settings() async throws -> [String: String] {
    guard let writer else { return [:] }
    return try await writer.use { [self] db in
      try checkIsOpen()
      var settings = ["defensive": "\(unsafe graphrun_sqlite_is_defensive(db.sqliteConnection))"]
      for name in SQLiteConnections.settings {
        settings[name] = try db.row("PRAGMA \(name)")?.columns.first.map { "\($0)" }
      }
      return settings
    }
  }
}
