import Graph
import GraphRuntime

/// Members of a model's answer, which must be of their type where they are there.
extension JSON {
  /// `nil` where it is empty too.
  func part(text key: String) throws(NodeFailure) -> String? {
    switch self[key] {
    case nil, .null?, "": return nil
    case .string(let text)?: return text
    case let other?: throw Self.mistake(key, other)
    }
  }

  func part(object key: String) throws(NodeFailure) -> JSON? {
    switch self[key] {
    case nil, .null?: return nil
    case let object? where object.objectValue != nil: return object
    case let other?: throw Self.mistake(key, other)
    }
  }

  func part(list key: String) throws(NodeFailure) -> [JSON] {
    switch self[key] {
    case nil, .null?: return []
    case .array(let items)?: return items
    case let other?: throw Self.mistake(key, other)
    }
  }

  static func mistake(_ key: String, _ value: JSON) -> NodeFailure {
    NodeFailure(.protocol, "a part of the answer has \"\(key)\": \(value.summary), which is of the wrong type")
  }
}
