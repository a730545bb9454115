/// The two ways to speak the protocol: with a handshake and a session, or with what a request needs in every request.
enum MCPEra: String, Sendable, Hashable {
  case legacy, modern

  /// Versions of the era, newest first. Versions are names, compared by membership.
  var versions: [String] {
    switch self {
    case .modern: ["2026-07-28"]
    case .legacy: ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    }
  }

  var newest: String { versions[0] }
}

/// What client and server agreed on.
struct MCPAgreement: Sendable, Hashable {
  var era: MCPEra
  var version: String
}

/// Names that the protocol gives.
enum MCPWord {
  static let protocolVersion = "io.modelcontextprotocol/protocolVersion"
  static let clientInfo = "io.modelcontextprotocol/clientInfo"
  static let clientCapabilities = "io.modelcontextprotocol/clientCapabilities"
  static let idempotencyKey = "graphrun/idempotencyKey"
}
