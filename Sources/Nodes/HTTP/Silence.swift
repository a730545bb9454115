import Synchronization

/// Watches that an answer keeps coming (RELIABILITY R12).
final class Silence: Sendable {
  /// How long it may last; `nil` is for ever.
  struct Limits: Sendable, Hashable {
    /// Until the answer's head comes, and until its body begins.
    var firstByte: Duration? = .seconds(120)

    /// Between two pieces of the body.
    var idle: Duration? = .seconds(60)
  }

  private struct State {
    var since = ContinuousClock.now
    var hasBegun = false

    /// Whether the other side is waited for; while we are busy with what came nobody is silent.
    var isWaiting = true
  }

  private let limits: Limits
  private let state = Mutex(State())

  init(_ limits: Limits) {
    self.limits = limits
  }

  /// The limit that holds now.
  var limit: Duration? { state.withLock { $0.hasBegun } ? limits.idle : limits.firstByte }

  func begin() {
    state.withLock { ($0.since, $0.isWaiting) = (.now, true) }
  }

  func end(isBody: Bool) {
    state.withLock { state in
      state.isWaiting = false
      if isBody { state.hasBegun = true }
    }
  }

  /// Returns once nothing came for too long.
  func isTooLong() async throws {
    let shortest = min(limits.firstByte ?? .seconds(3600), limits.idle ?? .seconds(3600))
    while true {
      let state = state.withLock { $0 }
      guard state.isWaiting, let limit else {
        try await Task.sleep(for: shortest)
        continue
      }
      let due = state.since + limit
      if due <= .now { return }
      // Meanwhile the answer may begin, and then the other limit holds, which may be shorter.
      try await Task.sleep(until: min(due, .now + shortest), clock: .continuous)
    }
  }
}
