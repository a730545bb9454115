public import Graph
import Synchronization

extension Engine {
  /// Makes `new` a thread that is as `thread` was at checkpoint `number`, with its line of checkpoints under their
  /// numbers, and a fork on top. `thread` is only looked at; it may be running.
  ///
  /// - Returns: the header of the new thread; its head is the fork.
  /// - Throws: ``RunRefusal`` when `new` exists, there is no such checkpoint, or the update does not fit.
  public func fork(
    _ thread: ThreadID, at number: Int, as new: ThreadID, update: StateUpdate = StateUpdate(), graph: StateGraph
  ) async throws -> ThreadRecord {
    guard var header = try await store.thread(thread) else { throw RunRefusal.unknownThread(thread) }
    guard try await store.thread(new) == nil else { throw RunRefusal.threadExists(new) }
    let position = try await forkPoint(header, number, update, graph)
    header.id = new
    header.head = number
    header.created = clock.now()
    let branch = try await branch(header, from: position, update, source: .fork, graph: graph)
    let line = try await line(of: thread, to: number)
    return try await withThread(new) { fence in
      guard try await store.thread(new) == nil else { throw RunRefusal.threadExists(new) }
      try await store.assemble(fence) { put in
        for part in [ThreadPart.thread(branch.header), .graph(branch.graph)] + line { try put(part) }
        try put(.checkpoint(branch.checkpoint, values: nil))
        try put(.note(.origin(thread, number)))
      }
      return branch.header
    }
  }

  /// What is stored of the way to checkpoint `number`, and of the numbers beside it that they are gone.
  private func line(of thread: ThreadID, to number: Int) async throws -> [ThreadPart] {
    let line = Line(try await origins(in: thread), to: number)
    let parts = Mutex<[ThreadPart]>(line.gaps.map(ThreadPart.gap))
    try await store.parts(of: thread) { part in
      if line.holds(part) { parts.withLock { $0.append(part) } }
    }
    return parts.withLock { $0 }
  }

  private struct Origin {
    var parent: Int?
    var source: CheckpointSource
  }

  /// Where each checkpoint came from.
  private func origins(in thread: ThreadID) async throws -> [Int: Origin] {
    let origins = Mutex<[Int: Origin]>([:])
    try await store.parts(of: thread) { part in
      guard case .checkpoint(let record, _) = part, record.namespace.isEmpty else { return }
      origins.withLock { $0[record.number] = Origin(parent: record.parent, source: record.source) }
    }
    return origins.withLock { $0 }
  }

  /// A checkpoint and those it grew from.
  private struct Line {
    private var numbers: Set<Int> = []

    /// Those whose super-steps made others of the line.
    private var ended: Set<Int> = []

    init(_ origins: [Int: Origin], to number: Int) {
      var next: Int? = number
      while let number = next, let origin = origins[number] {
        numbers.insert(number)
        next = origin.parent
        if let parent = next, origin.source == .step { ended.insert(parent) }
      }
    }

    var gaps: [CheckpointGap] {
      [ClosedRange<Int>](between: Array(numbers)).map { CheckpointGap(numbers: $0, reason: .elsewhere) }
    }

    /// What the last one leaves to do belongs to another timeline.
    func holds(_ part: ThreadPart) -> Bool {
      switch part {
      case .thread, .graph, .gap: false
      case .checkpoint(let record, _): record.namespace.isEmpty && numbers.contains(record.number)
      case .task(let task): task.id.namespace.isEmpty && ended.contains(task.checkpoint)
      case .output(let output): output.namespace.isEmpty && ended.contains(output.checkpoint)
      case .note(let note): note.key.isEmpty
      }
    }
  }
}

extension NoteRecord {
  /// The key of notes on where a thread came from.
  static let originKey = "origin"

  /// The thread was forked from `thread` at `checkpoint`.
  static func origin(_ thread: ThreadID, _ checkpoint: Int) -> NoteRecord {
    NoteRecord(
      key: originKey, name: "fork", value: ["thread": .string(thread.rawValue), "checkpoint": .int(checkpoint)])
  }
}

extension Checkpointer {
  /// Checkpoint `number` of the thread's own graph.
  ///
  /// - Throws: ``RunRefusal`` that says why there is none.
  func existing(_ number: Int?, of header: ThreadRecord) async throws -> StoredCheckpoint {
    if let stored = try await checkpoint(number, of: header.id, namespace: "") { return stored }
    let number = number ?? header.head
    guard let gap = try await gaps(of: header.id, namespace: "").around(number) else {
      throw RunRefusal.unknownCheckpoint(header.id, number, newest: header.head)
    }
    throw RunRefusal.missingCheckpoint(header.id, number, gap.reason)
  }
}
