import Graph
import GraphRuntime

/// Looks at the world for `verify`: whatever it finds is a finding, also that nobody answers.
enum Probe {
  case shell(ShellStep)
  case http(HTTPExchange)
  case mcp(MCPStep)

  /// The probe that `fields` names; `nil` when there is none.
  init?(_ fields: NodeFields) async throws {
    if let shell = fields.nested("shell") {
      self = .shell(ShellStep(shell))
    } else if let http = fields.nested("http") {
      self = .http(HTTPExchange(http))
    } else if let mcp = fields.nested("mcp") {
      self = .mcp(try await MCPStep(mcp))
    } else {
      return nil
    }
  }

  /// Whether `fields` name a probe.
  static func isNamed(in fields: NodeFields) -> Bool { ["shell", "http", "mcp"].contains { fields[$0] != nil } }

  /// `{exit, stdout …}`, `{status, body …}`, `{text, content …}` or `{error: {kind, message}}`.
  ///
  /// A look that had not ended by `deadline` is `nil`, or where it `isFirst` an error that expectations can see.
  ///
  /// - Throws: ``Asking``.
  func finding(before deadline: ContinuousClock.Instant?, isFirst: Bool) async throws -> JSON? {
    do {
      guard let deadline else { return try await look() }
      if let finding = try await withDeadline(deadline, { try await look() }) { return finding }
      return isFirst ? Self.error(.timeout, "the probe had not ended in time") : nil
    } catch let failure as NodeFailure where Self.findings.contains(failure.kind) {
      // A look that the deadline cut off says nothing; what was seen before it counts.
      if !isFirst, let deadline, .now >= deadline { return nil }
      return Self.error(failure.kind, failure.message)
    }
  }

  /// What a person must be asked in the middle of a look.
  struct Asking: Error {
    var prompts: [Prompt]
  }

  /// What a person must be asked before the first look; `nil` where that is nothing.
  func consent() async throws -> Prompt? {
    if case .mcp(let step) = self { try await step.consent() } else { nil }
  }

  /// What is wrong with `finding` when nobody says what is expected.
  func unmet(_ finding: JSON) async throws -> Unmet? {
    if let error = finding["error"] {
      return Unmet(expectation: "the probe finds something", message: error["message"]?.stringValue, seen: [])
    }
    switch self {
    case .mcp: return nil
    case .shell(let step):
      let ok = try await step.fields.integers("ok") ?? [0]
      guard finding["exit"]?.intValue.map(ok.contains) != true else { return nil }
      return Unmet(
        expectation: "$result.exit", message: "the probe ends well",
        seen: [("$result", finding)])
    case .http(let exchange):
      guard let status = finding["status"]?.intValue, try await !exchange.accepts(status) else { return nil }
      return Unmet(
        expectation: "$result.status", message: "the probe gets a good status", seen: [("$result.status", .int(status))]
      )
    }
  }

  private static let findings: Set<ErrorKind> = [.connection, .timeout, .spawn, .parse, .limit, .http, .protocol]

  private static func error(_ kind: ErrorKind, _ message: String) -> JSON {
    ["error": ["kind": .string(kind.rawValue), "message": .string(message)]]
  }

  private func look() async throws -> JSON {
    switch self {
    case .shell(let step): try await step.finding(of: try await step.execute(show: { _, _ in }))
    case .http(let exchange): try await exchange.finding()
    case .mcp(let step): try await step.finding()
    }
  }
}
