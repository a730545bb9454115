import Graph
import GraphRuntime

/// How messages get to one server and back: standard streams of a child process, or HTTP.
///
/// A transport carries whole JSON-RPC messages and pairs a request with its answer: by id over streams, by the POST over
/// HTTP. The session above it makes the ids, keeps the time and knows what is being said.
///
/// What a transport throws is a ``NodeFailure`` (kinds `spawn`, `connection`, `protocol`, `limit`) that says nothing of
/// doubt, as only the session knows what a request would have done, but sets `precedesEffect` where no byte of the message
/// can have arrived; an ``MCPRefusal``; or `CancellationError`.
protocol MCPTransport: Sendable {
  /// Each request has a response stream of its own, and closing it cancels the request in the modern era (HTTP). Without,
  /// and in the legacy era, requests are cancelled by a notice.
  var hasResponseStreams: Bool { get }

  /// The only era that can be spoken over it; `nil` where both can.
  var era: MCPEra? { get }

  /// Arguments are mirrored in header fields (``MCPMirror``).
  var mirrorsArguments: Bool { get }

  /// Why nothing can be exchanged any more; `nil` while something can.
  var failure: NodeFailure? { get }

  /// What the server said beside the protocol, its last lines (standard error); empty when it said nothing.
  var lastWords: String { get }

  /// What is not shown of the server's words. It holds wherever they are cut: half of a secret would be found by nobody.
  var mask: SecretMask { get }

  /// What is odd and yet no failure, since this was last asked.
  func takeRemarks() -> [String]

  /// Launches or connects, and returns once a message can be sent.
  ///
  /// `receive` gets what the server sends by itself, requests and notices; what it returns is sent back as the answer.
  /// It does not block, and may be called from anywhere, also while ``exchange(_:)`` waits.
  func open(_ receive: @escaping MCPReceiver) async throws

  /// Sends a request and waits for the message that answers it (`result` or `error`); many may be in flight.
  ///
  /// There is no limit of time but the caller's: when its task is cancelled the answer is not waited for any more,
  /// ignored if it comes, and its stream is closed where there is one.
  func exchange(_ request: MCPMessage) async throws -> MCPReply

  /// Sends a notice, and returns once it is on its way.
  func notify(_ notice: MCPMessage) async throws

  /// As ``notify(_:)``, but nobody waits and nobody learns what became of it; also from a task that is cancelled.
  func post(_ notice: MCPMessage)

  /// Ends it, with everything that belongs to it; requests in flight fail. May be called again, and from a cancelled
  /// task.
  func close() async

  /// The transport of the oldest kind to the same server, for when it takes no handshake here (HTTP+SSE of 2024-11-05).
  func predecessor() -> (any MCPTransport)?
}

extension MCPTransport {
  var era: MCPEra? { nil }
  var mirrorsArguments: Bool { false }
  func takeRemarks() -> [String] { [] }
  func predecessor() -> (any MCPTransport)? { nil }
}

/// Takes a request or a notice of the server's; gives the answer to a request.
typealias MCPReceiver = @Sendable (JSONObject) -> JSONObject?

/// A message to the server, with what HTTP puts into header fields.
struct MCPMessage: Sendable {
  /// The JSON-RPC message: `jsonrpc`, `method`, `params`, and `id` where it is a request.
  var body: JSONObject

  /// What was agreed on, or what is tried by `server/discover`; `nil` for `initialize`.
  var agreement: MCPAgreement?

  /// The tool that is called: its schema tells which arguments are mirrored in header fields (`x-mcp-header`).
  var tool: MCPTool?

  var method: String { body["method"]?.stringValue ?? "" }
}

/// An answer to a request.
struct MCPReply: Sendable {
  /// The JSON-RPC message, with `result` or `error`; the id has served.
  var body: JSONObject

  /// The HTTP status it came with.
  var status: Int?
}

/// A HTTP status that came without a JSON-RPC answer, where a server of another era may have been asked the wrong way.
struct MCPRefusal: Error, Sendable, Hashable {
  var status: Int

  /// What the server said with it, short enough for a message.
  var text: String

  /// The legacy session is not known any more (404 to a request with a session id): nothing was done, and a new
  /// handshake helps.
  var isSessionGone = false

  /// The server's own wish for when to try again.
  var retryAfter: Duration?
}
