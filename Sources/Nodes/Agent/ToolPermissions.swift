import Graph
import GraphRuntime

/// Which tools an agent may call, as the graph's author says: `tools: {allow, approve, deny}`.
///
/// A pattern is a tool's name, or `SERVER.TOOL`; `*` stands for any characters. Deny goes before approve, approve
/// before allow. A server names its tools as it likes, dots included: a pattern that begins with the name of one of the
/// agent's servers is about that server alone.
struct ToolPermissions: Sendable {
  enum Verdict: Sendable, Hashable {
    case run

    /// A person is asked first.
    case ask

    /// Never; the model is not told of the tool.
    case never
  }

  private var allow: [String] = []
  private var approve: [String] = []
  private var deny: [String] = []

  /// The agent's.
  private let servers: [String]

  init(_ fields: NodeFields, servers: [String]) async throws {
    self.servers = servers
    guard let tools = fields.nested("tools") else { return }
    allow = try await tools.arguments("allow") ?? []
    approve = try await tools.arguments("approve") ?? []
    deny = try await tools.arguments("deny") ?? []
  }

  init(allow: [String] = [], approve: [String] = [], deny: [String] = [], servers: [String] = []) {
    self.servers = servers
    self.allow = allow
    self.approve = approve
    self.deny = deny
  }

  /// - Parameter isTrusted: whether the graph believes what the server says of its tools.
  func verdict(on tool: MCPTool, of server: String, isTrusted: Bool) -> Verdict {
    func isIn(_ patterns: [String]) -> Bool { patterns.contains { fits($0, tool.name, of: server) } }
    if isIn(deny) { return .never }
    if isIn(approve) { return .ask }
    if isIn(allow) { return .run }
    return isTrusted && tool.annotations.isReadOnly ? .run : .ask
  }

  /// Patterns that no tool fits: most likely a misspelling.
  func unused(among tools: [(server: String, name: String)]) -> [String] {
    (allow + approve + deny).filter { !isAbout($0, any: tools) }
  }

  /// Whether `pattern` is about one of `tools`.
  func isAbout(_ pattern: String, any tools: [(server: String, name: String)]) -> Bool {
    tools.contains { fits(pattern, $0.name, of: $0.server) }
  }

  /// The one place where patterns and tools meet, so that nobody finds one in order that an agent does not.
  private func fits(_ pattern: String, _ tool: String, of server: String) -> Bool {
    Self.matches("\(server).\(tool)", pattern) || (!namesServer(pattern) && Self.matches(tool, pattern))
  }

  /// Whether what stands before a dot in `pattern` is one of the servers.
  private func namesServer(_ pattern: String) -> Bool {
    pattern.indices.contains { place in
      pattern[place] == "." && servers.contains { Self.matches($0, String(pattern[..<place])) }
    }
  }

  static func matches(_ name: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count > 1, let first = parts.first, let last = parts.last else { return name == pattern }
    guard name.hasPrefix(first), name.utf8.count >= first.utf8.count + last.utf8.count, name.hasSuffix(last) else {
      return false
    }
    var rest = name.dropFirst(first.count).dropLast(last.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
