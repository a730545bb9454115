import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on loopback that answers as it is told and keeps what it was asked.
final class WebServer: Sendable {
  struct Request: Sendable {
    var head: HTTPRequestHead
    var body: String
  }

  struct Response: Sendable {
    var status: HTTPResponseStatus = .ok
    var headers: HTTPHeaders = [:]
    var body: String = ""

    /// The connection is cut before all is sent.
    var cut = false
    var isSilent = false

    /// What happens to the connection instead, byte for byte.
    var script: [Act]?
  }

  private let requests = Mutex<[Request]>([])
  private let channel: any Channel
  private let cuts: AsyncStream<Void>

  var asked: [Request] { requests.withLock { $0 } }
  var port: Int { channel.localAddress?.port ?? 0 }
  func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

  init(_ answer: @escaping @Sendable (Request) -> Response) async throws {
    let requests = Mutex<@Sendable (Request) -> Void>({ _ in })
    let (cuts, cut) = AsyncStream.makeStream(of: Void.self)
    self.cuts = cuts
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(
            Handler(note: { request in requests.withLock { $0 }(request) }, cut: cut, answer: answer))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    requests.withLock { note in note = { [weak self] request in self?.requests.withLock { $0.append(request) } } }
  }

  deinit { channel.close(promise: nil) }

  /// Returns once a connection has ended, whoever ended it.
  func waitUntilCut() async {
    for await _ in cuts { return }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let note: @Sendable (Request) -> Void
    private let cut: AsyncStream<Void>.Continuation
    private let answer: @Sendable (Request) -> Response
    private var head: HTTPRequestHead?
    private var body = ""

    init(
      note: @escaping @Sendable (Request) -> Void, cut: AsyncStream<Void>.Continuation,
      answer: @escaping @Sendable (Request) -> Response
    ) {
      self.note = note
      self.cut = cut
      self.answer = answer
    }

    func channelInactive(context: ChannelHandlerContext) {
      cut.yield()
      context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): (self.head, body) = (head, "")
      case .body(let buffer): body += String(buffer: buffer)
      case .end: respond(context)
      }
    }

    private func respond(_ context: ChannelHandlerContext) {
      guard let head else { return }
      let request = Request(head: head, body: body)
      note(request)
      let response = answer(request)
      if response.isSilent { return }
      if let script = response.script {
        guard let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self) else {
          preconditionFailure("the pipeline has an encoder")
        }
        return ActPlayer(channel: context.channel, encoder: encoder).play(script[...])
      }
      var headers = response.headers
      headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.utf8.count + (response.cut ? 10 : 0))")
      context.write(
        wrapOutboundOut(.head(.init(version: .http1_1, status: response.status, headers: headers))), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.body)))), promise: nil)
      if response.cut {
        context.flush()
        context.close(promise: nil)
      } else {
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
