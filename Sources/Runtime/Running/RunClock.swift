public import Foundation

/// Where time and chance come from, so that a test can choose them.
public struct RunClock: Sendable {
  /// The wall clock, for display and for waits with an absolute end.
  public var now: @Sendable () -> Timestamp

  /// A number in 0..<1, for jitter.
  public var chance: @Sendable () -> Double

  /// Waits: a retry's delay, a `wait` node's time.
  public var sleep: @Sendable (Duration) async throws -> Void

  public init(
    now: @escaping @Sendable () -> Timestamp, chance: @escaping @Sendable () -> Double,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0, clock: .continuous) }
  ) {
    self.now = now
    self.chance = chance
    self.sleep = sleep
  }

  public static let system = RunClock(now: { .now }, chance: { Double.random(in: 0..<1) })
}

extension Timestamp {
  public static var now: Timestamp { Timestamp(Date()) }

  public init(_ date: Date) {
    self.init(milliseconds: Int((date.timeIntervalSince1970 * 1000).rounded()))
  }

  /// RFC 3339 in UTC with milliseconds.
  public var iso8601: String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

extension Duration {
  /// As seconds, with a fraction.
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
