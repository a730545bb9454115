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
    let line = Lineage.Line(try await Lineage(of: thread, in: store), to: number)
    let parts = Mutex<[ThreadPart]>(line.gaps.map(ThreadPart.gap))
    try await store.parts(of: thread) { part in
      if line.holds(part) { parts.withLock { $0.append(part) } }
    }
    return parts.withLock { $0 }
  }
}

extension Lineage {
  /// A checkpoint and those it grew from, with what ran on the way.
  fileprivate struct Line: Sendable {
    private var numbers: Set<Int> = []

    /// Those whose super-steps made others of the line.
    private var ended: Set<Int> = []

    /// What ran inside their tasks.
    private var inside: [Namespace] = []

    init(_ lineage: Lineage, to number: Int) {
      var next: Int? = number
      while let number = next, let point = lineage.points[number] {
        numbers.insert(number)
        next = point.parent
        if let parent = next, point.source == .step { ended.insert(parent) }
      }
      inside = ended.flatMap { lineage.inside[$0] ?? [] }.map(Namespace.init(_:))
    }

    var gaps: [CheckpointGap] {
      [ClosedRange<Int>](between: Array(numbers)).map { CheckpointGap(numbers: $0, reason: .elsewhere) }
    }

    /// What the last one leaves to do belongs to another timeline.
    func holds(_ part: ThreadPart) -> Bool {
      switch part {
      case .thread, .graph: false
      case .gap(let gap): !gap.namespace.isEmpty && ranInside(gap.namespace)
      case .checkpoint(let record, _): holds(record.namespace, record.number, in: numbers)
      case .task(let task): holds(task.id.namespace, task.checkpoint, in: ended)
      case .output(let output): holds(output.namespace, output.checkpoint, in: ended)
      case .note(let note): note.key.isEmpty || note.isLocal
      }
    }

    private func holds(_ namespace: String, _ number: Int, in own: Set<Int>) -> Bool {
      namespace.isEmpty ? own.contains(number) : ranInside(namespace)
    }

    private func ranInside(_ namespace: String) -> Bool {
      inside.contains { $0.path == namespace || $0.contains(namespace) }
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
