import DequeModule
import Graph
import GraphRuntime
import Synchronization

/// How far a run may be ahead of who reads its events.
public struct EventPace: Sendable {
  /// Events that wait at most; beyond them the oldest make way, and the reader is told how many.
  public var limit: Int

  /// How long the engine waits before a super-step for a reader that is half of `limit` behind; then it goes on.
  public var patience: Duration

  public init(limit: Int = 4096, patience: Duration = .seconds(10)) {
    precondition(limit > 0, "an event can wait")
    self.limit = limit
    self.patience = patience
  }
}

/// The events between a run and its one reader, bounded: pieces of one task's output join, the engine waits a while, and
/// at last the oldest events make way (docs/decisions/0012).
final class EventBuffer: Sendable {
  private static let joinedBytes = 64 << 10

  private struct State {
    var waiting: Deque<RunEvent> = []
    var missed = 0
    var ending: Result<RunEnd, any Error>?
    var isAdmitted = false
    var hasReader = false

    /// Somebody waits for the end.
    var isAwaited = false

    /// The reader was waited for in vain since it last read.
    var isGivenUp = false

    /// Those who wait for the engine's next word.
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  private let pace: EventPace

  init(_ pace: EventPace) { self.pace = pace }

  /// Takes an event from the engine; never waits.
  func put(_ event: RunEvent) {
    let woken = state.withLock { state in
      if case .runStart = event.kind { state.isAdmitted = true }
      if !Self.join(event, in: &state, from: pace.limit / 2) { state.waiting.append(event) }
      while state.waiting.count > pace.limit {
        state.waiting.removeFirst()
        state.missed += 1
      }
      return Self.takeWaiters(&state)
    }
    woken.forEach { $0.resume() }
  }

  /// Adds output to the last event where that is the same stream's and the reader is behind.
  private static func join(_ event: RunEvent, in state: inout State, from count: Int) -> Bool {
    guard state.waiting.count >= count, let last = state.waiting.last,
      let joined = last.joined(with: event, within: joinedBytes)
    else { return false }
    state.waiting[state.waiting.count - 1] = joined
    return true
  }

  func finish(_ ending: Result<RunEnd, any Error>) {
    let woken = state.withLock { state in
      state.ending = ending
      return Self.takeWaiters(&state)
    }
    woken.forEach { $0.resume() }
  }

  private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
    defer { state.waiters = [] }
    return state.waiters
  }

  /// The next event; `nil` after the last.
  ///
  /// - Throws: what the run threw, after the last event.
  func next(in thread: ThreadID, now: () -> Timestamp) async throws -> RunEvent? {
    while true {
      let found: Result<RunEvent?, any Error>? = state.withLock { state in
        (state.hasReader, state.isGivenUp) = (true, false)
        if state.missed > 0 {
          defer { state.missed = 0 }
          let text = "\(state.missed) events were not told, as they were not read in time; history and log have them"
          return .success(RunEvent(thread: thread, time: now(), kind: .notice(text)))
        }
        if let event = state.waiting.popFirst() {
          return .success(event)
        }
        return state.ending.map { $0.map { _ in nil } }
      }
      if let found { return try found.get() }
      await wait { state in state.waiting.isEmpty && state.ending == nil && state.missed == 0 }
    }
  }

  /// How the run ended.
  func end() async throws -> RunEnd {
    state.withLock { $0.isAwaited = true }
    while true {
      if let ending = state.withLock(\.ending) { return try ending.get() }
      await wait { $0.ending == nil }
    }
  }

  /// Returns once the run was admitted, or was not.
  func begun() async throws {
    while !state.withLock({ $0.isAdmitted || $0.ending != nil }) { await wait { !$0.isAdmitted && $0.ending == nil } }
    if case .failure(let error)? = state.withLock({ $0.isAdmitted ? nil : $0.ending }) { throw error }
  }

  /// Waits for the engine's next word, where `isNeeded`.
  private func wait(_ isNeeded: (borrowing State) -> Bool) async {
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state in
        guard isNeeded(state) else { return false }
        state.waiters.append(continuation)
        return true
      }
      if !waits { continuation.resume() }
    }
  }

  /// Waits for a reader that is far behind, as long as the pace says. One that is not there yet may come, unless only
  /// the end is waited for.
  func catchUp() async {
    let begin = ContinuousClock.now
    while state.withLock({ isBehind($0) }) {
      guard ContinuousClock.now - begin < pace.patience, !Task.isCancelled else {
        return state.withLock { $0.isGivenUp = true }
      }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  private func isBehind(_ state: borrowing State) -> Bool {
    !state.isGivenUp && (state.hasReader || !state.isAwaited) && state.waiting.count > pace.limit / 2
  }
}

extension RunEvent {
  /// This output with `other` behind it, where both are of one stream of one task and short enough together.
  fileprivate func joined(with other: RunEvent, within bytes: Int) -> RunEvent? {
    guard case .taskOutput(let node, let task, let stream, let text) = kind,
      case .taskOutput(node, task, stream, let more) = other.kind, text.utf8.count + more.utf8.count <= bytes
    else { return nil }
    var joined = self
    joined.kind = .taskOutput(node: node, task: task, stream: stream, text: text + more)
    return joined
  }
}
