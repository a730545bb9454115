import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization

/// A server over HTTP+SSE, the transport of 2024-11-05: all that the server says comes on one stream of events, whose first
/// names the address that messages are posted to.
final class SSETransport: MCPTransport {
  private let client: MCPWebClient
  private let errands = Errands()

  /// Requests and what is posted beside them.
  private let door = Door()

  private struct State {
    var receive: MCPReceiver?
    var endpoint: HTTPAddress?
    var pending: [Int: AsyncThrowingStream<MCPReply, any Error>.Continuation] = [:]
    var failure: NodeFailure?

    /// Messages that nobody waits for and that are on their way.
    var posting = 0
  }

  private let state = Mutex(State())

  private static let mostPosting = 64
  private static let farewell: Duration = .seconds(1)

  init(_ client: MCPWebClient) {
    self.client = client
  }

  var server: String { client.server }
  var hasResponseStreams: Bool { false }
  var lastWords: String { "" }
  var mask: SecretMask { client.mask }
  var failure: NodeFailure? { state.withLock { $0.failure } }

  /// The modern era has no such transport.
  var era: MCPEra? { .legacy }

  func open(_ receive: @escaping MCPReceiver) async throws {
    state.withLock { $0.receive = receive }
    let (opened, opening) = AsyncThrowingStream.makeStream(of: Void.self)
    errands.add { [self] in
      do {
        try await listen { opening.finish() }
        fail(NodeFailure(.connection, "\(server) ended its stream of events"))
        opening.finish(throwing: failure)
      } catch {
        fail(error as? NodeFailure ?? NodeFailure(.connection, "\(server) was ended"))
        opening.finish(throwing: error)
      }
    }
    for try await _ in opened {}
    try Task.checkCancellation()
  }

  func exchange(_ request: MCPMessage) async throws -> MCPReply {
    guard let id = request.body["id"]?.intValue else { preconditionFailure("a request has a number of its own") }
    let (answers, answer) = AsyncThrowingStream.makeStream(of: MCPReply.self)
    let failure = state.withLock { state in
      if state.failure == nil { state.pending[id] = answer }
      return state.failure
    }
    if let failure { throw failure }
    defer { state.withLock { _ = $0.pending.removeValue(forKey: id) } }
    return try await withThrowingTaskGroup(of: MCPReply?.self) { group in
      defer { group.cancelAll() }
      // The answer may come before the server says that it has taken the request.
      group.addTask { try await self.deliver(request) }
      group.addTask { try await answers.first { _ in true } }
      while let next = try await group.next() {
        if let reply = next { return reply }
        try Task.checkCancellation()
      }
      throw state.withLock { $0.failure } ?? NodeFailure(.connection, "\(server) did not answer")
    }
  }

  private func deliver(_ request: MCPMessage) async throws -> MCPReply? {
    try await send(request.body, request.agreement)
    return nil
  }

  func notify(_ notice: MCPMessage) async throws {
    if let failure { throw failure }
    try await send(notice.body, notice.agreement)
  }

  func post(_ notice: MCPMessage) {
    post(notice.body, notice.agreement)
  }

  func close() async {
    fail(NodeFailure(.connection, "\(server) was ended"))
    door.shut()
    await Task { [door] in _ = try? await withDeadline(.now + Self.farewell) { await door.wait(until: .empty) } }.value
    await errands.end()
  }

  /// Nothing more comes: everybody who waits learns why.
  private func fail(_ failure: NodeFailure) {
    var failure = failure
    // It may be known to precede the stream, but not what was asked on it.
    failure.precedesEffect = false
    let pending = state.withLock { state in
      state.failure = state.failure ?? failure
      defer { state.pending = [:] }
      return Array(state.pending.values)
    }
    for answer in pending { answer.finish(throwing: failure) }
  }
}

// MARK: - What goes out

extension SSETransport {
  private func send(_ body: JSONObject, _ agreement: MCPAgreement?) async throws {
    guard let endpoint = state.withLock({ $0.endpoint }) else {
      throw NodeFailure(.connection, "\(server) is not connected", precedesEffect: true)
    }
    var headers: HTTPHeaders = ["Accept": "application/json, text/event-stream"]
    if let agreement { headers.add(name: "MCP-Protocol-Version", value: agreement.version) }
    let question = MCPWebClient.Question(
      method: "POST", url: endpoint, headers: headers, body: JSON.object(body).utf8, limits: MCPWebClient.shortly)
    try await client.ask(question) { [self] head, body in
      let answer = MCPWebAnswer(client: client, head: head)
      guard !answer.isSuccess else { return }
      switch try await answer.refused(body, session: true) {
      case .success(let error):
        throw answer.refusal(error)
      case .failure(let refusal): throw refusal
      }
    }
  }

  /// A server that asks and does not take the answers gets no more of them.
  private func post(_ body: JSONObject, _ agreement: MCPAgreement?) {
    let isTaken = state.withLock { state in
      guard state.posting < Self.mostPosting else { return false }
      state.posting += 1
      return true
    }
    guard isTaken else { return }
    let isInside = door.enter()
    errands.add { [self] in
      if isInside { try? await send(body, agreement) }
      state.withLock { $0.posting -= 1 }
      if isInside { door.leave() }
    }
  }
}

// MARK: - What comes in

extension SSETransport {
  /// Reads the stream until it ends; `opened` is called when messages can be sent.
  private func listen(_ opened: @escaping @Sendable () -> Void) async throws {
    let question = MCPWebClient.Question(method: "GET", url: client.address, headers: ["Accept": "text/event-stream"])
    try await client.ask(question) { [self] head, body in
      let answer = MCPWebAnswer(client: client, head: head)
      guard answer.isSuccess else {
        switch try await answer.refused(body, session: false) {
        case .success(let error):
          throw answer.refusal(error)
        case .failure(let refusal): throw refusal
        }
      }
      guard head.type == "text/event-stream" else {
        throw MCPShape.failure(
          server, "it has no stream of events at \(client.address.title), but \"\(answer.shownType)\"")
      }
      try await MCPEventStream.events(of: body, from: server) { event, messages in
        if event.event == "endpoint" { try take(endpoint: event.data ?? "", opened) }
        for message in messages { take(message) }
      }
    }
  }

  private func take(endpoint text: String, _ opened: () -> Void) throws {
    let endpoint: HTTPAddress
    do {
      endpoint = try client.address.resolving(text)
    } catch {
      throw MCPShape.failure(server, "its endpoint is no address: \(error.message(masking: client.mask))")
    }
    guard endpoint.hasSameOrigin(as: client.address) else {
      throw NodeFailure(
        .refused, "\(server) wants its messages at \(endpoint.scheme)://\(endpoint.host): another server gets none",
        precedesEffect: true)
    }
    // The first counts: what a session is bound to does not move.
    let isFirst = state.withLock { state in
      defer { state.endpoint = state.endpoint ?? endpoint }
      return state.endpoint == nil
    }
    if isFirst { opened() }
  }

  private func take(_ message: JSONObject) {
    guard message["method"] == nil else {
      let receive = state.withLock { $0.receive }
      if let answer = receive?(message) { post(answer, nil) }
      return
    }
    guard let id = message["id"]?.intValue else { return takeSpelledOut(message) }
    let answer = state.withLock { $0.pending.removeValue(forKey: id) }
    answer?.yield(MCPReply(body: message))
    answer?.finish()
  }

  private func takeSpelledOut(_ message: JSONObject) {
    guard let id = MCPShape.spelledID(of: message) else { return }
    state.withLock { $0.pending.removeValue(forKey: id) }?.finish(throwing: MCPShape.spelledOut(server, id))
  }
}
