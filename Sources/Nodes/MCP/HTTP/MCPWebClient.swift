import Graph
import GraphRuntime
import NIOHTTP1

/// Asks one server over HTTP: with the graph's header fields, and never anybody but its own origin.
struct MCPWebClient: Sendable {
  let server: String
  let address: HTTPAddress
  private let headers: HTTPHeaders
  private let mayBePrivate: Bool

  /// The run's secrets, and what the graph gives in header fields: a server that quotes it is not quoted.
  let mask: SecretMask

  static let longestMessage = 16 << 20
  private static let mostRedirects = 5

  /// Header fields that the protocol or the connection sets.
  private static let reserved: Set<String> = [
    "accept", "connection", "content-length", "content-type", "expect", "host", "keep-alive", "last-event-id",
    "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "origin", "te", "trailer", "transfer-encoding",
    "upgrade",
  ]

  init(_ configured: MCPAddress, server: String, mask: SecretMask) throws(NodeFailure) {
    self.server = server
    mayBePrivate = configured.mayBePrivate
    do {
      address = try HTTPAddress(configured.url)
    } catch {
      throw Self.refusal("\(server): url: \(error.message)")
    }
    var headers: HTTPHeaders = ["User-Agent": "graphrun"]
    for header in configured.headers {
      let (name, key) = (header.name.lowercased(), "\(server): headers.\(header.name.prefix(128))")
      guard MCPHeaderValue.isToken(header.name) else { throw Self.refusal("\(key) is no name of a header field") }
      guard !Self.reserved.contains(name), !name.hasPrefix("mcp-param-") else {
        throw Self.refusal("\(key) is set by the protocol; leave it out")
      }
      guard header.value.unicodeScalars.allSatisfy({ $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) }) else {
        throw Self.refusal("\(key): line breaks and control characters may not stand in a header field")
      }
      headers.replaceOrAdd(name: header.name, value: header.value)
    }
    self.headers = headers
    self.mask = mask.union(SecretMask(configured.headers.flatMap { Self.secrets(in: $0.value) }))
  }

  /// The whole and its words. The first of several is the name of a scheme, as `Bearer`.
  private static func secrets(in value: String) -> [String] {
    [value] + value.split(separator: " ").dropFirst().map(String.init)
  }

  struct Question: Sendable {
    var method: String
    var url: HTTPAddress
    var headers: HTTPHeaders = [:]
    var body: [UInt8]?

    /// Silence that is not borne; a request for an answer has only its caller's limit.
    var limits = Silence.Limits(firstByte: nil, idle: nil)
  }

  /// For a question whose answer says no more than that it arrived.
  static let shortly = Silence.Limits(firstByte: .seconds(30), idle: .seconds(30))

  /// Asks, and follows redirects within the origin.
  ///
  /// - Throws: ``NodeFailure`` that says nothing of doubt; what `take` throws; `CancellationError`.
  func ask<Value: Sendable>(
    _ question: Question, _ take: @escaping @Sendable (HTTPStream.Head, HTTPStream.Body) async throws -> Value
  ) async throws -> Value {
    var question = question
    for _ in 0...Self.mostRedirects {
      let (stream, asked) = (HTTPStream(plan: plan(question), limits: question.limits), question)
      let outcome = try await named {
        try await stream.open { head, body in
          if let next = try redirect(from: asked.url, head) { return Outcome<Value>.elsewhere(next) }
          return .value(try await take(head, body))
        }
      }
      switch outcome {
      case .value(let value): return value
      case .elsewhere(let next): question.url = next
      }
    }
    throw Self.refusal("\(server): \(address.text): more than \(Self.mostRedirects) redirects")
  }

  private enum Outcome<Value: Sendable>: Sendable {
    case value(Value)
    case elsewhere(HTTPAddress)
  }

  private func plan(_ question: Question) -> HTTPRequestPlan {
    var headers = headers
    headers.add(contentsOf: question.headers)
    if question.body != nil { headers.add(name: "Content-Type", value: "application/json") }
    // A connection of its own: one that was kept might be closed by the server in the moment it is used again, and
    // then nobody knows whether the request arrived. So none is left open when the server is not needed any more.
    headers.add(name: "Connection", value: "close")
    return HTTPRequestPlan(
      method: question.method, url: question.url, headers: headers, body: question.body, mayBePrivate: mayBePrivate)
  }

  /// Where to ask instead; to be asked there in the same way (307, 308) says that nothing was done, to fetch what is
  /// there (301 to 303) does not.
  private func redirect(from url: HTTPAddress, _ head: HTTPStream.Head) throws(NodeFailure) -> HTTPAddress? {
    guard [301, 302, 303, 307, 308].contains(head.status), let location = head.headers.first(name: "location") else {
      return nil
    }
    let isSame = [307, 308].contains(head.status)
    func refusal(_ message: String) -> NodeFailure {
      NodeFailure(.refused, "\(server) redirects\(message)", precedesEffect: isSame)
    }
    let next: HTTPAddress
    do {
      next = try url.resolving(location)
    } catch {
      throw refusal(": \(error.message(masking: mask))")
    }
    guard next.hasSameOrigin(as: address) else {
      throw refusal(
        " to \(next.scheme)://\(next.host): another server is not followed; where that is the right one, give its url")
    }
    guard isSame else { throw refusal(" with status \(head.status) to \(next.title): give that as its url") }
    return next
  }

  private func named<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let failure as NodeFailure {
      throw named(failure)
    }
  }

  /// Names the server, and leaves out what may be a key to a session.
  func named(_ failure: NodeFailure) -> NodeFailure {
    var failure = failure
    failure.isInDoubt = false
    failure.message = mask.mask(Self.withoutQueries(failure.message))
    if !failure.message.hasPrefix(server) { failure.message = "\(server): \(failure.message)" }
    return failure
  }

  /// The addresses in `text` end where their queries begin.
  private static func withoutQueries(_ text: String) -> String {
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map { word -> String in
      guard word.contains("://"), let mark = word.firstIndex(of: "?") else { return String(word) }
      return "\(word[..<mark])\(word.hasSuffix(":") ? ":" : "")"
    }
    return words.joined(separator: " ")
  }

  private static func refusal(_ message: String) -> NodeFailure {
    NodeFailure(.refused, message, precedesEffect: true)
  }
}

extension HTTPAddress {
  /// Without a query, for messages.
  var title: String { String(text.prefix { $0 != "?" && $0 != "#" }) }
}
