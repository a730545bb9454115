public import Graph
public import GraphRuntime

import struct Foundation.Date

/// Waits for a time or until one; the end is remembered, so a stop in between does not make it longer.
public struct WaitNode: NodeKind {
  public let name = "wait"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  /// It says itself how long it takes.
  public func defaultTimeout(of node: Node) -> Duration? { nil }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    try await wait(task, longest: Self.longest)
  }

  /// With the clock of a rehearsal no time passes.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    if let finding { return .result(finding) }
    return try await wait(task, longest: .infinity)
  }

  /// A wait for a date sleeps at most so many seconds before it looks at the clock again.
  private static let longest = 30.0

  private func wait(_ task: TaskContext, longest: Double) async throws -> NodeResult {
    let fields = NodeFields(task)
    if let duration = try await fields.duration("for") {
      try await wait(for: duration, task)
    } else {
      try await wait(until: try await remembered(task) { try await time(fields) }, task.clock, longest)
    }
    let end = try await task.remember("until") { .string(Timestamp.text(task.clock.date)) }
    return .result(["until": end])
  }

  /// A stretch of time: measured by the clock that nobody sets, unless it began in an earlier process.
  private func wait(for duration: Duration, _ task: TaskContext) async throws {
    let start = task.clock.date
    let end = try await remembered(task) { start.addingTimeInterval(duration / .seconds(1)) }
    let left = min(Duration.seconds(end.timeIntervalSince(start)), duration)
    if left > .zero { try await task.clock.sleep(left) }
  }

  /// A date: asked of the clock on the wall again and again, as that may be set.
  private func wait(until end: Date, _ clock: RunClock, _ longest: Double) async throws {
    while true {
      let left = end.timeIntervalSince(clock.date)
      guard left > 0 else { return }
      try await clock.sleep(.seconds(min(left, longest)))
    }
  }

  private func remembered(_ task: TaskContext, _ end: @Sendable () async throws -> Date) async throws -> Date {
    let value = try await task.remember("until") { .string(Timestamp.text(try await end())) }
    guard let text = value.stringValue, let date = Timestamp.date(text) else {
      throw NodeFailure(.type, "until: \(value.summary) is no date and time")
    }
    return date
  }

  private func time(_ fields: NodeFields) async throws -> Date {
    let value = try await fields.value("until") ?? .null
    if let seconds = value.doubleValue { return Date(timeIntervalSince1970: seconds) }
    guard let text = value.stringValue, let date = Timestamp.date(text) else {
      throw fields.failure(
        "until", "\(value.summary) is no date and time with its offset, for instance 2026-01-31T09:00:00Z")
    }
    return date
  }
}

extension RunClock {
  fileprivate var date: Date { Date(timeIntervalSince1970: Double(now().milliseconds) / 1000) }
}
