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
  ///
  /// - Parameter writers: the places of the tasks that wrote to a channel.
  mutating func weigh(
    _ changes: [StateFold.Change], by writers: (ChannelName) -> [Int]
  ) -> StateFold.Conflict? {
    let gain = weight.gain(by: changes)
    if let objection = weight.objection(to: gain), let heaviest = gain.channels.max(by: { $0.weight < $1.weight })?.name
    {
      return StateFold.Conflict(kind: .limit, channel: heaviest, tasks: writers(heaviest), message: objection)
    }
    accept(gain)
    return nil
  }

  /// Goes on with the state that weighs so much more.
  mutating func accept(_ gain: StateWeight.Gain) {
    for (channel, new) in gain.channels where new > StateWeight.heavyBytes && weight[channel] <= StateWeight.heavyBytes
    {
      ledger.tell(
        .notice(
          "channel \(channel) holds more than 1 MiB; large data is better kept in files, and their names in channels"))
    }
    weight.take(gain)
  }
}
