import Graph

extension Engine {
  /// Ends what earlier runs of `thread` left behind: orphaned processes and background services. A thread whose runner
  /// died is then `stopped`. Nothing runs.
  ///
  /// - Throws: ``RunRefusal`` for an unknown thread, ``StoreError/busy(_:)`` while somebody runs it.
  public func settle(_ thread: ThreadID) async throws -> ThreadRecord {
    try await withKnownThread(thread) { fence in
      guard let header = try await store.thread(thread) else { throw RunRefusal.unknownThread(thread) }
      return try await settle(header, fence)
    }
  }

  func settle(_ header: ThreadRecord, _ fence: Fence) async throws -> ThreadRecord {
    var header = header
    if header.status == .running {
      await Orphans.end(Orphans.find(runsOf: OwnerRecord.runMarker(header.id), in: store.identity))
    }
    var changes: [StoreChange] = []
    for service in try await store.services(of: header.id) {
      await service.end(in: store)
      changes.append(.serviceEnded(key: service.key))
    }
    if header.status == .running {
      header.status = .stopped
      header.updated = clock.now()
      changes.append(.thread(header))
    }
    if !changes.isEmpty { try await store.commit(changes, fence: fence) }
    return header
  }
}
