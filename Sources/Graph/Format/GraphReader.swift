/// Reads `.graph` files: YAML 1.2 core, checked in one pass.
public struct GraphReader: Sendable {
  /// The node kinds a file may use.
  public var kinds: [NodeFormat]

  public init(kinds: [NodeFormat] = NodeFormat.builtIn) {
    self.kinds = kinds
  }

  /// Reads and validates the file at `path`.
  ///
  /// - Throws: when the file cannot be read at all; mistakes in it are problems, not throws.
  public func read(contentsOf path: String) throws -> Reading {
    fatalError()
  }

  /// Reads and validates `text` as if it were the file at `path` (absolute; `nil`: no file, nothing relative can be named).
  public func read(_ text: String, path: String? = nil) -> Reading {
    fatalError()
  }
}

/// What reading a file gave.
public struct Reading: Sendable {
  /// `nil` when there is an error among the problems.
  public var graph: StateGraph?

  /// Every mistake and warning, by position.
  public var problems: [Problem]
}
