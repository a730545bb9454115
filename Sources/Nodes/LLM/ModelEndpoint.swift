import Graph
import GraphRuntime
import NIOHTTP1

/// Where a model is served, and what every request there carries.
struct ModelEndpoint: Sendable {
  /// Paths are joined to its text, which does not end with a slash.
  let base: HTTPAddress

  /// What decided ``base``, for messages: `url`, `OLLAMA_HOST` …
  let source: String

  /// Sent as a bearer token.
  var key: String?
  var headers: HTTPHeaders = [:]

  /// Addresses may be private: nobody but the author and the user had a say in the host.
  var mayBePrivate = true
  var limits = Silence.Limits()

  /// The secrets of the run: a server may repeat what it is sent.
  var secrets = SecretMask.none

  init(_ text: String, source: String) throws(NodeFailure) {
    do {
      let end = text.lastIndex { $0 != "/" }.map(text.index(after:)) ?? text.startIndex
      base = try HTTPAddress(String(text[..<end]))
    } catch {
      throw NodeFailure(.refused, "\(source): \(error.message)", precedesEffect: true)
    }
    guard !base.text.contains("?"), !base.text.contains("#") else {
      throw NodeFailure(.refused, "\(source): the base address of a model has no query", precedesEffect: true)
    }
    self.source = source
  }

  /// A request for the path below ``base``; with a body it is a POST.
  func stream(
    _ path: String, _ body: JSON? = nil, accept: String = "application/json"
  ) throws(NodeFailure)
    -> HTTPStream
  {
    let address: HTTPAddress
    do {
      address = try HTTPAddress(base.text + path)
    } catch {
      throw NodeFailure(.refused, "\(source): \(error.message)", precedesEffect: true)
    }
    var headers = headers
    let standard: [(String, String?)] = [
      ("Content-Type", body == nil ? nil : "application/json"), ("Accept", accept), ("User-Agent", "graphrun"),
      ("Authorization", key.map { "Bearer \($0)" }),
    ]
    for (name, value) in standard {
      if let value, !headers.contains(name: name) { headers.add(name: name, value: value) }
    }
    // A connection of its own: one that was kept might be closed by the server in the moment it is used again.
    headers.replaceOrAdd(name: "Connection", value: "close")
    let plan = HTTPRequestPlan(
      method: body == nil ? "GET" : "POST", url: address, headers: headers, body: body?.utf8, mayBePrivate: mayBePrivate
    )
    return HTTPStream(plan: plan, limits: limits)
  }

  /// What is not shown of the server's words: the secrets, and the key, which a server may repeat in its errors.
  var mask: SecretMask { secrets.union(SecretMask([key].compactMap(\.self))) }

  /// What no model server answers: a redirect, or a page for people.
  func checkIsService(_ head: HTTPStream.Head) throws(NodeFailure) {
    if (300..<400).contains(head.status) {
      let target = head.headers.first(name: "location").map { " to \(mask.excerpt(of: $0, 200))" } ?? ""
      throw NodeFailure(
        .refused, "\(base.text) redirects\(target); that is not followed. Where it is right, give it as \(source)")
    }
    if head.type == "text/html" {
      throw NodeFailure(
        .protocol,
        "\(base.text) answers with a web page (status \(head.status)), not as a model server; check \(source), "
          + "and what stands between")
    }
  }
}

extension NodeFailure {
  /// Says which model failed, and where it is served, unless the message says that.
  func naming(_ model: String, at endpoint: ModelEndpoint) -> NodeFailure {
    guard kind != .type, !message.contains(endpoint.base.text) else { return self }
    var failure = self
    failure.message = "\(model) at \(endpoint.base.text): \(message)"
    return failure
  }
}
