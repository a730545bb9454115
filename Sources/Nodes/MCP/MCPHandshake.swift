import Graph
import GraphRuntime

/// Finds out which era and version a server speaks.
///
/// `server/discover` is asked first. Whatever does not understand it is asked to `initialize`. A server that says nothing
/// may be one that ignores what it does not know, or one that is still being downloaded: after some patience it is sent
/// `initialize` too, and the first answer that means something decides.
struct MCPHandshake: Sendable {
  let wire: MCPWire

  /// The era to speak; `nil` finds out.
  let era: MCPEra?
  let limit: Duration

  /// How long a server over streams may keep silent to `server/discover` before it is sent `initialize` too.
  private var patience: Duration { min(.seconds(5), limit / 4) }

  func run() async throws -> MCPAgreement {
    switch era {
    case .legacy: return try settle(try await initialize())
    case .modern:
      guard case .agreed(let agreement) = try await probe() else {
        throw MCPShape.failure(wire.server, "it does not speak version \(MCPEra.modern.newest)")
      }
      return agreement
    case nil: return try await find()
    }
  }

  private enum Answer: Sendable {
    case agreed(MCPAgreement)

    /// It speaks the other era, or may.
    case otherEra
    case failed(NodeFailure)
  }

  private enum Event: Sendable {
    case probed(Answer)
    case initialized(Answer)
    case patienceIsOver
  }

  private func find() async throws -> MCPAgreement {
    try await withThrowingTaskGroup(of: Event.self) { group in
      defer { group.cancelAll() }
      group.addTask { .probed(try await probe()) }
      if !wire.transport.hasResponseStreams {
        group.addTask {
          try await Task.sleep(for: patience)
          return .patienceIsOver
        }
      }
      var progress = Progress()
      while let event = try await group.next() {
        switch progress.take(event) {
        case .agree(let agreement): return agreement
        case .fail(let failure): throw failure
        case .initialize: group.addTask { .initialized(try await initialize()) }
        case .probe: group.addTask { .probed(try await probe()) }
        case .wait: continue
        }
      }
      throw MCPShape.failure(wire.server, "it speaks none of the versions that graphrun does")
    }
  }

  /// What the answers so far mean.
  private struct Progress {
    private var isInitializing = false
    private var probes = 0
    private var refusal: NodeFailure?

    enum Step {
      case agree(MCPAgreement)
      case fail(NodeFailure)
      case initialize, probe, wait
    }

    mutating func take(_ event: Event) -> Step {
      switch event {
      case .probed(.agreed(let agreement)), .initialized(.agreed(let agreement)): return .agree(agreement)
      case .probed(.failed(let failure)): return .fail(failure)
      case .probed(.otherEra):
        probes += 1
        if let refusal { return .fail(refusal) }
        return initialize()
      case .patienceIsOver: return probes > 0 ? .wait : initialize()
      case .initialized(.otherEra):
        // It serves the modern era after all: the probe in flight will say so, or a new one.
        return probes == 1 ? .probe : .wait
      case .initialized(.failed(let failure)):
        guard probes == 0 else { return .fail(failure) }
        refusal = failure
        return .wait
      }
    }

    private mutating func initialize() -> Step {
      guard !isInitializing else { return .wait }
      isInitializing = true
      return .initialize
    }
  }

  // MARK: Modern

  private func probe() async throws -> Answer {
    let agreement = MCPAgreement(era: .modern, version: MCPEra.modern.newest)
    do {
      let manner = MCPWire.Manner(agreement: agreement, limit: limit, isCancellable: false)
      let result = try await wire.request("server/discover", [:], manner)
      let offered = result["supportedVersions"]?.arrayValue?.compactMap(\.stringValue) ?? []
      return answer(offering: offered)
    } catch let error as MCPRequestError {
      return answer(to: error)
    } catch let refusal as MCPRefusal {
      return try answer(to: refusal)
    } catch let failure as NodeFailure where failure.kind == .protocol && wire.transport.failure == nil {
      return .otherEra
    }
  }

  private func answer(offering versions: [String]) -> Answer {
    guard let version = MCPEra.modern.versions.first(where: versions.contains) else { return .otherEra }
    return .agreed(MCPAgreement(era: .modern, version: version))
  }

  private func answer(to error: MCPRequestError) -> Answer {
    switch error.code {
    case MCPRequestError.unsupportedVersion:
      let supported = error.data?["supported"]?.arrayValue?.compactMap(\.stringValue) ?? []
      if supported.contains(where: MCPEra.legacy.versions.contains) { return .otherEra }
      return .failed(unsupported(supported.joined(separator: ", ")))
    case MCPRequestError.headerMismatch, MCPRequestError.missingCapability: return .failed(error.failure(wire.server))
    case MCPRequestError.methodNotFound where error.status == 404:
      return .agreed(MCPAgreement(era: .modern, version: MCPEra.modern.newest))
    default: return .otherEra
    }
  }

  private func answer(to refusal: MCPRefusal) throws -> Answer {
    // Of the others, to ask in another way would be answered alike.
    let isAboutUs = (400..<500).contains(refusal.status) || [500, 501].contains(refusal.status)
    guard isAboutUs, ![401, 403, 407, 408, 429].contains(refusal.status) else { throw refusal }
    return .otherEra
  }

  private func unsupported(_ versions: String) -> NodeFailure {
    let known = (MCPEra.modern.versions + MCPEra.legacy.versions).joined(separator: ", ")
    var failure = MCPShape.failure(
      wire.server, "it speaks version \(wire.transport.mask.excerpt(of: versions, 200)); graphrun speaks \(known)")
    failure.precedesEffect = true
    return failure
  }

  // MARK: Legacy

  private func initialize() async throws -> Answer {
    let params: JSONObject = [
      "protocolVersion": .string(MCPEra.legacy.newest), "capabilities": [:], "clientInfo": MCPWire.clientInfo,
    ]
    do {
      let result = try await wire.request("initialize", params, MCPWire.Manner(limit: limit))
      guard let version = result["protocolVersion"]?.stringValue else {
        return .failed(MCPShape.failure(wire.server, "the answer to initialize names no protocolVersion"))
      }
      guard MCPEra.legacy.versions.contains(version) else { return .failed(unsupported(version)) }
      let agreement = MCPAgreement(era: .legacy, version: version)
      try await wire.notify("notifications/initialized", agreement)
      return .agreed(agreement)
    } catch let error as MCPRequestError {
      return error.code == MCPRequestError.unsupportedVersion ? .otherEra : .failed(error.failure(wire.server))
    }
  }

  private func settle(_ answer: Answer) throws -> MCPAgreement {
    switch answer {
    case .agreed(let agreement): return agreement
    case .failed(let failure): throw failure
    case .otherEra: throw MCPShape.failure(wire.server, "it does not speak a version that begins with initialize")
    }
  }
}
