public import Graph
public import GraphRuntime

import struct Foundation.Date

/// Waits for a time or until one; the end is remembered, so a stop in between does not make it longer.
public struct WaitNode: NodeKind {
  public let name = "wait"

  private let now: @Sendable () -> Date
  private let sleep: @Sendable (Duration) async throws -> Void

  public init() {
    self.init(now: { Date() }, sleep: { try await Task.sleep(for: $0, clock: .continuous) })
  }

  init(now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void) {
    self.now = now
    self.sleep = sleep
  }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    let fields = NodeFields(task)
    if let duration = try await fields.duration("for") {
      try await wait(for: duration, task)
    } else {
      try await wait(until: try await remembered(task) { try await time(fields) })
    }
    let end = try await task.remember("until") { .string(Timestamp.text(now())) }
    return .result(["until": end])
  }

  /// A stretch of time: measured by the clock that nobody sets, unless it began in an earlier process.
  private func wait(for duration: Duration, _ task: TaskContext) async throws {
    let start = now()
    let end = try await remembered(task) { start.addingTimeInterval(duration / .seconds(1)) }
    let left = Duration.seconds(end.timeIntervalSince(start))
    try await sleepThrough(min(left, duration))
  }

  /// A date: asked of the clock on the wall again and again, as that may be set.
  private func wait(until end: Date) async throws {
    while true {
      let left = end.timeIntervalSince(now())
      guard left > 0 else { return }
      try await sleep(.seconds(min(left, 30)))
    }
  }

  private func sleepThrough(_ duration: Duration) async throws {
    if duration > .zero { try await sleep(duration) }
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
