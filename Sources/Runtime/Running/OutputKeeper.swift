import Graph

/// Stores what an attempt prints while it goes on, so that others can read it and a runner that dies takes little of it along.
///
/// Only the beginning that is kept is stored so: the end is known at the end. Nobody who prints waits for the store.
struct OutputKeeper: Sendable {
  let output: TaskOutput
  let ledger: NamespaceLedger

  /// The task, where the store does not know of its attempt: whose output it has, that attempt counts.
  let task: TaskRecord?

  /// What was printed waits so long to be stored.
  private static let pace = Duration.seconds(1)

  /// After so many pieces it waits longer with each, so that what prints for days makes no row for every second of them.
  private static let quickPieces = 256

  /// Goes on until it is cancelled. What is new then is stored with the attempt's end.
  func run() async throws(StoreError) {
    var (task, pieces) = (task, 0)
    while true {
      await output.waitForBeginning()
      do {
        try await Task.sleep(for: Self.pause(after: pieces))
      } catch {
        return
      }
      let records = output.takeBeginning()
      pieces += records.count
      try await ledger.printed(records, by: task)
      task = nil
    }
  }

  static func pause(after pieces: Int) -> Duration { pace * max(pieces, quickPieces) / quickPieces }
}

extension TaskRun {
  /// - Parameter isStored: the store knows of the attempt.
  /// - Returns: `nil` where nothing is stored before the run ends.
  func keeper(of record: TaskRecord, isStored: Bool) -> OutputKeeper? {
    guard run.ledger.mode != .exit else { return nil }
    return OutputKeeper(output: output, ledger: run.ledger, task: isStored ? nil : record)
  }
}
