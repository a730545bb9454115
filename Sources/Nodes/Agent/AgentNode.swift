public import Graph
public import GraphRuntime
import OrderedCollections

/// Lets a language model use tools of MCP servers until it answers.
///
/// Every reply of the model and every result of a tool is written down as it comes: an attempt goes on where an
/// earlier one stopped, also after a crash, and asks nothing and calls nothing again that has ended.
public struct AgentNode: NodeKind {
  public let name = "agent"

  public init() {}

  public func channels(writtenBy node: Node) -> Set<ChannelName>? { node.save?.channels ?? [] }

  /// The node knows itself what of it may not happen again: a call whose end is not known is asked about by itself.
  public func effectClass(of node: Node) -> EffectClass { .repeatable }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    let fields = NodeFields(task)
    let setup = try await ModelFields(fields)
    let limits = try await AgentLimits(fields)
    let servers = try await Self.servers(fields)
    let questions = try await ServerPin.questions(for: servers, task)
    guard questions.isEmpty else { return .ask(questions) }
    let toolbox = try await Toolbox(
      servers: servers, permissions: ToolPermissions(fields, servers: servers), task: task)
    let conversation = AgentConversation(
      task: task, setup: setup, toolbox: toolbox, limits: limits, notes: try await task.remembered())
    return try await conversation.run()
  }

  public func surroundings(of task: TaskContext) async throws -> [JSON] {
    let fields = NodeFields(task)
    var parts: [JSON] = [.string(task.folder)]
    for server in try await Self.servers(fields) {
      let session = try await task.server(server)
      parts += [.string(server), task.servers[server]?.outline ?? .null, session.configuration.entry ?? .null]
    }
    return parts
  }

  /// The servers named, or all of the graph's.
  private static func servers(_ fields: NodeFields) async throws -> [String] {
    guard let names = try await fields.arguments("servers") else { return Array(fields.task.servers.keys) }
    return names
  }
}

/// What bounds an agent besides its time.
struct AgentLimits: Sendable {
  /// Replies of the model.
  var turns: Int

  /// Calls of tools in all turns.
  var calls: Int

  /// Tokens that all turns may take, as the model's server counts them; `nil` is no bound.
  var tokens: Int?

  /// Bytes of a tool's result that the model sees.
  var resultBytes: Int

  /// More calls than this in one reply are none that a model means.
  static let callsPerTurn = 64

  init(_ fields: NodeFields) async throws {
    turns = try await fields.count("max-turns") ?? 20
    calls = try await fields.count("max-calls") ?? 100
    tokens = try await fields.count("max-tokens")
    resultBytes = try await fields.count("limit") ?? 32 << 10
  }
}

extension NodeFields {
  fileprivate func count(_ key: String) async throws -> Int? {
    guard let value = try await value(key), value != .null else { return nil }
    guard let number = value.intValue, number > 0 else { throw failure(key, "\(value.summary) is no number above 0") }
    return number
  }
}
