import GraphRuntime

/// Tasks of one fan-out, next to each other, of which there is one thing to tell.
struct TaskGroup {
  let first: TaskRecord
  fileprivate(set) var last: TaskRecord

  var isOne: Bool { first.id == last.id }

  /// `work`, `work[3]`, or `work[0-19]` for several.
  var label: String { isOne ? first.label : "\(first.id.node)[\(first.id.index)-\(last.id.index)]" }
}

extension [TaskRecord] {
  /// Those that stand alike next to each other as one; what failed, asks or runs is told by itself.
  var grouped: [TaskGroup] {
    var groups: [TaskGroup] = []
    for task in self {
      if let group = groups.last, task.isAlike(group.last) {
        groups[groups.count - 1].last = task
      } else {
        groups.append(TaskGroup(first: task, last: task))
      }
    }
    return groups
  }

  /// What ran, in few words: `build ×2, work[0-19], check (failed)`; × is how many attempts it took.
  var spoken: String {
    grouped.map { group in
      let status = group.first.status == .done ? "" : " (\(group.first.status.rawValue))"
      return group.label + status + (group.first.attempts > 1 ? " ×\(group.first.attempts)" : "")
    }.joined(separator: ", ")
  }
}

extension TaskRecord {
  fileprivate func isAlike(_ other: TaskRecord) -> Bool {
    guard isFanOut, other.isFanOut, id.node == other.id.node, id.index == other.id.index + 1 else { return false }
    switch status {
    case .failed, .waiting, .started: return false
    case .done, .skipped, .cached, .pending: return status == other.status && attempts == other.attempts
    }
  }
}
