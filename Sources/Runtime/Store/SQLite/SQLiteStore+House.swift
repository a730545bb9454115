import GRDB
public import Graph

extension SQLiteStore {
  public func parts(of thread: ThreadID, _ take: @escaping @Sendable (ThreadPart) throws -> Void) async throws {
    try await read { db in
      try SQLiteReading(db: db, thread: thread).parts { part in
        do { try take(part) } catch { throw CallersError(error: error) }
      }
    }
  }

  public func assemble(
    _ fence: Fence, _ give: @escaping @Sendable (PartTaker) throws -> Void
  ) async throws {
    try await write(fence) { [folder] db in
      try SQLiteAssembly(db: db, fence: fence).assemble { put in
        do {
          try give { part in
            do { try put(part) } catch { throw StoreError(error, in: folder) }
          }
        } catch {
          throw CallersError(error: error)
        }
      }
    }
  }

  public func gaps(of thread: ThreadID, namespace: String) async throws -> [CheckpointGap] {
    try await read { try SQLiteReading(db: $0, thread: thread).gaps(namespace) }
  }

  /// Rows that one transaction of ``prune(_:fence:)`` removes.
  private static let batch = 500

  public func prune(_ pruning: Pruning, fence: Fence) async throws {
    for (namespace, doomed) in pruning.numbers.sorted(by: { $0.key < $1.key }) {
      try await prune(doomed, namespace, fence)
    }
    for namespace in pruning.namespaces.sorted() {
      let all = try await read { try SQLiteReading(db: $0, thread: fence.thread).numbers(namespace) }
      try await prune(Set(all), namespace, fence)
      try await write(fence) { try $0.change(SQL.endGaps, [.text(fence.thread.rawValue), .text(namespace)]) }
    }
  }

  private func prune(_ doomed: Set<Int>, _ namespace: String, _ fence: Fence) async throws {
    @Sendable func piece(_ db: Database) -> SQLitePruning {
      SQLitePruning(db: db, thread: fence.thread, namespace: namespace)
    }
    for number in try await read({ try piece($0).orphans(of: doomed) }) {
      try await write(fence) { try piece($0).makeBase(number) }
    }
    var rest = doomed.sorted(by: >)[...]
    while !rest.isEmpty {
      rest = try await write(fence) { [rest] db in try piece(db).remove(rest, limit: Self.batch) }
    }
  }

  public func delete(_ fence: Fence) async throws {
    let name = Column.text(fence.thread.rawValue)
    try await write(fence) { db in
      try db.change(SQL.removeThread, [name])
      try db.change(SQL.removeCached, [name])
      try db.change(SQL.removeGraphs, [])
      try db.change(SQL.removeLease, [name])
    }
    try await release(fence)
  }

  public func clearCache(of node: NodeName?) async throws -> Int {
    try await write { db in
      try db.change(SQL.clearCache, [Column(node?.rawValue)])
      return db.changesCount
    }
  }

  public func compact() async throws -> Int {
    let before = try await pages()
    while try await write({ db in
      let free = try db.int("PRAGMA freelist_count") ?? 0
      if free > 0 { try db.execute(sql: "PRAGMA incremental_vacuum(\(Self.batch))") }
      return free > Self.batch
    }) {}
    try await emptyLog()
    return try await max(0, before - pages()) * pageSize()
  }

  private func pages() async throws -> Int { try await read { try $0.int("PRAGMA page_count") ?? 0 } }
  private func pageSize() async throws -> Int { try await read { try $0.int("PRAGMA page_size") ?? 0 } }
}

/// An error of those who called the store, to be told as it is.
struct CallersError: Error {
  var error: any Error
}
