import Synchronization

/// How a run is asked to stop: by signals, a closed terminal, or a program.
///
/// The first request lets running tasks end within the grace; a second ends them now (DESIGN rule 15).
public final class StopControl: Sendable {
  public enum Level: Int, Sendable, Comparable {
    case none, gentle, urgent

    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  private struct State {
    var level = Level.none
    var signal: Int32?
    var since: ContinuousClock.Instant?
    var waiters: [Int: (level: Level, continuation: CheckedContinuation<Void, Never>)] = [:]
    var lastWaiter = 0
  }

  private let state = Mutex(State())

  public init() {}

  public var level: Level { state.withLock { $0.level } }

  /// The first signal that asked; `nil` when a program did.
  public var signal: Int32? { state.withLock(\.signal) }

  /// What is left of `grace`, which began with the first request.
  func rest(of grace: Duration) -> Duration {
    guard let since = state.withLock(\.since) else { return grace }
    return max(.zero, grace - (.now - since))
  }

  /// Raises the level by one.
  public func request(signal: Int32? = nil) {
    let ready = state.withLock { state in
      state.level = state.level == .none ? .gentle : .urgent
      state.signal = state.signal ?? signal
      state.since = state.since ?? .now
      let ready = state.waiters.filter { $0.value.level <= state.level }
      for id in ready.keys { state.waiters[id] = nil }
      return ready.values.map(\.continuation)
    }
    for continuation in ready { continuation.resume() }
  }

  /// Returns once the level is at least `level`, or the waiting Swift task is cancelled.
  func reached(_ level: Level) async {
    let id = state.withLock { state in
      state.lastWaiter += 1
      return state.lastWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if state.level >= level || Task.isCancelled { return true }
          state.waiters[id] = (level, continuation)
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
    }
  }
}
