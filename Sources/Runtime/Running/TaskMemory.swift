import Graph
import Synchronization

/// What one attempt changed in the memory that threads share; it is stored with the task's end, or not at all.
final class TaskMemory: Sendable {
  /// Changes of one attempt at most.
  static let mostChanges = 10_000

  private let changes = Mutex<[MemoryChange]>([])

  /// A new attempt: what an earlier one changed does not count.
  func begin() { changes.withLock { $0 = [] } }

  var isEmpty: Bool { changes.withLock { $0.isEmpty } }
  var all: [MemoryChange] { changes.withLock(\.self) }

  /// - Throws: ``NodeFailure`` of kind `limit` where an attempt makes too many.
  func add(_ change: MemoryChange) throws(NodeFailure) {
    let isFull = changes.withLock { changes in
      changes.removeAll { $0.namespace == change.namespace && $0.key == change.key }
      guard changes.count < Self.mostChanges else { return true }
      changes.append(change)
      return false
    }
    if isFull { throw NodeFailure(.limit, "memory: one task changes at most \(Self.mostChanges) items") }
  }
}

extension TaskRun {
  /// What is stored besides the task that came to `end`: its output, and what it changed in memory where it is done.
  func changes(at end: End) -> [StoreChange] {
    guard case .ended(let record) = end, record.status == .done else { return outputs() }
    return outputs() + memory.all.map(StoreChange.memory)
  }
}

extension [StoreChange] {
  /// Without changes of memory, for a task that turned out not to be done.
  var withoutMemory: [StoreChange] {
    filter {
      if case .memory = $0 { return false }
      return true
    }
  }
}
