import Graph
import GraphRuntime
import Synchronization

/// A server as nodes use it: started when it is first needed, started again after it died, shared by all who need it.
final class MCPSession: Sendable {
  let configuration: MCPServerConfiguration
  private let makeTransport: @Sendable () throws -> any MCPTransport
  private let gate = Gate()

  private struct State {
    var connection: MCPConnection?

    /// What the server turned out to speak: not asked again after a restart.
    var era: MCPEra?
    var tools: MCPToolList?
    var warnings: [String] = []
    var isClosed = false
  }

  private let state: Mutex<State>

  init(_ configuration: MCPServerConfiguration, transport: @escaping @Sendable () throws -> any MCPTransport) {
    self.configuration = configuration
    makeTransport = transport
    state = Mutex(State(era: configuration.era))
  }

  var name: String { configuration.name }

  /// What was wrong with the server's descriptions and yet no reason to fail; each is given once.
  func takeWarnings() -> [String] {
    let remarks = state.withLock { $0.connection }?.wire.transport.takeRemarks() ?? []
    return state.withLock { state in
      defer { state.warnings = [] }
      return state.warnings + remarks.map { "\(name): \($0)" }
    }
  }

  /// The server's tools, in its order; those that must not be used are left out with a warning.
  ///
  /// - Parameter anew: asks even where the server said that they would stay for a time: it might have said so to be
  ///   trusted with what it changes meanwhile.
  func tools(anew: Bool = false) async throws -> [MCPTool] {
    try await onConnection { connection in
      try await self.currentTools(of: connection, anew: anew).tools
    }
  }

  /// What to say of a tool that the list does not have.
  func unknown(_ tool: String) -> NodeFailure {
    (state.withLock { $0.tools } ?? MCPToolList()).unknown(tool, server: name)
  }

  /// Calls `tool`.
  ///
  /// - Parameters:
  ///   - key: the idempotency key, the same for every attempt at this call.
  ///   - timeout: how long it may take; progress does not extend it.
  ///   - answers: to what an earlier round of this call asked.
  ///   - mayAsk: a person can be asked; without, the server is told not to ask.
  ///   - progress: gets what the server reports meanwhile.
  /// - Throws: ``NodeFailure``. A tool's own error is a result.
  func call(
    _ tool: String, arguments: JSON, key: String, timeout: Duration, answers: MCPAnswers? = nil, mayAsk: Bool = true,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> MCPOutcome {
    try await onConnection { connection in
      let tool = try await self.tool(tool, on: connection)
      let mayAsk = mayAsk && connection.agreement.era == .modern
      let call = MCPCall(
        server: self.name, tool: tool, arguments: arguments, key: key, answers: answers, mayAsk: mayAsk,
        mask: connection.wire.transport.mask)
      let params = try call.params()
      let limit = min(timeout, self.configuration.timeout ?? timeout)
      let manner = MCPWire.Manner(
        agreement: connection.agreement, limit: limit, tool: tool, mayAsk: mayAsk, progress: progress)
      do {
        let outcome = try call.outcome(of: try await connection.wire.request("tools/call", params, manner))
        self.warn(call.mismatches(of: outcome))
        return outcome
      } catch let refusal as MCPRefusal where refusal.isSessionGone {
        throw refusal
      } catch let error as MCPRequestError where error.code == MCPRequestError.headerMismatch {
        throw error
      } catch {
        throw MCPTrouble(server: self.name, lastWords: connection.wire.transport.lastWords).callFailure(error)
      }
    }
  }

  /// What the living connection speaks.
  var agreement: MCPAgreement? { state.withLock { $0.connection }?.agreement }

  /// What the server said last beside the protocol.
  var lastWords: String { state.withLock { $0.connection }?.wire.transport.lastWords ?? "" }

  /// Ends the server; later uses are refused.
  func close() async {
    let connection = state.withLock { state in
      state.isClosed = true
      defer { state.connection = nil }
      return state.connection
    }
    await connection?.wire.transport.close()
  }
}

extension MCPSession {
  /// Runs `body` on a living connection; once more when the server did nothing as it has forgotten the session, or as what
  /// we know of its tools is of yesterday.
  private func onConnection<Value: Sendable>(
    _ body: @escaping @Sendable (MCPConnection) async throws -> Value
  ) async throws -> Value {
    let connection = try await connect()
    do {
      return try await body(connection)
    } catch let refusal as MCPRefusal where refusal.isSessionGone {
      await drop(connection)
    } catch let error as MCPRequestError where error.code == MCPRequestError.headerMismatch {
      // The tool has changed since it was listed, and with it what of a call stands in header fields.
      state.withLock { $0.tools = nil }
    } catch {
      throw final(error, connection)
    }
    let next = try await connect()
    do {
      return try await body(next)
    } catch {
      throw final(error, next)
    }
  }

  private func final(_ error: any Error, _ connection: MCPConnection) -> any Error {
    switch error {
    case is MCPRequestError:
      MCPTrouble(server: name, lastWords: connection.wire.transport.lastWords).startFailure(error)
    case let refusal as MCPRefusal: refusal.failure(name)
    default: error
    }
  }

  /// The living connection; who comes first makes it, the others wait for that.
  private func connect() async throws -> MCPConnection {
    try await gate.pass { [self] in
      let (known, isClosed) = state.withLock { ($0.connection, $0.isClosed) }
      guard !isClosed else { throw closedFailure }
      guard let known else { return try await start() }
      if known.wire.transport.failure == nil { return known }
      await drop(known)
      return try await start()
    }
  }

  private func start() async throws -> MCPConnection {
    let era = state.withLock { $0.era }
    let connection = try await MCPConnection.start(configuration, try makeTransport(), era: era)
    let isClosed = state.withLock { state in
      state.era = connection.agreement.era
      state.tools = nil
      if !state.isClosed { state.connection = connection }
      return state.isClosed
    }
    guard !isClosed else {
      await connection.wire.transport.close()
      throw closedFailure
    }
    return connection
  }

  private var closedFailure: NodeFailure {
    NodeFailure(.connection, "\(name) was ended with its run", precedesEffect: true)
  }

  private func drop(_ connection: MCPConnection) async {
    state.withLock { state in
      if state.connection?.wire === connection.wire { state.connection = nil }
    }
    await connection.wire.transport.close()
  }

  private func currentTools(of connection: MCPConnection, anew: Bool = false) async throws -> MCPToolList {
    let hasChanged = connection.wire.haveToolsChanged() || anew
    if !hasChanged, let known = state.withLock({ $0.tools }), known.isFresh { return known }
    let list: MCPToolList
    do {
      list = try await MCPToolList.fetch(from: connection, limit: configuration.timeout ?? .seconds(60))
    } catch let refusal as MCPRefusal where refusal.isSessionGone {
      throw refusal
    } catch {
      // Nothing was called yet.
      throw MCPTrouble(server: name, lastWords: connection.wire.transport.lastWords).startFailure(error)
    }
    let isNews = state.withLock { state in
      defer { state.tools = list }
      return state.tools?.warnings != list.warnings
    }
    if isNews { warn(list.warnings) }
    return list
  }

  private func tool(_ name: String, on connection: MCPConnection) async throws -> MCPTool {
    if let known = state.withLock({ $0.tools?[name] }) { return known }
    let list = try await currentTools(of: connection)
    guard let tool = list[name] else { throw list.unknown(name, server: self.name) }
    return tool
  }

  private func warn(_ warnings: [String]) {
    let most = 20
    state.withLock { state in
      state.warnings += warnings.prefix(max(0, most - state.warnings.count)).map { "\(name): \($0)" }
    }
  }
}
