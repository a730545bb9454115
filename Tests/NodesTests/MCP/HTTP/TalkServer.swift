import Foundation
import Graph
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import GraphNodes

/// A server on loopback whose every answer is written by the test; each connection carries one request.
final class TalkServer: Sendable {
  typealias Answer = @Sendable (Request, Reply) async throws -> Void

  struct Request: Sendable {
    var method: String
    var path: String
    var headers: HTTPHeaders
    var body: JSON

    /// The JSON-RPC method.
    var rpc: String { body["method"]?.stringValue ?? "" }
    var id: JSON { body["id"] ?? .null }

    subscript(header: String) -> String? { headers.first(name: header) }
  }

  private let requests = Mutex<[Request]>([])
  private let answer: Answer
  private let errands = Errands()
  private let address = Mutex(0)

  var port: Int { address.withLock { $0 } }

  /// Who is connected.
  let connections = Door()

  var asked: [Request] { requests.withLock { $0 } }

  /// What was asked, in short: `POST tools/call`, `GET`.
  var calls: [String] { asked.map { $0.rpc.isEmpty ? $0.method : "\($0.method) \($0.rpc)" } }
  func url(_ path: String = "/mcp") -> String { "http://127.0.0.1:\(port)\(path)" }

  private init(_ answer: @escaping Answer) {
    self.answer = answer
  }

  /// Serves while `body` runs.
  static func run<Value: Sendable>(
    _ answer: @escaping Answer, _ body: (TalkServer) async throws -> Value
  ) async throws -> Value {
    let server = TalkServer(answer)
    let listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(HTTPRequestDecoder()), Ear(server))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    server.address.withLock { $0 = listening.localAddress?.port ?? 0 }
    let outcome: Result<Value, any Error>
    do {
      outcome = .success(try await body(server))
    } catch {
      outcome = .failure(error)
    }
    try? await listening.close()
    await server.errands.end()
    return try outcome.get()
  }

  private func serve(_ request: Request, _ reply: Reply) {
    requests.withLock { $0.append(request) }
    errands.add { [answer] in
      try? await answer(request, reply)
      try? await reply.channel.close()
    }
  }

  /// Hears one request.
  private final class Ear: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let server: TalkServer
    private let end = Door()
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ server: TalkServer) {
      self.server = server
    }

    func channelActive(context: ChannelHandlerContext) {
      _ = server.connections.enter()
    }

    func channelInactive(context: ChannelHandlerContext) {
      end.shut()
      server.connections.leave()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let new): (head, body) = (new, [])
      case .body(let piece): body += Array(piece.readableBytesView)
      case .end:
        guard let head else { return }
        let message = (try? JSON(parsing: body)) ?? .null
        let request = Request(method: head.method.rawValue, path: head.uri, headers: head.headers, body: message)
        server.serve(request, Reply(channel: context.channel, end: end))
      }
    }
  }
}

extension TalkServer {
  /// Writes one answer; the connection ends when the test's code does.
  struct Reply: Sendable {
    fileprivate let channel: any NIOCore.Channel
    fileprivate let end: Door

    func text(_ text: String) async throws {
      try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// A head without a length: the body lasts as long as the connection.
    func head(_ status: Int, _ type: String? = nil, _ headers: [String: String] = [:], _ body: String = "") async throws
    {
      var lines = ["HTTP/1.1 \(status) Status"]
      if let type { lines.append("Content-Type: \(type)") }
      lines += headers.map { "\($0.key): \($0.value)" }
      // At once: who has the whole answer may be gone before another piece of it is written.
      try await text(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    func send(
      _ body: String, _ status: Int = 200, _ type: String? = nil, _ headers: [String: String] = [:]
    ) async throws {
      var headers = headers
      headers["Content-Length"] = "\(body.utf8.count)"
      try await head(status, type, headers, body)
    }

    func json(_ body: JSON, _ status: Int = 200, _ headers: [String: String] = [:]) async throws {
      try await send(body.text, status, "application/json", headers)
    }

    /// The head of a stream whose end is seen: a cut is a cut.
    func events(_ headers: [String: String] = [:]) async throws {
      try await head(200, "text/event-stream", ["Transfer-Encoding": "chunked"].merging(headers) { $1 })
    }

    func chunk(_ piece: String) async throws {
      try await text("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n")
    }

    func event(_ data: JSON, id: String? = nil, name: String? = "message") async throws {
      let lines = [name.map { "event: \($0)" }, id.map { "id: \($0)" }, "data: \(data.text)"].compactMap(\.self)
      try await chunk(lines.joined(separator: "\n") + "\n\n")
    }

    func endOfEvents() async throws {
      try await text("0\r\n\r\n")
    }

    /// As a crash does.
    func reset() async throws {
      let provider = channel as? any SocketOptionProvider
      try await provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
      try await channel.close()
    }

    /// Returns once the client has gone.
    func untilClosed() async {
      await end.wait(until: .shut)
    }
  }
}
