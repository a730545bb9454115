import Graph

/// How to reach a server, with every expression evaluated. Equal configurations share one session.
struct MCPServerConfiguration: Sendable, Hashable {
  /// What the graph calls it.
  var name: String
  var endpoint: Endpoint

  /// What a server file says of it; `nil` where the graph says all.
  var entry: JSON?

  /// Whether what it says of its tools' effects is believed. Only a graph file can say so.
  var isTrusted = false

  /// How long a request may take, whatever progress is reported; `nil` leaves a call to its node's timeout.
  var timeout: Duration?

  /// How long it may take until it answers for the first time: a package may have to be downloaded.
  var startTimeout: Duration = .seconds(60)

  /// The era to speak; `nil` finds out.
  var era: MCPEra?

  enum Endpoint: Sendable, Hashable {
    case process(MCPCommand)
    case web(MCPAddress)
  }
}

/// A server that is a child process.
struct MCPCommand: Sendable, Hashable {
  /// A path, or a name that is looked up in `PATH`.
  var program: String
  var arguments: [String] = []

  /// The whole environment of the process.
  var environment: [String: String] = [:]
  var folder: String
}

/// A server at a URL.
struct MCPAddress: Sendable, Hashable {
  var url: String

  /// Sent with every request; they may hold secrets.
  var headers: [Header] = []

  /// How it is spoken to; `nil` finds out.
  var kind: Kind?

  /// It may be on this machine or the local network: its host stands in a file, or the graph says so.
  var mayBePrivate = true

  enum Kind: String, Sendable, Hashable {
    case streamable, sse
  }

  struct Header: Sendable, Hashable {
    var name: String
    var value: String
  }
}
