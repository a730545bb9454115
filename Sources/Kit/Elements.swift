public import Graph
import GraphNodes
public import GraphRuntime
import OrderedCollections

extension Channel: GraphElement {
  public func add(to draft: inout GraphDraft) {
    if mayBeAbsent, !(Value.self is any OptionalValue.Type) {
      draft.mistakes.append("channel \(name): it may be absent; give it a default, or make it \(Value.self)?")
    }
    if draft.graph.channels.updateValue(definition, forKey: name) != nil {
      draft.mistakes.append("channel \(name): there are two of this name")
    }
  }
}

/// Tells optionals from other types.
private protocol OptionalValue {}
extension Optional: OptionalValue {}
extension JSON: OptionalValue {}

extension Node: GraphElement {
  public func add(to draft: inout GraphDraft) {
    if draft.graph.nodes.updateValue(self, forKey: name) != nil {
      draft.mistakes.append("node \(name): there are two of this name")
    }
    code?.inner?.add(to: &draft, for: name)
  }
}

/// Where a run begins.
public struct Start: GraphElement {
  private let routes: Routes

  public init(_ targets: Route.Target...) { routes = .plain(targets) }

  /// The way of the first route that matches; the last must always match.
  public init(_ first: Route, _ others: Route...) { routes = Routes([first] + others) }

  public func add(to draft: inout GraphDraft) {
    if !draft.graph.start.routes.isEmpty { draft.mistakes.append("start: there are two") }
    draft.graph.start = routes
  }
}

/// What programs and parent graphs get back; without any it is all channels.
public struct Output: GraphElement {
  private let name: String
  private let field: Field

  /// The value of a channel under its own name.
  public init<Value>(_ channel: Channel<Value>) {
    let name = channel.name.rawValue
    self.init(name) { $0.values[name] ?? .null }
  }

  public init<Value: Encodable & SendableMetatype>(_ name: String, _ value: @escaping @Sendable (State) throws -> Value)
  {
    self.name = name
    field = .expression(Expression { try Coding.json(try value(State($0))) })
  }

  public func add(to draft: inout GraphDraft) {
    if draft.graph.outputs?[name] != nil { draft.mistakes.append("output \(name): there are two of this name") }
    draft.graph.outputs = draft.graph.outputs ?? [:]
    draft.graph.outputs?[name] = field
  }
}

/// Environment variables whose values are secret: masked wherever they would show.
public struct Secrets: GraphElement {
  private let names: [String]

  public init(_ names: String...) { self.names = names }

  public func add(to draft: inout GraphDraft) { draft.graph.secrets += names }
}

/// Environment variables that expressions may read as `$env`.
public struct Environment: GraphElement {
  private let names: [String]

  public init(_ names: String...) { self.names = names }

  public func add(to draft: inout GraphDraft) { draft.graph.environment += names }
}

/// An MCP server, as a graph file describes it.
public struct Server: GraphElement {
  private let name: String
  private let fields: Field

  public init(_ name: String, _ fields: Field) {
    self.name = name
    self.fields = fields
  }

  public func add(to draft: inout GraphDraft) { draft.graph.servers[name] = fields }
}

/// Code for nodes of a graph file: `score: {swift: rate}` runs `Function("rate")`.
///
/// What it returns is the node's result, for `save` and `$result`.
public struct Function: GraphElement {
  private let name: String
  private let body: SwiftBody

  public init<Result: Encodable & SendableMetatype>(
    _ name: String, _ body: @escaping @Sendable (State, TaskContext) async throws -> Result
  ) {
    self.name = name
    self.body = SwiftBody { task in .result(try Coding.json(try await body(State(task.scope), task))) }
  }

  public init<Result: Encodable & SendableMetatype>(
    _ name: String, _ body: @escaping @Sendable (State) async throws -> Result
  ) {
    self.init(name) { state, _ in try await body(state) }
  }

  public func add(to draft: inout GraphDraft) {
    if draft.functions.updateValue(body, forKey: name) != nil {
      draft.mistakes.append("function \(name): there are two of this name")
    }
  }
}
