public import GraphRuntime
import Synchronization

/// A wall clock that only waits and the test move, and chance that the test chooses.
public final class TestClock: Sendable {
  private let time: Mutex<Int>
  private let chance: Double

  /// - Parameter chance: what jitter is computed from, 0..<1.
  public init(milliseconds: Int = 1_767_225_600_000, chance: Double = 0) {
    time = Mutex(milliseconds)
    self.chance = chance
  }

  /// What a runner is given: whoever waits goes on at once, with the clock moved on by the wait.
  public var clock: RunClock {
    RunClock(now: { self.now }, chance: { self.chance }) { duration in
      try Task.checkCancellation()
      self.advance(by: duration)
    }
  }

  public var now: Timestamp { Timestamp(milliseconds: time.withLock(\.self)) }

  public func advance(by duration: Duration) {
    time.withLock { $0 += Int(duration.seconds * 1000) }
  }
}
