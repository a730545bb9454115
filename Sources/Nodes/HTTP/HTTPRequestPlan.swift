import Graph
import GraphRuntime
import NIOHTTP1

import struct Foundation.URLComponents

/// What to ask, checked before anything is sent (RELIABILITY S39).
struct HTTPRequestPlan: Sendable {
  var method: String
  var url: HTTPAddress
  var headers: HTTPHeaders

  /// Names of headers that carry secrets, lower-case: not sent along to where a redirect leads.
  var secretHeaders: Set<String> = []
  var body: [UInt8]?

  /// Addresses may be private: the author wrote the host, or said so.
  var mayBePrivate: Bool
}

/// An http or https address without credentials.
struct HTTPAddress: Sendable {
  var text: String
  var scheme: String
  var host: String
  var port: Int

  init(_ text: String) throws(HTTPAddressError) {
    guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }),
      let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased()
    else { throw HTTPAddressError("is no address; encode what may not stand in one", quoting: text) }
    guard scheme == "http" || scheme == "https" else {
      throw HTTPAddressError("\(scheme): is not allowed; only http and https are")
    }
    guard parts.user == nil, parts.password == nil else {
      throw HTTPAddressError("credentials may not stand in an address; use a header")
    }
    guard let host = parts.host, !host.isEmpty else { throw HTTPAddressError("the address has no host") }
    self.text = text
    self.scheme = scheme
    self.host = host.lowercased()
    port = parts.port ?? (scheme == "https" ? 443 : 80)
  }

  /// The address that `location` means when it comes from here.
  func resolving(_ location: String) throws(HTTPAddressError) -> HTTPAddress {
    guard let base = URLComponents(string: text)?.url,
      let target = URLComponents(string: location)?.url(relativeTo: base)
    else { throw HTTPAddressError("is no address", quoting: location) }
    return try HTTPAddress(target.absoluteString)
  }

  func hasSameOrigin(as other: HTTPAddress) -> Bool {
    (scheme, host, port) == (other.scheme, other.host, other.port)
  }

  /// The host is in the file: the text before the first expression of `field`, which gave this address, already names it.
  func hasConstantHost(in field: Field) -> Bool {
    switch field {
    case .literal: return true
    case .template(let template):
      guard case .text(let start)? = template.parts.first else { return false }
      if template.expressions.isEmpty { return true }
      let parts = start.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
      // Without an end of the host in the text, an expression could go on with it.
      guard parts.count == 2, let end = parts[1].firstIndex(where: { "/?#:".contains($0) }) else { return false }
      return parts[1][..<end].lowercased() == host
    default: return false
    }
  }
}

struct HTTPAddressError: Error {
  private let reason: String

  /// What was taken for an address, where the reason needs it.
  private let text: String?

  init(_ reason: String, quoting text: String? = nil) {
    self.reason = reason
    self.text = text
  }

  var message: String { message(masking: .none) }

  /// The message where a server gave the address.
  func message(masking mask: SecretMask) -> String {
    text.map { "\"\(mask.excerpt(of: $0, 200))\" \(reason)" } ?? reason
  }
}

extension HTTPRequestPlan {
  init(_ fields: NodeFields) async throws {
    method = try await fields.text("method")?.uppercased() ?? "GET"
    guard Self.methods.contains(method) else { throw fields.failure("method", "\(method) is not known") }
    let text = try await fields.text("url") ?? ""
    do {
      url = try HTTPAddress(text)
    } catch {
      throw NodeFailure(.refused, "\(fields.prefix)url: \(error.message)", precedesEffect: true)
    }
    let isConstant = fields["url"].map(url.hasConstantHost) ?? true
    let isAllowed = try await fields.bool("private")
    mayBePrivate = isConstant || isAllowed
    (headers, secretHeaders) = try await Self.headers(fields)
    body = nil
    if let value = try await fields.value("body"), value != .null {
      body = Array(value.argumentText.utf8)
      if value.stringValue == nil, !headers.contains(name: "content-type") {
        headers.add(name: "Content-Type", value: "application/json")
      }
    }
    if !HTTPExchange.isSafe(method), !headers.contains(name: "idempotency-key") {
      headers.add(name: "Idempotency-Key", value: fields.task.key)
    }
    if !headers.contains(name: "user-agent") { headers.add(name: "User-Agent", value: "graphrun") }
    if !headers.contains(name: "accept") { headers.add(name: "Accept", value: "*/*") }
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

  /// The connection's own business.
  private static let reserved: Set<String> = [
    "content-length", "transfer-encoding", "connection", "host", "te", "trailer", "upgrade", "keep-alive", "expect",
  ]

  /// The `headers` field, and the names of those that carry secrets.
  static func headers(_ fields: NodeFields) async throws -> (HTTPHeaders, Set<String>) {
    var headers = HTTPHeaders()
    var secret: Set<String> = ["authorization", "cookie", "proxy-authorization"]
    let entries: [(String, Field)]
    switch fields["headers"] {
    case nil: entries = []
    case .map(let map)?: entries = map.map { ($0.key, $0.value) }
    case .literal(.object(let object))?: entries = object.map { ($0.key, .literal($0.value)) }
    default: throw fields.failure("headers", "must be a map with constant names")
    }
    for (name, field) in entries {
      let key = "headers.\(name)"
      guard !name.isEmpty, name.unicodeScalars.allSatisfy({ isToken($0) }) else {
        throw fields.failure("headers", "\"\(name)\" is no name for a header")
      }
      guard !reserved.contains(name.lowercased()) else { throw fields.failure(key, "is set by the connection") }
      let value = try await fields.task.evaluate(field, key: fields.prefix + key)
      if value == .null { continue }
      let text = value.argumentText
      guard text.unicodeScalars.allSatisfy({ $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) }) else {
        throw NodeFailure(
          .refused, "\(fields.prefix)\(key): line breaks and control characters may not stand in a header",
          precedesEffect: true)
      }
      headers.add(name: name, value: text)
      if field.expressions.contains(where: { $0.source.contains("$secrets") }) { secret.insert(name.lowercased()) }
    }
    return (headers, secret)
  }

  static func isToken(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCIIWord || "!#$%&'*+-.^`|~".unicodeScalars.contains(scalar)
  }
}
