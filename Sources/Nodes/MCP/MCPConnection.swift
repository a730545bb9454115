import Graph
import GraphRuntime

/// One life of a server: from its start until it ends or is ended.
struct MCPConnection: Sendable {
  let wire: MCPWire
  let agreement: MCPAgreement

  var mirrorsArguments: Bool { wire.transport.mirrorsArguments && agreement.era == .modern }

  /// Starts or connects, and agrees on a version.
  ///
  /// - Throws: ``NodeFailure`` that precedes any effect; nothing is left running.
  static func start(
    _ configuration: MCPServerConfiguration, _ transport: any MCPTransport, era: MCPEra?
  ) async throws -> MCPConnection {
    let wire = MCPWire(server: configuration.name, transport: transport)
    let limit = configuration.startTimeout
    do {
      let agreement = try await withDeadline(.now + limit) {
        try await wire.open()
        return try await MCPHandshake(wire: wire, era: transport.era ?? era, limit: limit).run()
      }
      guard let agreement else {
        throw NodeFailure(.timeout, "\(configuration.name) did not answer within \(limit.readable) of its start")
      }
      return MCPConnection(wire: wire, agreement: agreement)
    } catch let refusal as MCPRefusal {
      await transport.close()
      var refused = refusal.failure(configuration.name)
      refused.precedesEffect = true
      guard [400, 404, 405].contains(refusal.status), let older = transport.predecessor() else { throw refused }
      do {
        return try await start(configuration, older, era: .legacy)
      } catch let failure as NodeFailure {
        refused.message += "; nor does it speak HTTP+SSE: \(failure.message)"
        throw refused
      }
    } catch {
      await transport.close()
      throw MCPTrouble(server: configuration.name, lastWords: transport.lastWords).startFailure(error)
    }
  }
}

extension MCPRefusal {
  func failure(_ server: String) -> NodeFailure {
    let said = text.isEmpty ? "" : ": \(text.prefix(2048))"
    let precedes = [401, 403, 404, 405, 406, 415, 429].contains(status) || (status == 503 && retryAfter != nil)
    return NodeFailure(
      .http, "\(server) answered with status \(status)\(said)", precedesEffect: isSessionGone || precedes,
      retryAfter: retryAfter)
  }
}

/// Makes failures of what went wrong with a server, with what it said last.
struct MCPTrouble {
  let server: String
  let lastWords: String

  /// Nothing was called yet.
  func startFailure(_ error: any Error) -> any Error {
    guard var failure = failure(error) else { return error }
    failure.precedesEffect = true
    return failure
  }

  /// `error` in the middle of a call: what is not known to precede the effect leaves it in doubt, unless the server itself
  /// said how the call ended.
  func callFailure(_ error: any Error) -> any Error {
    let isAnswer = error is MCPRequestError
    guard var failure = failure(error) else { return error }
    failure.isInDoubt = !isAnswer && !failure.precedesEffect
    return failure
  }

  private func failure(_ error: any Error) -> NodeFailure? {
    switch error {
    case let error as MCPRequestError: return withLastWords(error.failure(server))
    case let refusal as MCPRefusal: return refusal.failure(server)
    case let failure as NodeFailure: return withLastWords(failure)
    default: return nil
    }
  }

  private func withLastWords(_ failure: NodeFailure) -> NodeFailure {
    guard !lastWords.isEmpty, !failure.message.contains(lastWords) else { return failure }
    var failure = failure
    failure.message += "; it said: \(lastWords)"
    if let hint = Self.hint(in: lastWords) { failure.message += " (\(hint))" }
    return failure
  }

  /// What a package runner's words mean.
  private static func hint(in words: String) -> String? {
    let missing = ["E404", "404 Not Found", "No matching distribution found", "was not found in the package registry"]
    guard missing.contains(where: words.contains) else { return nil }
    return "the package is not in the registry: check its name, and whether it is run by npx or uvx"
  }
}
