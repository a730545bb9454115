import Foundation
import NIOCore
import NIOHTTP1

extension WebServer {
  /// What a server does to a connection, byte for byte, in place of an answer.
  enum Act: Sendable {
    case bytes([UInt8])

    /// The same again and again, as long as somebody reads.
    case forever([UInt8])

    /// Nothing more, with the connection open.
    case hold

    /// Ends the connection as a crash does.
    case reset
    case close

    static func text(_ text: String) -> Act { .bytes(Array(text.utf8)) }

    /// The head of an answer in chunks.
    static func head(_ type: String) -> Act {
      .text("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    }

    static func chunk(_ bytes: [UInt8]) -> Act { .bytes(framed(bytes)) }
    static func chunk(_ text: String) -> Act { .chunk(Array(text.utf8)) }
    static let lastChunk = Act.text("0\r\n\r\n")

    static func framed(_ bytes: [UInt8]) -> [UInt8] {
      Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }
  }
}

/// Performs acts one after another, each once the last has left.
struct ActPlayer {
  let channel: any Channel

  /// Past which everything is HTTP.
  let encoder: ChannelHandlerContext

  func play(_ acts: ArraySlice<WebServer.Act>) {
    guard let act = acts.first else { return }
    switch act {
    case .bytes(let bytes): write(bytes) { play(acts.dropFirst()) }
    case .forever(let bytes): write(bytes) { play(acts) }
    case .hold: return
    case .close: channel.close(promise: nil)
    case .reset:
      let channel = channel
      let provider = channel as? any SocketOptionProvider
      provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }
  }

  private func write(_ bytes: [UInt8], then next: @escaping () -> Void) {
    let written = channel.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess { next() }
    encoder.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer(bytes: bytes))), promise: written)
  }
}
