/// What a node kind's fields look like in a file: the reader, the JSON Schema and the documentation come from this one description.
public struct NodeFormat: Sendable {
  public var kind: String

  public init(kind: String) {
    self.kind = kind
  }

  /// `set`, `shell`, `verify`, `http`, `ask`, `wait`.
  public static let builtIn: [NodeFormat] = []
}
