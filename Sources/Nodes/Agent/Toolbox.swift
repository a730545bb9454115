import Graph
import GraphRuntime
import OrderedCollections

/// The tools of an agent's servers under the names that its model knows them by.
struct Toolbox: Sendable {
  /// A tool and who has it.
  struct Entry: Sendable {
    let session: MCPSession
    let tool: MCPTool
    let verdict: ToolPermissions.Verdict

    var server: String { session.name }

    /// Calling it again does no harm, says a server that the graph trusts.
    var mayRepeat: Bool { session.configuration.isTrusted && tool.annotations.mayRepeat }
  }

  private var entries: OrderedDictionary<String, Entry> = [:]

  /// Starts the servers that do not run yet and asks them for their tools.
  init(servers: [String], permissions: ToolPermissions, task: TaskContext) async throws {
    var found: [Entry] = []
    for server in OrderedSet(servers) {
      let session = try await task.server(server)
      for tool in try await session.tools() {
        let verdict = permissions.verdict(on: tool, of: server, isTrusted: session.configuration.isTrusted)
        found.append(Entry(session: session, tool: tool, verdict: verdict))
      }
      for warning in session.takeWarnings() { task.print("\(warning)\n", to: .stderr) }
    }
    let unused = permissions.unused(among: found.map { ($0.server, $0.tool.name) })
    if !unused.isEmpty {
      task.print("tools: no tool is called \(unused.joined(separator: ", "))\n", to: .stderr)
    }
    self.init(found)
  }

  init(_ found: [Entry]) {
    let shared = Dictionary(grouping: found, by: { Self.name($0.tool.name) }).filter { $1.count > 1 }.keys
    for entry in found {
      let short = Self.name(entry.tool.name)
      let wanted = shared.contains(short) ? Self.name("\(entry.server)__\(entry.tool.name)") : short
      var (name, number) = (wanted, 1)
      while entries[name] != nil {
        number += 1
        name = "\(wanted.prefix(Self.longestName - 8))_\(number)"
      }
      entries[name] = entry
    }
  }

  /// A name as models may use it: letters, digits, `_` and `-`, at most 64.
  static func name(_ name: String) -> String {
    let allowed = name.unicodeScalars.map { scalar -> Character in
      scalar.isASCIIWord || scalar == "-" ? Character(scalar) : "_"
    }
    return String(allowed.prefix(longestName))
  }

  private static let longestName = 64

  /// What the model is told of; tools it may never call are left out.
  var offered: [ChatTool] {
    entries.filter { $0.value.verdict != .never }.map { name, entry in
      ChatTool(
        name: name, description: Self.readable(entry.tool.description ?? entry.tool.title ?? ""),
        parameters: entry.tool.parameters.inlined)
    }
  }

  /// What the model means by `name`: the name it was told, or `SERVER.TOOL`.
  subscript(name: String) -> Entry? {
    entries[name] ?? entries.values.first { "\($0.server).\($0.tool.name)" == name }
  }

  /// The same tool as its server describes it now.
  func current(_ entry: Entry) async throws -> Entry? {
    guard let tool = try await entry.session.tools(anew: true).first(where: { $0.name == entry.tool.name }) else {
      return nil
    }
    return Entry(session: entry.session, tool: tool, verdict: entry.verdict)
  }

  private static let longestDescription = 4096

  /// A description without what a terminal or a reader would be deceived by: such characters are spelled out.
  private static func readable(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(longestDescription).map { scalar -> String in
      switch scalar.properties.generalCategory {
      case .control where scalar != "\n" && scalar != "\t", .format, .privateUse, .surrogate, .lineSeparator,
        .paragraphSeparator:
        "\\u{\(String(scalar.value, radix: 16))}"
      default: String(scalar)
      }
    }
    return scalars.joined()
  }
}
