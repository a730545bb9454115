import NIOCore
import Synchronization

/// Whether a request can have left: without a connection to its port, made before or since, no byte of it has.
///
/// Where others talk to the same port at that time, it may have left as far as this knows.
struct Crossing: Sendable {
  private let port: Int
  private let before: ConnectionCounts.Count
  private let counts: ConnectionCounts

  init(to port: Int, counts: ConnectionCounts = .shared) {
    self.port = port
    self.counts = counts
    before = counts.count(port)
  }

  var mayHaveBegun: Bool { before.open > 0 || counts.count(port).made > before.made }
}

/// Counts connections by the port they lead to.
final class ConnectionCounts: Sendable {
  static let shared = ConnectionCounts()

  struct Count: Sendable {
    var open = 0
    var made = 0
  }

  private let ports = Mutex<[Int: Count]>([:])

  func count(_ port: Int) -> Count { ports.withLock { $0[port] ?? Count() } }

  /// To be called before anything is sent over `channel`. One that has no address any more is closed.
  func add(_ channel: any Channel) {
    guard let port = channel.remoteAddress?.port else { return }
    ports.withLock {
      $0[port, default: Count()].open += 1
      $0[port, default: Count()].made += 1
    }
    channel.closeFuture.whenComplete { [self] _ in ports.withLock { $0[port]?.open -= 1 } }
  }
}
