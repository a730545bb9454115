import Graph
import GraphRuntime

/// Where Ollama is, read as its own programs read `OLLAMA_HOST`.
enum OllamaHost {
  static let defaultAddress = "http://127.0.0.1:11434"

  /// The base address that `text` means.
  ///
  /// Without a scheme the port is 11434 unless given; with one it is the scheme's own. An address to listen on
  /// (`0.0.0.0`) is reached at loopback.
  static func address(_ text: String) -> String {
    var rest = text.drop { $0.isWhitespace || $0 == "\"" || $0 == "'" }
    while let last = rest.last, last.isWhitespace || last == "\"" || last == "'" { rest.removeLast() }
    if rest.isEmpty { return defaultAddress }
    if rest == "ollama.com" { return "https://ollama.com:443" }
    var scheme = "http"
    var port = "11434"
    if let mark = rest.firstRange(of: "://") {
      scheme = rest[..<mark.lowerBound].lowercased()
      port = scheme == "https" ? "443" : "80"
      rest = rest[mark.upperBound...]
    }
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    // Credentials are refused by whoever takes the address.
    if rest[..<end].contains("@") { return "\(scheme)://\(rest)" }
    var path = rest[end...]
    while path.last == "/" { path.removeLast() }
    var host = rest[..<end]
    if let given = Self.port(of: &host) { port = Int(given).map { (0...65535).contains($0) } == true ? given : port }
    return "\(scheme)://\(reachable(String(host))):\(port)\(path)"
  }

  /// Takes the port off `host`; an IPv6 address has one only after its brackets.
  private static func port(of host: inout Substring) -> String? {
    guard let colon = host.lastIndex(of: ":") else { return nil }
    let isBare = host.filter { $0 == ":" }.count > 1 && !host.hasPrefix("[")
    guard !isBare, !host[colon...].contains("]") else { return nil }
    defer { host = host[..<colon] }
    return String(host[host.index(after: colon)...])
  }

  private static func reachable(_ host: String) -> String {
    switch host {
    case "", "0.0.0.0": "127.0.0.1"
    case "::", "[::]": "[::1]"
    default: host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    }
  }
}
