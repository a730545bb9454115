import AsyncHTTPClient
import NIOCore
import Synchronization

/// The connections that all nodes share.
final class HTTPConnections: Sendable {
  static let shared = HTTPConnections()

  private let clients = Mutex<[Reach: HTTPClient]>([:])

  /// Which addresses may be talked to.
  enum Reach: Sendable, Hashable {
    case everywhere
    /// Not the machine's own, the local network's or the cloud's metadata: judged on the connected socket, as a name may
    /// stand for anything (RELIABILITY S35, S39).
    case publicOnly
  }

  /// A connection to an address that may not be talked to.
  struct PrivateAddress: Error, Hashable {
    var address: String
  }

  func client(_ reach: Reach) -> HTTPClient {
    clients.withLock { clients in
      if let client = clients[reach] { return client }
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.configuration(reach))
      clients[reach] = client
      return client
    }
  }

  func shutDown() async {
    let all = clients.withLock { clients in
      defer { clients = [:] }
      return Array(clients.values)
    }
    for client in all { try? await client.shutdown() }
  }

  private static func configuration(_ reach: Reach) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)))
    // Silence is watched per request; a stream may stay open for long, so it must not keep others waiting.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.http1_1ConnectionDebugInitializer = { channel in
      if reach == .publicOnly, channel.remoteAddress.map(PrivateRanges.contain) ?? true {
        let address = channel.remoteAddress?.ipAddress ?? "an unknown address"
        return channel.close().flatMapThrowing { throw PrivateAddress(address: address) }
      }
      ConnectionCounts.shared.add(channel)
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    return configuration
  }
}
