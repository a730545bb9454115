import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization

/// The session of the legacy era: the server's own stream, streams that are taken up again, and its end.
extension HTTPTransport {
  /// Tries without a word in return after which a stream is given up.
  private static let mostTries = 2

  /// A stream that lasted so long was one, though nothing was said on it.
  private static let longTry: Duration = .seconds(10)

  // MARK: What the server says by itself

  func receive(_ message: JSONObject) {
    let receive = state.withLock { $0.receive }
    guard let answer = receive?(message) else { return }
    let isTaken = state.withLock { state in
      // In the modern era nobody asks us; and one that only asks and takes no answers gets no more of them.
      guard state.agreement?.era != .modern, state.answers < Self.mostAnswers else { return false }
      state.answers += 1
      return true
    }
    guard isTaken else { return }
    errands.add { [self] in
      defer { state.withLock { $0.answers -= 1 } }
      try? await send(MCPMessage(body: answer, agreement: state.withLock { $0.agreement }))
    }
  }

  /// Opens the stream for what the server says by itself, where it has one.
  func listen(_ agreement: MCPAgreement?) {
    guard let agreement, agreement.era == .legacy else { return }
    errands.add { [self] in
      guard var stream = await heard(MCPEventStream(server: server), agreement) else { return }
      var tries = 0
      while tries < Self.mostTries, !Task.isCancelled {
        try? await Task.sleep(for: max(stream.retry, .seconds(1)))
        let (before, start) = (stream.count, ContinuousClock.now)
        stream = await heard(stream, agreement) ?? stream
        let isAlive = stream.count > before || .now - start > Self.longTry
        tries = isAlive ? 0 : tries + 1
      }
    }
  }

  /// Listens until the stream ends; `nil` where there is none.
  private func heard(_ stream: MCPEventStream, _ agreement: MCPAgreement) async -> MCPEventStream? {
    guard
      case .ended(let next, _)? = try? await follow(
        stream, agreement,
        { message in
          if message["method"] != nil { self.receive(message) }
          return nil
        })
    else { return nil }
    return next
  }

  // MARK: Streams that broke

  /// Waits for the answer to the request `id` on a stream that was left before it came.
  func resume(
    _ broken: MCPEventStream, id: Int, _ agreement: MCPAgreement?, after failure: NodeFailure?
  ) async throws -> MCPReply {
    var (stream, tries, failure) = (broken, 0, failure)
    while stream.lastID != nil, tries < Self.mostTries {
      try await Task.sleep(for: stream.retry)
      let before = stream.count
      do {
        switch try await follow(stream, agreement, { try self.own($0, id, isStream: true) }) {
        case .answered(let answer): return MCPReply(body: answer, status: 200)
        case .ended(let next, let trouble): (stream, failure) = (next, trouble ?? failure)
        case nil: break
        }
      } catch var trouble as NodeFailure {
        // Whatever became of this try, the request has long arrived.
        trouble.precedesEffect = false
        guard trouble.kind != .limit, trouble.kind != .protocol else { throw trouble }
        failure = trouble
      }
      tries = stream.count > before ? 0 : tries + 1
    }
    throw NodeFailure(.connection, lost(failure).message)
  }

  /// Asks for a stream, from where `stream` was left; `nil` where there is none.
  private func follow(
    _ stream: MCPEventStream, _ agreement: MCPAgreement?, _ take: @escaping @Sendable (JSONObject) throws -> JSONObject?
  ) async throws -> MCPEventStream.Ending? {
    var headers = sessionFields(agreement)
    headers.add(name: "Accept", value: "text/event-stream")
    if let id = stream.lastID { headers.add(name: "Last-Event-ID", value: id) }
    let question = MCPWebClient.Question(method: "GET", url: client.address, headers: headers)
    return try await client.ask(question) { head, body in
      guard head.status == 200, head.type == "text/event-stream" else { return nil }
      return try await stream.read(body, take)
    }
  }

  // MARK: The end

  func endSession() async {
    let agreement = state.withLock { $0.session != nil && !$0.isSessionGone ? $0.agreement : nil }
    guard let agreement else { return }
    var question = MCPWebClient.Question(
      method: "DELETE", url: client.address, headers: sessionFields(agreement))
    question.limits = MCPWebClient.shortly
    try? await client.ask(question) { _, _ in }
  }
}
