import Graph
import OrderedCollections

extension ThreadRun {
  /// So many checkpoints of a thread are worth a warning.
  private static let manyCheckpoints = 10_240

  /// Why the thread may not grow any longer; `nil` when it may.
  func historyLimit(_ allowance: Int) -> TaskError? {
    if header.head == Self.manyCheckpoints {
      ledger.tell(
        .notice("this thread has \(header.head) checkpoints; at \(options.maxCheckpoints) it will stop"))
    }
    guard checkpointsLeft(allowance) <= 0 else { return nil }
    let most = header.head + checkpointsLeft(allowance)
    return TaskError(
      kind: .limit,
      message: "the thread has \(header.head) checkpoints, and \(most) is the most; start a new thread, or resume with "
        + "--max-steps above that number")
  }

  /// How many checkpoints more the thread may have.
  func checkpointsLeft(_ allowance: Int) -> Int { max(options.maxCheckpoints, allowance) - header.head }

  /// What the store complains of is told once in a run.
  mutating func passOnComplaint() {
    guard !hasComplained, let complaint = ledger.ledger.complaint else { return }
    hasComplained = true
    ledger.tell(.notice(complaint))
  }

  /// Weighs the state that a super-step led to: tells of channels that became heavy, and refuses one that no checkpoint may
  /// hold, on account of those who wrote to its heaviest channel.
  mutating func weigh(_ changes: [StateFold.Change], _ tasks: [TaskRecord]) -> StateFold.Conflict? {
    var new = weight
    new.apply(changes)
    let changed = changes.stored.map(\.channel)
    if new.total > weight.total, let objection = new.objection {
      let heaviest = changed.max { new[$0] < new[$1] } ?? changed[0]
      let writers = tasks.indices.filter { tasks[$0].writes.contains { $0.channel == heaviest } }
      return StateFold.Conflict(kind: .limit, channel: heaviest, tasks: writers, message: objection)
    }
    for channel in changed where new[channel] > StateWeight.heavyBytes && weight[channel] <= StateWeight.heavyBytes {
      ledger.tell(
        .notice(
          "channel \(channel) holds more than 1 MiB; large data is better kept in files, and their names in channels"))
    }
    weight = new
    return nil
  }
}
