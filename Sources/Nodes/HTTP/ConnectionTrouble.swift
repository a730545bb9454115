import AsyncHTTPClient

/// What became of a connection, and whether the request can have arrived.
struct ConnectionTrouble {
  var reason: String
  var isTimeout = false

  /// No byte of the request has left.
  var precedesRequest = false

  init(_ error: any Error) {
    // NIO's and the TLS library's types are not this module's to import; their names are stable.
    let type = String(reflecting: Swift.type(of: error))
    let text = "\(error)"
    switch error as? HTTPClientError {
    case .connectTimeout?, .tlsHandshakeTimeout?, .getConnectionFromPoolTimeout?:
      self.init("the server did not take the connection in time", isTimeout: true, precedesRequest: true)
    case .readTimeout?, .writeTimeout?, .deadlineExceeded?:
      self.init("the server went silent", isTimeout: true)
    case .remoteConnectionClosed?:
      self.init("the server closed the connection before it had answered")
    case let other?:
      self.init("\(other)")
    case nil where type.hasSuffix("NIOConnectionError"):
      let isKnown = text.contains("connectionErrors: [NIO")
      let reason =
        if text.contains("refused") {
          "connection refused"
        } else if !isKnown {
          "the name of the host cannot be resolved"
        } else {
          "the server cannot be reached: \(text)"
        }
      self.init(reason, precedesRequest: true)
    case nil where text.contains("refused"):
      self.init("connection refused", precedesRequest: true)
    case nil where type.hasPrefix("NIOSSL"):
      let isHandshake = !text.contains("uncleanShutdown")
      self.init("TLS: \(text)", precedesRequest: isHandshake)
    case nil where text.contains("reset by peer"):
      self.init("the server broke the connection off")
    case nil:
      self.init(text)
    }
  }

  private init(_ reason: String, isTimeout: Bool = false, precedesRequest: Bool = false) {
    self.reason = reason
    self.isTimeout = isTimeout
    self.precedesRequest = precedesRequest
  }
}
