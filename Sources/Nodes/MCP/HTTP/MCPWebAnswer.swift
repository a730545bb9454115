import Graph
import GraphRuntime
import NIOHTTP1

/// Reads what a server answers over HTTP besides a stream of events.
struct MCPWebAnswer: Sendable {
  let client: MCPWebClient
  let head: HTTPStream.Head

  private var server: String { client.server }

  /// Bytes of a refusal that are read.
  private static let longestRefusal = 64 << 10

  var isSuccess: Bool { (200..<300).contains(head.status) }

  /// The messages in a body that is JSON: one, or a list of them in version 2025-03-26.
  func messages(_ bytes: [UInt8]) throws -> [JSONObject] {
    let isHTML = head.type.contains("html") || bytes.first { $0 > 0x20 } == UInt8(ascii: "<")
    guard !isHTML else {
      throw MCPShape.failure(
        server,
        "it answered with a page (\(head.type.isEmpty ? "no content type" : head.type)); is its url the one for MCP?")
    }
    do {
      let value = try JSON(parsing: bytes)
      return (value.arrayValue ?? [value]).compactMap(\.objectValue)
    } catch {
      guard head.type == "application/json" || head.type.hasSuffix("+json") else {
        throw MCPShape.failure(server, "it answered with neither JSON nor events but \"\(shownType)\"")
      }
      throw MCPShape.failure(server, "its answer cannot be read: \(error.message)")
    }
  }

  /// What an answer with a status of failure says: the error of JSON-RPC, else the refusal.
  ///
  /// - Parameter session: one was named in the request, which the server may have forgotten.
  func refused(_ body: HTTPStream.Body, session: Bool) async throws -> Result<JSONObject, MCPRefusal> {
    let bytes = try await body.beginning(limitBytes: Self.longestRefusal)
    let message = (try? JSON(parsing: bytes))?.objectValue
    let error = message?["error"].flatMap { $0["code"]?.intValue == nil ? nil : $0 }
    let said = error.map(Self.message(of:)) ?? text(bytes)
    // Servers that keep to the letter say 404; others that restarted say 400, and why.
    let isAnswer = error?["code"]?.intValue == MCPRequestError.methodNotFound
    let isGone =
      session && !isAnswer && (head.status == 404 || (head.status == 400 && said.lowercased().contains("session")))
    if isGone { return .failure(refusal("it does not know the session any more: \(said)", isSessionGone: true)) }
    if let message, error != nil, ![401, 403].contains(head.status) { return .success(message) }
    return .failure(refusal(said))
  }

  /// The error of JSON-RPC where nobody waits for a message.
  func refusal(_ message: JSONObject) -> MCPRefusal {
    MCPRefusal(status: head.status, text: client.mask.mask(message["error"].map(Self.message(of:)) ?? ""))
  }

  private static func message(of error: JSON) -> String { error["message"]?.stringValue ?? "" }

  /// What it says that it is.
  var shownType: String { client.mask.excerpt(of: head.type, 100) }

  private func refusal(_ said: String, isSessionGone: Bool = false) -> MCPRefusal {
    let hints: [String] =
      switch head.status {
      case 401: [challenge, "give what it wants in its headers, as Authorization: Bearer ${{ $secrets.TOKEN }}"]
      case 403: [challenge, "what its headers give is not enough"]
      case 405, 406, 415: ["is its url the one for MCP, and its type right?"]
      default: []
      }
    let text = ([said] + hints).filter { !$0.isEmpty }.joined(separator: "; ")
    return MCPRefusal(
      status: head.status, text: client.mask.excerpt(of: text, 2048), isSessionGone: isSessionGone,
      retryAfter: head.retryAfter)
  }

  private var challenge: String {
    client.mask.excerpt(of: head.headers["www-authenticate"].joined(separator: ", "), 1024)
  }

  /// The words of a body, in short; of a page only that it is one.
  private func text(_ bytes: [UInt8]) -> String {
    let words = CapturedOutput(head: [], tail: bytes, omitted: 0).text
    let isHTML = head.type.contains("html") || words.first { !$0.isWhitespace } == "<"
    return isHTML ? "a page, not a message" : client.mask.excerpt(of: words, 300).trimmed
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    var rest = Substring(self)
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest.drop(while: \.isWhitespace))
  }
}
