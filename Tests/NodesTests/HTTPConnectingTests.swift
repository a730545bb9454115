import Glibc
import Graph
import GraphRuntime
import NIOCore
import NIOPosix
import Testing

@testable import GraphNodes

@Suite("HTTP while connecting")
struct HTTPConnectingTests {
  let bench = Bench()

  func post(_ url: String) -> TaskContext {
    bench.task("http", [("url", .literal(.string(url))), ("method", "POST"), ("body", "once")])
  }

  @Test func `a write that is cut off before there is a connection has not happened`() async throws {
    let server = try DeafServer()
    let task = post("http://127.0.0.1:\(server.port)/")
    let asking = Task { try await HTTPNode().failure(task) }
    asking.cancel()
    let failure = try await asking.value
    #expect(failure.kind == .connection && failure.precedesEffect && !failure.isInDoubt, "\(failure.message)")
    #expect(failure.message.hasSuffix("cut off while still connecting"))
  }

  @Test func `nor one for whose connection the time was too short`() async throws {
    let server = try DeafServer()
    var exchange = HTTPExchange(NodeFields(post("http://127.0.0.1:\(server.port)/")))
    exchange.limits.firstByte = .milliseconds(100)
    await #expect { try await exchange.result() } throws: { error in
      guard let failure = error as? NodeFailure else { return false }
      return failure.kind == .timeout && failure.precedesEffect && !failure.isInDoubt
    }
  }

  @Test func `nor one whose connection breaks while it is being secured`() async throws {
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { $0.close() }
      .bind(host: "127.0.0.1", port: 0).get()
    defer { server.close(promise: nil) }
    let failure = try await HTTPNode().failure(post("https://127.0.0.1:\(server.localAddress?.port ?? 0)/"))
    #expect(failure.kind == .connection && failure.precedesEffect && !failure.isInDoubt, "\(failure.message)")
  }

  @Test func `what is said over a connection may be the request`() async throws {
    let server = try await WebServer { _ in .init(isSilent: true) }
    var exchange = HTTPExchange(NodeFields(post(server.url("/"))))
    exchange.limits.firstByte = .milliseconds(100)
    await #expect { try await exchange.result() } throws: { error in
      guard let failure = error as? NodeFailure else { return false }
      return failure.kind == .timeout && !failure.precedesEffect && failure.isInDoubt
    }
  }
}

/// A port whose queue of callers is full and never emptied: connecting to it neither succeeds nor fails.
final class DeafServer: Sendable {
  let port: Int
  private let sockets: [Int32]

  init() throws {
    let listener = Self.socket()
    var sockets = [listener]
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    try #require(unsafe Self.with(&address) { unsafe bind(listener, $0, $1) } == 0 && listen(listener, 0) == 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let named = unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(listener, $0, &size) }
    }
    try #require(named == 0)
    for _ in 0..<4 {
      let caller = Self.socket()
      _ = unsafe Self.with(&address) { unsafe connect(caller, $0, $1) }
      sockets.append(caller)
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    self.sockets = sockets
  }

  deinit {
    for socket in sockets { close(socket) }
  }

  private static func socket() -> Int32 {
    Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  private static func with(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
