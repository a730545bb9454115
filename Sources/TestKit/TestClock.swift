public import GraphRuntime
import Synchronization

/// A wall clock that stands until a test moves it, and chance that a test chooses.
public final class TestClock: Sendable {
  private let time: Mutex<Int>
  private let chance: Double

  /// - Parameter chance: what jitter is computed from, 0..<1; 0 makes retries wait for nothing.
  public init(milliseconds: Int = 1_767_225_600_000, chance: Double = 0) {
    time = Mutex(milliseconds)
    self.chance = chance
  }

  /// What a runner is given.
  public var clock: RunClock {
    RunClock(now: { Timestamp(milliseconds: self.time.withLock(\.self)) }, chance: { self.chance })
  }

  public func advance(by duration: Duration) {
    time.withLock { $0 += Int(duration.seconds * 1000) }
  }
}
