import Graph
import GraphRuntime
import OrderedCollections

/// The tools of a server at one time.
struct MCPToolList: Sendable {
  static let mostTools = 1000
  static let mostPages = 100

  private(set) var byName: OrderedDictionary<String, MCPTool> = [:]

  /// Why tools were left out.
  private(set) var warnings: [String] = []

  /// Until when the server says the list is good.
  private(set) var expiry = ContinuousClock.now

  var tools: [MCPTool] { Array(byName.values) }
  var isFresh: Bool { .now < expiry }

  subscript(name: String) -> MCPTool? { byName[name] }

  /// Asks for all pages; `limit` bounds the whole.
  static func fetch(from connection: MCPConnection, limit: Duration) async throws -> MCPToolList {
    let server = connection.wire.server
    let list = try await withDeadline(.now + limit) {
      var list = MCPToolList()
      try await list.fetch(from: connection, limit: limit)
      return list
    }
    guard let list else {
      throw NodeFailure(
        .timeout, "\(server) did not list its tools within \(limit.readable)", precedesEffect: true)
    }
    return list
  }

  private mutating func fetch(from connection: MCPConnection, limit: Duration) async throws {
    let server = connection.wire.server
    var cursors: Set<JSON> = []
    var cursor: JSON?
    repeat {
      guard cursors.count < Self.mostPages else {
        throw Self.limitFailure("\(server) lists its tools on more than \(Self.mostPages) pages")
      }
      let params: JSONObject = cursor.map { ["cursor": $0] } ?? [:]
      let manner = MCPWire.Manner(agreement: connection.agreement, limit: limit)
      let page: JSONObject
      do {
        page = try await connection.wire.request("tools/list", params, manner)
      } catch let error as MCPRequestError where error.code == MCPRequestError.methodNotFound {
        return
      }
      try take(page, from: connection)
      cursor = try Self.cursor(of: page, from: server)
      if let cursor, !cursors.insert(cursor).inserted {
        throw MCPShape.failure(server, "the pages of its tools go round in a circle")
      }
    } while cursor != nil
  }

  private mutating func take(_ page: JSONObject, from connection: MCPConnection) throws {
    let (server, mask) = (connection.wire.server, connection.wire.transport.mask)
    guard let items = page["tools"]?.arrayValue else {
      throw MCPShape.failure(server, "tools in its answer to tools/list is no list")
    }
    guard byName.count + items.count <= Self.mostTools else {
      throw Self.limitFailure("\(server) lists more than \(Self.mostTools) tools")
    }
    for item in items {
      do {
        var tool = try MCPTool(item)
        tool.description = tool.description.map(mask.mask)
        tool.title = tool.title.map(mask.mask)
        if connection.mirrorsArguments { try tool.checkMirror() }
        guard byName[tool.name] == nil else {
          throw MCPTool.Refusal(name: tool.name, reason: "another tool has the same name")
        }
        byName[tool.name] = tool
      } catch var refusal as MCPTool.Refusal {
        refusal.name = mask.mask(refusal.name)
        warnings.append(refusal.description)
      }
    }
    let milliseconds = min(max(0, page["ttlMs"]?.intValue ?? 0), 3_600_000)
    expiry = .now + .milliseconds(milliseconds)
  }

  private static func cursor(of page: JSONObject, from server: String) throws -> JSON? {
    guard let cursor = page["nextCursor"], cursor != .null else { return nil }
    guard cursor.stringValue != nil else {
      throw MCPShape.failure(server, "nextCursor in its answer to tools/list is no string")
    }
    return cursor
  }

  private static func limitFailure(_ message: String) -> NodeFailure {
    NodeFailure(.limit, message, precedesEffect: true)
  }

  /// Nobody knows a tool called `name`.
  func unknown(_ name: String, server: String) -> NodeFailure {
    let hint = Suggestion.hint(for: name, in: byName.keys.elements, listing: 30)
    let known = hint.map { " (\($0))" } ?? ""
    let dropped = warnings.first { $0.hasPrefix("\"\(name)\"") }.map { "; \($0)" } ?? ""
    return NodeFailure(.tool, "\(server) has no tool \"\(name)\"\(known)\(dropped)", precedesEffect: true)
  }
}

extension MCPTool {
  /// Why a tool must not be used.
  struct Refusal: Error, CustomStringConvertible {
    var name: String
    var reason: String

    var description: String { "\"\(name.prefix(128))\" is left out: \(reason)" }
  }

  /// A tool as `tools/list` describes it.
  init(_ item: JSON) throws(Refusal) {
    guard let name = item["name"]?.stringValue else {
      throw Refusal(name: item["name"]?.summary ?? "a tool", reason: "it has no name")
    }
    guard Self.isName(name) else {
      throw Refusal(name: name, reason: "a tool's name is letters, digits, _, -, . and /, at most 128")
    }
    guard let schema = item["inputSchema"], schema.objectValue != nil else {
      throw Refusal(name: name, reason: "its inputSchema is no schema")
    }
    do throws(JSONSchemaError) {
      parameters = try ForeignSchema(schema)
    } catch {
      throw Refusal(name: name, reason: "its inputSchema cannot be used: \(error)")
    }
    if let type = parameters.inlined["type"], type != "object" {
      throw Refusal(name: name, reason: "its inputSchema is not that of an object")
    }
    self.name = name
    title = item["title"]?.stringValue ?? item["annotations"]?["title"]?.stringValue
    description = item["description"]?.stringValue
    inputSchema = schema
    outputSchema = item["outputSchema"].flatMap { $0.objectValue == nil ? nil : $0 }
    annotations = Annotations(item["annotations"])
  }

  /// Who reads the header fields of a request must not be led to believe that it says something else than its body.
  func checkMirror() throws(Refusal) {
    do throws(MCPMirror.Mistake) {
      _ = try MCPMirror(inputSchema)
    } catch {
      throw Refusal(name: name, reason: error.reason)
    }
  }

  /// No path and nothing a shell knows: names get into messages, files and other programs.
  static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && !text.contains("..") && text.first != "/"
      && text.unicodeScalars.allSatisfy { $0.isASCIIWord || "-./".unicodeScalars.contains($0) }
  }
}
