public import Graph
import OrderedCollections

/// What a graph that ran inside a node gave back: its outputs, or where it declares none all its channels.
public struct Outputs: Sendable {
  public let values: JSONObject

  /// The output of a channel of the graph inside, under its own name. There must be one.
  public subscript<Value>(_ channel: Channel<Value>) -> Value { values.typed(channel) }
}

extension Node {
  /// A node that runs another graph inside its task. It has a state, checkpoints and questions of its own, and goes on inside
  /// after a crash or an answer. No channel crosses but what is said: `inputs` writes to channels inside what it finds in the
  /// state outside, and ``save(_:from:)`` brings outputs back.
  ///
  /// ```swift
  /// Node("review", running: review) { state in text.write(state[draft]) }
  ///   .save(rating, from: score)
  /// ```
  public init(
    _ name: NodeName, running graph: StateGraph, description: String? = nil,
    @WriteBuilder inputs: @escaping @Sendable (State) throws -> [Write]
  ) {
    let values = Expression { scope in .object(try Self.inputs(try inputs(State(scope)))) }
    self.init(
      name, kind: NodeFormat.graphKind,
      fields: ["file": .literal(.string(graph.name)), "inputs": .expression(values)], description: description)
    code = NodeCode(InnerGraph(graph: graph))
  }

  /// The same for a graph that needs no inputs.
  public init(_ name: NodeName, running graph: StateGraph, description: String? = nil) {
    self.init(name, running: graph, description: description) { _ in }
  }

  private static func inputs(_ writes: [Write]) throws -> JSONObject {
    var inputs = JSONObject()
    for write in try writes.map({ try $0.checked() }) {
      guard inputs[write.channel.rawValue] == nil else {
        throw InputMistake(description: "the input \(write.channel) is given twice")
      }
      inputs[write.channel.rawValue] = write.value
    }
    return inputs
  }

  /// Stores an output of the graph that the node runs: `inner` is one of that graph's channels.
  public func save<Value>(_ channel: Channel<Value>, from inner: Channel<Value>) -> Node {
    let name = inner.name.rawValue
    return saving(channel, Expression { $0.variables["result"]?[name] ?? .null }).withOutput(name)
  }

  /// Stores a value that is made of the outputs of the graph that the node runs.
  public func save<Value>(_ channel: Channel<Value>, _ value: @escaping @Sendable (Outputs) throws -> Value) -> Node {
    saving(
      channel, Expression { try Coding.json(try value(Outputs(values: $0.variables["result"]?.objectValue ?? [:]))) })
  }

  private func saving<Value>(_ channel: Channel<Value>, _ value: Expression) -> Node {
    with { node in
      var parts = node.save?.parts ?? [:]
      parts[channel.name] = .expression(value)
      node.save = .parts(parts)
    }
  }

  /// Notes that the graph inside has to give `output`.
  private func withOutput(_ output: String) -> Node {
    with { node in
      guard var inner = node.code?.inner else {
        preconditionFailure("node \(node.name): what is saved from a graph is for nodes that run one")
      }
      inner.outputs.append(output)
      node.code = NodeCode(inner)
    }
  }
}

/// A graph made in Swift as the node that runs it brings it along.
struct InnerGraph: Sendable {
  var graph: StateGraph

  /// The outputs that the node saves.
  var outputs: [String] = []

  /// Puts it into the graph of `node`.
  func add(to draft: inout GraphDraft, for node: NodeName) {
    let known = graph.outputs.map { Array($0.keys) } ?? graph.channels.keys.map(\.rawValue)
    draft.mistakes += outputs.filter { !known.contains($0) }.map {
      "node \(node): the graph \(graph.name) gives no \($0); it gives \(known.joined(separator: ", "))"
    }
    let other = draft.graph.subgraphs.updateValue(graph, forKey: graph.name)
    if let other, other.source != graph.source {
      draft.mistakes.append("node \(node): another node runs another graph of the name \(graph.name)")
    }
  }
}

extension NodeCode {
  var inner: InnerGraph? { body as? InnerGraph }
}

private struct InputMistake: Error, CustomStringConvertible {
  var description: String
}
