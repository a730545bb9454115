import Graph
import GraphRuntime
import Synchronization

/// Requests with their time and their progress, over one transport.
final class MCPWire: Sendable {
  let server: String
  let transport: any MCPTransport

  private struct State {
    var lastID = 0

    /// Who wants to know of progress, by the request's token.
    var progress: [Int: Listener] = [:]
    var toolsHaveChanged = false
  }

  /// Passes progress on at a rate that somebody can read, however often the server reports.
  private struct Listener {
    var tell: @Sendable (String) -> Void
    private var left = 20.0
    private var last = ContinuousClock.now

    init(_ tell: @escaping @Sendable (String) -> Void) {
      self.tell = tell
    }

    mutating func isDue(at now: ContinuousClock.Instant) -> Bool {
      let perSecond = 10.0
      left = min(20, left + (now - last) / .seconds(1) * perSecond)
      last = now
      guard left >= 1 else { return false }
      left -= 1
      return true
    }
  }

  private let state = Mutex(State())

  init(server: String, transport: any MCPTransport) {
    self.server = server
    self.transport = transport
  }

  func open() async throws {
    try await transport.open { [weak self] message in self?.receive(message) }
  }

  /// Whether the server said so since this was last asked.
  func haveToolsChanged() -> Bool {
    state.withLock { state in
      defer { state.toolsHaveChanged = false }
      return state.toolsHaveChanged
    }
  }

  /// What a request is besides its method and parameters.
  struct Manner: Sendable {
    /// `nil` for `initialize`.
    var agreement: MCPAgreement?
    var limit: Duration
    var tool: MCPTool?

    /// The server is told when the answer is not wanted any more.
    var isCancellable = true

    /// A person can be asked, so the server may ask.
    var mayAsk = false
    var progress: (@Sendable (String) -> Void)?
  }

  /// Asks, and returns the answer's `result` with the HTTP status it came with.
  ///
  /// - Throws: ``MCPRequestError`` for the answer `error`, ``NodeFailure`` (kind `timeout` when there was no answer within
  ///   the limit), ``MCPRefusal``, `CancellationError`.
  func request(_ method: String, _ params: JSONObject = [:], _ manner: Manner) async throws -> JSONObject {
    let id = register(manner.progress)
    defer { forget(id) }
    let message = MCPMessage(
      body: [
        "jsonrpc": "2.0", "id": .int(id), "method": .string(method), "params": .object(complete(params, id, manner)),
      ], agreement: manner.agreement, tool: manner.tool)
    do {
      guard let reply = try await withDeadline(.now + manner.limit, { [self] in try await exchange(message) }) else {
        cancel(id, manner, reason: "no answer in time")
        throw NodeFailure(.timeout, "\(server) did not answer \(method) within \(manner.limit.readable)")
      }
      return try result(of: reply, to: method)
    } catch is CancellationError {
      cancel(id, manner, reason: "not needed any more")
      throw CancellationError()
    }
  }

  func notify(_ method: String, _ agreement: MCPAgreement) async throws {
    try await transport.notify(
      MCPMessage(body: ["jsonrpc": "2.0", "method": .string(method)], agreement: agreement))
  }

  // MARK: What goes out

  private func exchange(_ message: MCPMessage) async throws -> MCPReply {
    if var failure = transport.failure {
      // Whatever happened, this message was not sent.
      failure.precedesEffect = true
      throw failure
    }
    return try await transport.exchange(message)
  }

  private func register(_ progress: (@Sendable (String) -> Void)?) -> Int {
    state.withLock { state in
      state.lastID += 1
      if let progress { state.progress[state.lastID] = Listener(progress) }
      return state.lastID
    }
  }

  private func forget(_ id: Int) {
    state.withLock { $0.progress[id] = nil }
  }

  private func complete(_ params: JSONObject, _ id: Int, _ manner: Manner) -> JSONObject {
    var meta = params["_meta"]?.objectValue ?? [:]
    if let agreement = manner.agreement, agreement.era == .modern {
      meta[MCPWord.protocolVersion] = .string(agreement.version)
      meta[MCPWord.clientInfo] = Self.clientInfo
      meta[MCPWord.clientCapabilities] = manner.mayAsk ? ["elicitation": ["form": [:]]] : [:]
    }
    if manner.progress != nil { meta["progressToken"] = .int(id) }
    var params = params
    if !meta.isEmpty { params["_meta"] = .object(meta) }
    return params
  }

  static let clientInfo: JSON = ["name": "graphrun", "version": "0.1.0"]

  /// Tells the server that nobody waits any more; where a request has a stream, the transport has closed it.
  private func cancel(_ id: Int, _ manner: Manner, reason: String) {
    guard manner.isCancellable, let agreement = manner.agreement, transport.failure == nil,
      agreement.era == .legacy || !transport.hasResponseStreams
    else { return }
    let body: JSONObject = [
      "jsonrpc": "2.0", "method": "notifications/cancelled",
      "params": ["requestId": .int(id), "reason": .string(reason)],
    ]
    transport.post(MCPMessage(body: body, agreement: agreement))
  }

  // MARK: What comes in

  private func result(of reply: MCPReply, to method: String) throws -> JSONObject {
    if let error = reply.body["error"], error != .null {
      throw MCPRequestError(transport.mask.mask(error), method: method, status: reply.status)
    }
    guard let result = reply.body["result"]?.objectValue else {
      throw MCPShape.failure(server, "the answer to \(method) has neither a result that is an object nor an error")
    }
    return result
  }

  private func receive(_ message: JSONObject) -> JSONObject? {
    guard let method = message["method"]?.stringValue else { return nil }
    guard let id = message["id"], id != .null else {
      take(notice: method, message["params"])
      return nil
    }
    var answer: JSONObject = ["jsonrpc": "2.0", "id": id]
    if method == "ping" {
      answer["result"] = [:]
    } else {
      // Nothing of the kind was offered: sampling, roots, elicitation over a connection that a person's answer outlives.
      answer["error"] = ["code": -32601, "message": "Method not found"]
    }
    return answer
  }

  private func take(notice method: String, _ params: JSON?) {
    switch method {
    case "notifications/tools/list_changed": state.withLock { $0.toolsHaveChanged = true }
    case "notifications/progress":
      guard let token = params?["progressToken"]?.intValue else { return }
      let tell = state.withLock { state in
        state.progress[token]?.isDue(at: .now) == true ? state.progress[token]?.tell : nil
      }
      tell?(Self.progressText(params.map(transport.mask.mask)))
    default: break
    }
  }

  /// `copying (3 of 10)`.
  private static func progressText(_ params: JSON?) -> String {
    let total = params?["total"].map { " of \($0.text)" } ?? ""
    let count = params?["progress"].map { "\($0.text)\(total)" } ?? ""
    guard let message = params?["message"]?.stringValue, !message.isEmpty else { return count }
    let said = message.prefix(1000)
    return count.isEmpty ? String(said) : "\(said) (\(count))"
  }
}

/// The answer `error` to a request.
struct MCPRequestError: Error, Sendable, Hashable {
  var code: Int
  var message: String
  var data: JSON?
  var method: String
  var status: Int?

  init(_ error: JSON, method: String, status: Int?) {
    code = error["code"]?.intValue ?? 0
    message = error["message"]?.stringValue ?? error.summary
    data = error["data"]
    self.method = method
    self.status = status
  }

  static let methodNotFound = -32601
  static let invalidParameters = -32602
  static let headerMismatch = -32020
  static let missingCapability = -32021
  static let unsupportedVersion = -32022

  /// The server refused before it did anything.
  var precedesEffect: Bool {
    [Self.methodNotFound, Self.invalidParameters, Self.headerMismatch, Self.missingCapability, Self.unsupportedVersion]
      .contains(code)
  }

  func failure(_ server: String) -> NodeFailure {
    NodeFailure(
      .protocol, "\(server) answered \(method) with error \(code): \(message.prefix(2048))",
      precedesEffect: precedesEffect)
  }
}

/// Answers that are not what the protocol says.
enum MCPShape {
  static func failure(_ server: String, _ what: String) -> NodeFailure {
    NodeFailure(.protocol, "\(server) does not keep to the protocol: \(what)")
  }

  /// The number of the request that `message` answers with a text for its id. JSON-RPC wants an id back as it was sent.
  static func spelledID(of message: JSONObject) -> Int? { message["id"]?.stringValue.flatMap { Int($0) } }

  static func spelledOut(_ server: String, _ id: Int) -> NodeFailure {
    failure(server, "it answers request \(id) with the id \"\(id)\", a text and not the number that it was sent")
  }
}
