import Graph
import GraphRuntime
import Synchronization

/// The servers of one run: one session for each, shared by all its tasks, ended with the run.
final class MCPServers: RunResource {
  /// Different configurations in one run; where expressions give parts of one there could be any number.
  static let mostSessions = 64

  private struct State {
    var sessions: [MCPServerConfiguration: MCPSession] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())
  private let mask: SecretMask

  /// - Parameter mask: what is not shown of the servers' words.
  init(mask: SecretMask) {
    self.mask = mask
  }

  /// The session with the server so configured; it starts when it is first used.
  func session(_ configuration: MCPServerConfiguration) throws(NodeFailure) -> MCPSession {
    let session = state.withLock { state in
      if let known = state.sessions[configuration] { return MCPSession?.some(known) }
      guard !state.isClosed, state.sessions.count < Self.mostSessions else { return nil }
      let session = MCPSession(configuration) { [mask] in try Self.transport(for: configuration, mask) }
      state.sessions[configuration] = session
      return session
    }
    guard let session else {
      throw NodeFailure(
        .limit, "no more than \(Self.mostSessions) MCP servers can be used in one run", precedesEffect: true)
    }
    return session
  }

  /// Ends every server.
  func close() async {
    let sessions = state.withLock { state in
      state.isClosed = true
      defer { state.sessions = [:] }
      return Array(state.sessions.values)
    }
    await withTaskGroup(of: Void.self) { group in
      for session in sessions { group.addTask { await session.close() } }
    }
  }

  private static func transport(
    for configuration: MCPServerConfiguration, _ mask: SecretMask
  ) throws -> any MCPTransport {
    switch configuration.endpoint {
    case .process(let command): return StdioTransport(command, server: configuration.name, mask: mask)
    case .web(let address):
      let client = try MCPWebClient(address, server: configuration.name, mask: mask)
      return address.kind == .sse ? SSETransport(client) : HTTPTransport(client, mayBeOlder: address.kind == nil)
    }
  }
}
