public import Graph
public import GraphRuntime
import OrderedCollections

/// Holds the state, or what a probe found, to expectations.
public struct VerifyNode: NodeKind {
  public let name = "verify"

  public init() {}

  public func sight(of node: Node) -> NodeSight {
    if node.fields["mcp"] != nil { return .thread }
    return node.fields["shell"] == nil && node.fields["http"] == nil ? .fields : .world
  }

  public func waits(_ node: Node) -> Bool { node.fields["within"] != nil || sight(of: node) == .thread }

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  public func effectClass(of node: Node) -> EffectClass { .pure }

  /// With `within` it says itself how long it may take.
  public func defaultTimeout(of node: Node) -> Duration? {
    node.fields["within"] == nil ? Node.defaultTimeout : nil
  }

  /// - Throws: ``NodeFailure`` of kind `expect` with every expectation that did not hold, not just the first.
  public func run(_ task: TaskContext) async throws -> NodeResult {
    let fields = NodeFields(task)
    let expectations = try Expectation.list(fields)
    let probe = try await Probe(fields)
    if let question = try await probe?.consent() { return .ask([question]) }
    do {
      return .result(try await evidence(expectations, probe, task))
    } catch let asking as Probe.Asking {
      return .ask(asking.prompts)
    }
  }

  /// What was found once all holds: looks again and again where there is time.
  private func evidence(_ expectations: [Expectation], _ probe: Probe?, _ task: TaskContext) async throws -> JSON {
    let fields = NodeFields(task)
    let every = try await fields.duration("every") ?? .seconds(1)
    let deadline = try await fields.duration("within").map { ContinuousClock.now + $0 }
    var last: Verdict?
    while true {
      guard let verdict = try await verdict(expectations, probe, deadline, task, isFirst: last == nil) else {
        // The last look was cut short by the deadline: what was seen before it counts.
        throw last?.failure ?? NodeFailure(.timeout, "the probe had not ended in time (within)")
      }
      if verdict.holds { return verdict.evidence }
      last = verdict
      guard let deadline, .now < deadline else { throw verdict.failure }
      try await Task.sleep(for: min(every, deadline - .now))
    }
  }

  public func surroundings(of task: TaskContext) async throws -> [JSON] {
    switch try await Probe(NodeFields(task)) {
    case .shell: [.string(task.folder)]
    case .mcp(let step): step.surroundings
    case .http, nil: []
    }
  }

  /// What a probe finds is what the rehearsal says, and the time to look again is over at once.
  public func rehearse(_ task: TaskContext, finding: JSON?) async throws -> NodeResult? {
    let fields = NodeFields(task)
    guard finding != nil || !Probe.isNamed(in: fields) else { return nil }
    var verdict = Verdict()
    if let finding, Probe.isNamed(in: fields) {
      verdict.probe = try await Probe.finding(saidToBe: finding, fields)
    }
    try await verdict.hold(try Expectation.list(fields), task)
    guard verdict.holds else { throw verdict.failure }
    return .result(verdict.evidence)
  }

  /// One look; `nil` when the probe had not ended by `deadline` and there was a look before.
  private func verdict(
    _ expectations: [Expectation], _ probe: Probe?, _ deadline: ContinuousClock.Instant?, _ task: TaskContext,
    isFirst: Bool
  ) async throws -> Verdict? {
    var verdict = Verdict()
    if let probe {
      guard let found = try await probe.finding(before: deadline, isFirst: isFirst) else { return nil }
      // Before anybody looks at it: what is told of it is cut.
      let finding = task.masked(found)
      verdict.probe = finding
      if expectations.isEmpty, let unmet = try await probe.unmet(finding) { verdict.unmet.append(unmet) }
    }
    try await verdict.hold(expectations, task)
    return verdict
  }
}

/// What one look gave.
private struct Verdict {
  var held: [String] = []
  var unmet: [Unmet] = []
  var probe: JSON?

  var holds: Bool { unmet.isEmpty }

  /// Holds what was found to `expectations`.
  mutating func hold(_ expectations: [Expectation], _ task: TaskContext) async throws {
    for expectation in expectations {
      if let unmet = try await expectation.unmet(task, result: probe) {
        self.unmet.append(unmet)
      } else {
        held.append(expectation.expression.source)
      }
    }
  }

  /// What the probe found, with the expectations that held and those that did not.
  var evidence: JSON {
    var evidence = probe?.objectValue ?? [:]
    evidence["held"] = .array(held.map(JSON.string))
    if !unmet.isEmpty { evidence["unmet"] = .array(unmet.map(\.json)) }
    return .object(evidence)
  }

  var failure: NodeFailure {
    NodeFailure(.expect, unmet.map(\.description).joined(separator: "\n"), result: evidence)
  }
}

/// An expectation that did not hold, and what was seen.
struct Unmet: CustomStringConvertible {
  var expectation: String
  var message: String?
  var seen: [(source: String, value: JSON)]

  var description: String {
    let what = message ?? expectation
    let values = seen.map { "\($0.source) is \($0.value.summary)" }
    // On a line of its own below a text of several lines, whose last may be a command to copy.
    return values.isEmpty ? what : "\(what)\(what.contains("\n") ? "\n" : " ")(\(values.joined(separator: ", ")))"
  }

  var json: JSON {
    var object: JSONObject = ["expect": .string(expectation)]
    if let message { object["message"] = .string(message) }
    object["seen"] = .object(JSONObject(seen.map { ($0.source, $0.value) }))
    return .object(object)
  }
}
