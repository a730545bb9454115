public import Graph
import GraphNodes
public import GraphRuntime

/// What a node, a route or a condition made in Swift sees: the channels, and what led there.
public struct State: Sendable {
  let scope: Scope

  public init(_ scope: Scope) {
    self.scope = scope
  }

  /// The channel's value. The graph must have the channel.
  public subscript<Value>(_ channel: Channel<Value>) -> Value { scope.state.typed(channel) }

  /// The fan-out's item this task is for.
  ///
  /// - Throws: ``NodeFailure`` of kind `type` where it is no `Item`, or the task is none of a fan-out.
  public func item<Item: Decodable>(_ type: Item.Type = Item.self) throws -> Item {
    guard let item = scope.variables["item"] else {
      throw NodeFailure(.type, "there is no item: no route with each led here")
    }
    do {
      return try Coding.value(type, from: item)
    } catch {
      throw NodeFailure(.type, "the item is no \(type): \(error)")
    }
  }

  /// The item's place in the sender's list.
  public var index: Int? { scope.variables["index"]?.intValue }

  /// The result of the node that a route leaves; `nil` elsewhere.
  public var result: JSON? { scope.variables["result"] }

  /// What failed, in a node that `onError` led to.
  public var error: JSON? { scope.variables["error"] }

  /// All that failed into this node.
  public var errors: [JSON] { scope.variables["errors"]?.arrayValue ?? [] }

  /// Every channel that has a value, as it is stored.
  public var values: JSONObject { scope.state }
}

extension JSONObject {
  /// The value of a channel of the graph, which the engine has held to its type.
  func typed<Value>(_ channel: Channel<Value>) -> Value {
    do {
      return try Coding.value(Value.self, from: self[channel.name.rawValue] ?? .null)
    } catch {
      preconditionFailure("channel \(channel.name) is none of this graph, or another of the same name is: \(error)")
    }
  }
}

extension RunEnd {
  /// The channel's value at the run's end.
  public subscript<Value>(_ channel: Channel<Value>) -> Value { values.typed(channel) }
}

extension Snapshot {
  /// The channel's value at this checkpoint.
  public subscript<Value>(_ channel: Channel<Value>) -> Value { values.typed(channel) }
}
