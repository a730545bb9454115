import Graph
import GraphRuntime
import NIOHTTP1
import Synchronization

/// A server over Streamable HTTP, in both eras: each message is a POST, its answer is JSON or a stream of events.
///
/// In the legacy era there may be a session, which the answer to `initialize` names, and a stream for what the server says
/// by itself.
final class HTTPTransport: MCPTransport {
  let client: MCPWebClient

  /// The older transport is tried where this one is refused.
  private let mayBeOlder: Bool

  struct State {
    var receive: MCPReceiver?

    /// What the last message was sent under.
    var agreement: MCPAgreement?
    var session: String?
    var isSessionGone = false

    /// Answers to the server that are on their way.
    var answers = 0
  }

  let state = Mutex(State())
  let errands = Errands()

  /// Requests.
  private let door = Door()

  /// Notices nobody waits for.
  private let posting = Door()

  static let mostAnswers = 64

  /// How long requests in flight may go on when the session turned out to be gone: they will be told, too.
  private static let patience: Duration = .seconds(2)

  /// How long the end may take.
  private static let farewell: Duration = .seconds(2)

  init(_ client: MCPWebClient, mayBeOlder: Bool) {
    self.client = client
    self.mayBeOlder = mayBeOlder
  }

  var server: String { client.server }
  var hasResponseStreams: Bool { true }
  var mirrorsArguments: Bool { true }
  var lastWords: String { "" }
  var mask: SecretMask { client.mask }

  /// A broken connection is nothing that lasts: the next request makes its own.
  var failure: NodeFailure? { door.isShut && !state.withLock { $0.isSessionGone } ? ended : nil }

  func open(_ receive: @escaping MCPReceiver) async throws {
    state.withLock { $0.receive = receive }
  }

  func predecessor() -> (any MCPTransport)? {
    mayBeOlder ? SSETransport(client) : nil
  }

  func exchange(_ request: MCPMessage) async throws -> MCPReply {
    guard let id = request.body["id"]?.intValue else { preconditionFailure("a request has a number of its own") }
    return try await inside { [self] in
      switch try await send(request, id: id) {
      case .reply(let reply): return reply
      case .broken(let stream, let failure):
        guard request.agreement?.era == .legacy else { throw lost(failure) }
        return try await resume(stream, id: id, request.agreement, after: failure)
      }
    }
  }

  func notify(_ notice: MCPMessage) async throws {
    try await inside { [self] in try await send(notice) }
    if notice.method == "notifications/initialized" { listen(notice.agreement) }
  }

  func post(_ notice: MCPMessage) {
    guard posting.enter() else { return }
    errands.add { [self] in
      defer { posting.leave() }
      try? await send(notice)
    }
  }

  func close() async {
    door.shut()
    // In a task of its own: also from a cancelled one the server is told.
    await Task {
      await door.wait(until: .empty)
      posting.shut()
      await sayFarewell()
    }.value
    await errands.end()
  }

  private func sayFarewell() async {
    _ = try? await withDeadline(.now + Self.farewell) { [self] in
      await posting.wait(until: .empty)
      await endSession()
    }
  }

  /// Runs `body` as long as this is open.
  private func inside<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let isGone = state.withLock { $0.isSessionGone }
    guard !isGone else { throw MCPRefusal(status: 404, text: "the session is not known any more", isSessionGone: true) }
    guard door.enter() else { throw ended }
    defer { door.leave() }
    return try await withThrowingTaskGroup(of: Value.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await body() }
      group.addTask { [self] in
        await door.wait(until: .shut)
        if state.withLock({ $0.isSessionGone }) { try await Task.sleep(for: Self.patience) }
        try Task.checkCancellation()
        throw NodeFailure(.connection, "\(server) was ended")
      }
      guard let value = try await group.next() else { preconditionFailure("the body gives a value or throws") }
      return value
    }
  }

  private var ended: NodeFailure { NodeFailure(.connection, "\(server) was ended", precedesEffect: true) }

  func lost(_ failure: NodeFailure?) -> NodeFailure {
    failure.map(client.named)
      ?? NodeFailure(.connection, "\(server) ended the stream of events before its answer")
  }
}

// MARK: - One message

extension HTTPTransport {
  private enum Sent: Sendable {
    case reply(MCPReply)
    case broken(MCPEventStream, NodeFailure?)
  }

  private func question(_ message: MCPMessage) -> MCPWebClient.Question {
    state.withLock { $0.agreement = message.agreement ?? $0.agreement }
    var headers: HTTPHeaders = ["Accept": "application/json, text/event-stream"]
    headers.add(contentsOf: fields(for: message))
    return MCPWebClient.Question(
      method: "POST", url: client.address, headers: headers, body: JSON.object(message.body).utf8)
  }

  private func send(_ request: MCPMessage, id: Int) async throws -> Sent {
    let question = question(request)
    let isInSession = question.headers.contains(name: "mcp-session-id")
    return try await client.ask(question) { [self] head, body in
      let answer = MCPWebAnswer(client: client, head: head)
      guard answer.isSuccess else {
        return .reply(MCPReply(body: try await refused(answer, body, request, isInSession), status: head.status))
      }
      if head.type == "text/event-stream" { return try await events(request, id, head, body) }
      let bytes = try await whole(body)
      guard !bytes.isEmpty else {
        throw MCPShape.failure(server, "it answered \(request.method) with status \(head.status) and nothing else")
      }
      for message in try answer.messages(bytes) {
        if let own = try own(message, id) { return .reply(try accept(own, of: request, head)) }
      }
      throw MCPShape.failure(server, "its answer to \(request.method) is the answer to something else")
    }
  }

  private func events(
    _ request: MCPMessage, _ id: Int, _ head: HTTPStream.Head, _ body: HTTPStream.Body
  ) async throws -> Sent {
    switch try await MCPEventStream(server: server).read(body, { try self.own($0, id, isStream: true) }) {
    case .answered(let own): .reply(try accept(own, of: request, head))
    case .ended(let stream, let failure): .broken(stream, failure)
    }
  }

  private func whole(_ body: HTTPStream.Body) async throws -> [UInt8] {
    do {
      return try await body.whole(limitBytes: MCPWebClient.longestMessage)
    } catch let failure as NodeFailure where failure.kind == .limit {
      throw NodeFailure(
        .limit, "\(server) sent a message of more than \(MCPWebClient.longestMessage >> 20) MiB; it was not read on")
    }
  }

  /// A refusal that is an answer all the same.
  private func refused(
    _ answer: MCPWebAnswer, _ body: HTTPStream.Body, _ request: MCPMessage, _ isInSession: Bool
  ) async throws -> JSONObject {
    switch try await answer.refused(body, session: isInSession) {
    case .success(let error):
      // Where there is no such address, no server has understood what was asked.
      guard request.method == "initialize", [404, 405].contains(answer.head.status) else { return error }
      throw answer.refusal(error)
    case .failure(let refusal):
      if refusal.isSessionGone { state.withLock { $0.isSessionGone = true } }
      throw refusal
    }
  }

  /// Sends what has no answer.
  func send(_ notice: MCPMessage) async throws {
    var question = question(notice)
    question.limits = MCPWebClient.shortly
    let isInSession = question.headers.contains(name: "mcp-session-id")
    try await client.ask(question) { [self] head, body in
      let answer = MCPWebAnswer(client: client, head: head)
      guard !answer.isSuccess else { return }
      let error = try await refused(answer, body, notice, isInSession)
      throw answer.refusal(error)
    }
  }

  /// `message` where it answers the request `id`; what the server says by itself is received.
  ///
  /// - Parameter isStream: others may stand beside it; else the POST tells what it answers.
  func own(_ message: JSONObject, _ id: Int, isStream: Bool = false) throws -> JSONObject? {
    guard message["method"] == nil else {
      receive(message)
      return nil
    }
    if message["id"]?.intValue == id { return message }
    guard MCPShape.spelledID(of: message) != id else { throw MCPShape.spelledOut(server, id) }
    // An error need not say to what: servers that could not read the request do not know.
    let isError = (message["error"] ?? .null) != .null
    return isError && (!isStream || message["id"]?.intValue == nil) ? message : nil
  }

  /// Takes the session out of the answer to `initialize`; nowhere else does it count.
  private func accept(_ own: JSONObject, of request: MCPMessage, _ head: HTTPStream.Head) throws -> MCPReply {
    if request.method == "initialize", own["result"] != nil, let session = head.headers.first(name: "mcp-session-id") {
      guard (1...1024).contains(session.utf8.count), session.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw MCPShape.failure(server, "its Mcp-Session-Id is no visible ASCII of at most 1024 characters")
      }
      state.withLock { $0.session = session }
    }
    return MCPReply(body: own, status: head.status)
  }
}
