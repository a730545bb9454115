import Foundation
package import Graph
import GraphRuntime

/// What a check of `doctor` found.
package struct Finding: Sendable, Hashable {
  package enum State: Sendable, Hashable {
    case ok
    /// It works, and could be better.
    case advice
    case failed
  }

  /// What was looked at.
  package var check: String
  package var state: State
  package var found: String?

  /// What to do, something that can be typed where that is possible; every failed check has one.
  package var remedy: String?

  package static func ok(_ check: String, _ found: String? = nil) -> Finding {
    Finding(check: check, state: .ok, found: found)
  }

  package static func advice(_ check: String, _ found: String, remedy: String) -> Finding {
    Finding(check: check, state: .advice, found: found, remedy: remedy)
  }

  package static func failed(_ check: String, _ found: String, remedy: String) -> Finding {
    Finding(check: check, state: .failed, found: found, remedy: remedy)
  }

  /// A failure whose message is "what is wrong; what to do".
  static func failed(_ check: String, telling message: String, remedy: String) -> Finding {
    guard let cut = message.range(of: "; ") else { return failed(check, message, remedy: remedy) }
    return failed(check, String(message[..<cut.lowerBound]), remedy: String(message[cut.upperBound...]))
  }

  /// `{check, ok, found?, remedy?}`.
  package var json: JSON {
    var object: JSONObject = ["check": .string(check), "ok": .bool(state != .failed)]
    if let found { object["found"] = .string(found) }
    if let remedy { object["remedy"] = .string(remedy) }
    return .object(object)
  }
}

/// Something to look at, for a bounded time.
package struct Check: Sendable {
  package let name: String
  private let limit: Duration
  private let look: @Sendable () async throws -> [Finding]

  init(_ name: String, within limit: Duration = .seconds(20), _ look: @escaping @Sendable () async throws -> [Finding])
  {
    self.name = name
    self.limit = limit
    self.look = look
  }

  init(
    _ name: String, within limit: Duration = .seconds(20), one look: @escaping @Sendable () async throws -> Finding
  ) {
    self.init(name, within: limit) { [try await look()] }
  }

  /// - Throws: `CancellationError` only.
  func findings() async throws -> [Finding] {
    do {
      if let findings = try await withDeadline(.now + limit, look) { return findings }
      return [
        .failed(
          name, "no answer within \(limit.readable)",
          remedy: "find out what it waits for, then run graphrun doctor again")
      ]
    } catch {
      try Task.checkCancellation()
      let message = (error as? NodeFailure)?.message ?? "\(error)"
      return [.failed(name, telling: message, remedy: "mend what it says, then run graphrun doctor again")]
    }
  }
}

/// Checks, side by side.
package struct Doctor: Sendable {
  package var checks: [Check]

  package init(_ checks: [Check]) {
    self.checks = checks
  }

  private static let atOnce = 16

  /// Shows what is found, in the order of the checks; `waiting` gets the names of those that have not ended.
  ///
  /// - Throws: `CancellationError` when the calling task is cancelled; what was begun has ended then.
  package func run(show: (Finding) -> Void, waiting: ([String]) -> Void = { _ in }) async throws {
    var found: [Int: [Finding]] = [:]
    var shown = 0
    var running: Set<Int> = []
    try await withThrowingTaskGroup(of: (Int, [Finding]).self) { group in
      for index in checks.indices.prefix(Self.atOnce) { begin(index, &running, &group) }
      waiting(running.sorted().map { checks[$0].name })
      while let (index, findings) = try await group.next() {
        found[index] = findings
        running.remove(index)
        let next = found.count + running.count
        if next < checks.count { begin(next, &running, &group) }
        while let findings = found[shown] {
          findings.forEach(show)
          shown += 1
        }
        waiting(running.sorted().map { checks[$0].name })
      }
    }
  }

  private func begin(
    _ index: Int, _ running: inout Set<Int>, _ group: inout ThrowingTaskGroup<(Int, [Finding]), any Error>
  ) {
    running.insert(index)
    group.addTask { (index, try await checks[index].findings()) }
  }
}
