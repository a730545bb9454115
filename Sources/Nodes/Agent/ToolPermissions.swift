import Graph
import GraphRuntime

/// Which tools an agent may call, as the graph's author says: `tools: {allow, approve, deny}`.
///
/// A pattern is a tool's name, or `SERVER.TOOL`; `*` stands for any characters. Deny goes before approve, approve
/// before allow.
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

  init(_ fields: NodeFields) async throws {
    guard let tools = fields.nested("tools") else { return }
    allow = try await tools.arguments("allow") ?? []
    approve = try await tools.arguments("approve") ?? []
    deny = try await tools.arguments("deny") ?? []
  }

  init(allow: [String] = [], approve: [String] = [], deny: [String] = []) {
    self.allow = allow
    self.approve = approve
    self.deny = deny
  }

  /// - Parameter isTrusted: whether the graph believes what the server says of its tools.
  func verdict(on tool: MCPTool, of server: String, isTrusted: Bool) -> Verdict {
    let names = [tool.name, "\(server).\(tool.name)"]
    func isIn(_ patterns: [String]) -> Bool {
      patterns.contains { pattern in names.contains { Self.matches($0, pattern) } }
    }
    if isIn(deny) { return .never }
    if isIn(approve) { return .ask }
    if isIn(allow) { return .run }
    return isTrusted && tool.annotations.isReadOnly ? .run : .ask
  }

  /// Patterns that no tool fits: most likely a misspelling.
  func unused(among tools: [(server: String, name: String)]) -> [String] {
    (allow + approve + deny).filter { pattern in
      !tools.contains { Self.matches($0.name, pattern) || Self.matches("\($0.server).\($0.name)", pattern) }
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
