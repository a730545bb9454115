import Graph

/// Which checkpoints of finished threads may go. Where several are given, all must hold.
public struct Retention: Sendable, Hashable {
  /// So many of the newest stay.
  public var keep: Int?

  /// Younger ones stay.
  public var age: Duration?

  public init(keep: Int? = nil, age: Duration? = nil) {
    self.keep = keep
    self.age = age
  }
}

/// What pruning came to.
public struct PruneReport: Sendable, Hashable {
  /// Threads of which something went.
  public var threads = 0
  public var checkpoints = 0

  /// By how much the store shrank.
  public var bytes = 0
}

extension Engine {
  /// Removes `thread` for good, with its services ended first. Nothing of it is left in the store's files.
  ///
  /// - Throws: ``RunRefusal`` for an unknown thread, ``StoreError/busy(_:)`` while somebody runs it.
  public func delete(_ thread: ThreadID) async throws {
    guard try await isKnown(thread) else { throw RunRefusal.unknownThread(thread) }
    try await withThread(thread) { fence in
      // What is damaged can be deleted too.
      if let header = try? await store.thread(thread) {
        _ = try? await settle(header, fence)
        if let line = try? await Lineage(of: thread, in: store) {
          try? await store.prune(line.pruning(line.numbers.subtracting([header.head])), fence: fence)
        }
      }
      try await store.delete(fence)
    }
    _ = try await store.compact()
  }

  private func isKnown(_ thread: ThreadID) async throws -> Bool {
    do {
      return try await store.thread(thread) != nil
    } catch StoreError.damaged {
      return true
    }
  }

  /// Removes checkpoints of finished threads: never a head, nor one that a branch or another thread was forked from.
  /// Threads that are not done, or that somebody has, stay as they are.
  ///
  /// - Parameter threads: `nil` is all.
  public func prune(_ retention: Retention, threads: [ThreadID]? = nil) async throws -> PruneReport {
    var report = PruneReport()
    let headers = try await store.threads()
    let origins = try await origins(of: headers.map(\.id))
    for thread in threads ?? headers.map(\.id) {
      guard headers.contains(where: { $0.id == thread }) else { throw RunRefusal.unknownThread(thread) }
      let count = try await prune(thread, retention, keeping: origins[thread] ?? [])
      report.checkpoints += count
      if count > 0 { report.threads += 1 }
    }
    report.bytes = try await store.compact()
    return report
  }

  private func prune(_ thread: ThreadID, _ retention: Retention, keeping forkPoints: Set<Int>) async throws -> Int {
    do {
      return try await withThread(thread) { fence in
        guard let header = try await store.thread(thread), header.status == .done else { return 0 }
        let line = try await Lineage(of: thread, in: store)
        let doomed = line.doomed(by: retention, now: clock.now(), keeping: forkPoints.union([header.head]))
        let pruning = line.pruning(doomed)
        if !doomed.isEmpty { try await store.prune(pruning, fence: fence) }
        return line.checkpoints(in: pruning)
      }
    } catch StoreError.busy {
      return 0
    }
  }

  /// The checkpoints that threads were forked from, by thread.
  private func origins(of threads: [ThreadID]) async throws -> [ThreadID: Set<Int>] {
    var origins: [ThreadID: Set<Int>] = [:]
    for thread in threads {
      for note in try await store.notes(of: thread, key: NoteRecord.originKey) {
        guard let name = note.value["thread"]?.stringValue, let number = note.value["checkpoint"]?.intValue else {
          continue
        }
        origins[ThreadID(rawValue: name), default: []].insert(number)
      }
    }
    return origins
  }
}
