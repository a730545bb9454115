import Foundation
import GRDB
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What was saved of a damaged store.
public struct SalvageReport: Sendable, Hashable {
  public struct Thread: Sendable, Hashable {
    public var id: ThreadID

    /// Checkpoints of its own graph that are in the new store.
    public var checkpoints: Int

    /// What is not, a line each.
    public var lost: [String]
  }

  /// Where the damaged store is now; `nil` when there was nothing to save it from.
  public var place: String?
  public var threads: [Thread] = []

  public var isComplete: Bool { threads.allSatisfy(\.lost.isEmpty) }
}

extension SQLiteStore {
  /// Moves the damaged store in `folder` aside, unchanged, and puts what is whole of it into a new one. Does nothing to
  /// a store that is whole.
  ///
  /// Where the newest checkpoints of a thread are lost, the tasks that are due at the one that became its head count as
  /// begun: they may have had their effects already, so that a resume asks before it repeats one that may happen only once.
  ///
  /// - Throws: ``StoreError`` when there is no store, it is in use, or the disk does not take it.
  public static func salvage(_ folder: String) async throws -> SalvageReport {
    guard try exists(in: folder) else {
      throw StoreError.unusable("there is no store in \(folder); name its folder with --state")
    }
    if try await isWhole(folder) { return SalvageReport() }
    let aside = try StoreError.unusable { try moveAside(StateFolder(folder, create: true)) }
    let store = try await open(folder: folder)
    do {
      let report = try await SQLiteSalvage(from: aside, into: store).report()
      try await store.close()
      return report
    } catch {
      try? await store.close()
      throw error
    }
  }

  private static func isWhole(_ folder: String) async throws -> Bool {
    do {
      let store = try await open(folder: folder, mode: .readOnly, patience: .seconds(5))
      let problems = try await store.verify()
      try await store.close()
      return problems.isEmpty
    } catch StoreError.damaged {
      return false
    }
  }

  /// Nobody else may have the store open for writing meanwhile.
  private static func moveAside(_ folder: StateFolder) throws -> String {
    guard let storeLock = try LockFile(at: folder.storeLock, create: true),
      let openLock = try LockFile(at: folder.openLock, create: true),
      try storeLock.tryLock(.exclusive), try openLock.tryLock(.exclusive)
    else { throw StoreError.locked(folder, by: folder.openLock) }
    defer {
      storeLock.unlock()
      openLock.unlock()
    }
    var place = "\(folder.path)/damaged-\(Int(Date().timeIntervalSince1970))"
    while try FileInfo.of(place) != nil { place += "x" }
    guard unsafe mkdir(place, 0o700) == 0 else { throw SystemError("make the folder \(place)") }
    for file in [folder.wal, folder.shm, folder.database] where try FileInfo.of(file) != nil {
      let name = file.split(separator: "/").last.map(String.init) ?? "graphrun.sqlite"
      guard unsafe rename(file, "\(place)/\(name)") == 0 else { throw SystemError("move \(file) to \(place)") }
    }
    return place
  }
}

/// Reads what can be read of a database that is damaged somewhere, thread by thread.
struct SQLiteSalvage {
  private let place: String
  private let store: SQLiteStore

  init(from place: String, into store: SQLiteStore) {
    self.place = place
    self.store = store
  }

  func report() async throws -> SalvageReport {
    var report = SalvageReport(place: place)
    guard let database = try? workingCopy() else { return report }
    defer {
      try? database.close()
      for end in ["", "-wal", "-shm"] { _ = unsafe unlink("\(work)\(end)") }
    }
    let threads = try await database.writeWithoutTransaction { db in Self.threads(in: db) }
    for thread in threads {
      let saved = try await database.writeWithoutTransaction { db in
        SalvagedThread(thread, from: SQLiteReading(db: db, thread: thread))
      }
      report.threads.append(try await put(saved))
    }
    return report
  }

  private var work: String { "\(place)/work.sqlite" }

  /// A copy, whose indexes are made anew: the damaged file stays as it was found.
  private func workingCopy() throws -> DatabaseQueue {
    for end in ["", "-wal"] where FileManager.default.fileExists(atPath: "\(place)/graphrun.sqlite\(end)") {
      try FileManager.default.copyItem(atPath: "\(place)/graphrun.sqlite\(end)", toPath: "\(work)\(end)")
    }
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let database = try DatabaseQueue(path: work, configuration: configuration)
    try database.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA trusted_schema = OFF")
      for table in ["thread", "checkpoint", "task", "note", "output", "gap", "graph", "service"] {
        try? db.execute(sql: "REINDEX \(table)")
      }
    }
    return database
  }

  /// Every name that is anywhere, also behind a page that cannot be read.
  private static func threads(in db: Database) -> [ThreadID] {
    var names: Set<String> = []
    for query in ["id FROM thread", "thread FROM checkpoint", "thread FROM lease"] {
      for order in ["ASC", "DESC"] {
        try? db.forEachRow("SELECT \(query) NOT INDEXED ORDER BY rowid \(order)") { row in
          if case .text(let name)? = row.columns.first { names.insert(name) }
        }
      }
    }
    return names.sorted().compactMap(ThreadID.init(checking:))
  }

  private func put(_ saved: SalvagedThread) async throws -> SalvageReport.Thread {
    var result = SalvageReport.Thread(id: saved.thread, checkpoints: 0, lost: saved.lost)
    guard !saved.parts.isEmpty else { return result }
    let fence = try await store.acquire(saved.thread, owner: .current)
    do {
      try await store.assemble(fence) { put in
        for part in saved.parts { try put(part) }
      }
      try await store.commit(saved.services.map(StoreChange.service), fence: fence)
      result.checkpoints = saved.checkpoints
    } catch StoreError.refused(let why) {
      result.lost = ["all of it: what is left does not go together (\(why))"]
    }
    try await store.release(fence)
    return result
  }
}
