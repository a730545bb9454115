import Graph
import Synchronization

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

/// The checkpoints of a thread and what hangs on them, without their contents.
struct Lineage: Sendable {
  private struct Point: Sendable {
    var parent: Int?
    var source: CheckpointSource
    var created: Timestamp
  }

  private var points: [Int: Point] = [:]

  /// The namespaces of what the tasks at a checkpoint run inside.
  private var inside: [Int: Set<String>] = [:]

  /// How many checkpoints each namespace has.
  private var namespaces: [String: Int] = [:]

  init(of thread: ThreadID, in store: any Checkpointer) async throws {
    let line = Mutex(Lineage())
    try await store.parts(of: thread) { part in line.withLock { $0.add(part) } }
    self = line.withLock { $0 }
  }

  private init() {}

  private mutating func add(_ part: ThreadPart) {
    switch part {
    case .checkpoint(let record, _):
      namespaces[record.namespace, default: 0] += 1
      guard record.namespace.isEmpty else { return }
      points[record.number] = Point(parent: record.parent, source: record.source, created: record.created)
    case .task(let task):
      namespaces[task.id.namespace, default: 0] += 0
      if task.id.namespace.isEmpty { inside[task.checkpoint, default: []].insert(task.inside.path) }
    default: break
    }
  }

  /// Those that may go.
  func doomed(by retention: Retention, now: Timestamp, keeping fixed: Set<Int>) -> Set<Int> {
    let newest = Set(points.keys.sorted(by: >).prefix(retention.keep ?? 0))
    let oldest = retention.age.map { now.milliseconds - Int($0.components.seconds) * 1000 }
    let kept = points.filter { number, point in
      newest.contains(number) || fixed.contains(number) || oldest.map { point.created.milliseconds > $0 } ?? false
    }
    return Set(points.keys).subtracting(withForkPoints(Set(kept.keys)))
  }

  /// With the checkpoints that branches among them were forked from.
  private func withForkPoints(_ numbers: Set<Int>) -> Set<Int> {
    var kept = numbers
    var fresh = numbers
    while !fresh.isEmpty {
      fresh = Set(fresh.compactMap { points[$0]?.source == .fork ? points[$0]?.parent : nil }).subtracting(kept)
      kept.formUnion(fresh.filter { points[$0] != nil })
      fresh.formIntersection(kept)
    }
    return kept
  }

  /// `numbers` with what ran inside tasks that go with them.
  func pruning(_ numbers: Set<Int>) -> Pruning {
    let ended = Set(points.filter { !numbers.contains($0.key) && $0.value.source == .step }.compactMap(\.value.parent))
    let gone = numbers.subtracting(ended).flatMap { inside[$0] ?? [] }.map(Namespace.init(_:))
    return Pruning(
      numbers: numbers.isEmpty ? [:] : ["": numbers],
      namespaces: Set(namespaces.keys.filter { name in gone.contains { $0.path == name || $0.contains(name) } }))
  }

  var numbers: Set<Int> { Set(points.keys) }

  func checkpoints(in pruning: Pruning) -> Int {
    (pruning.numbers[""]?.count ?? 0) + pruning.namespaces.reduce(0) { $0 + (namespaces[$1] ?? 0) }
  }
}
