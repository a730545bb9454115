/// A place in a file, 1-based; columns count characters.
public struct SourcePosition: Sendable, Hashable, Comparable {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

/// A mistake in a graph file, or something worth a warning.
public struct Problem: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable {
    case error, warning
  }

  public var severity: Severity

  /// The included file it is in, relative to the folder of the graph that was read; `nil` is that graph itself.
  public var file: String?
  public var position: SourcePosition
  public var message: String

  /// What to do about it: "did you mean …", or the fix.
  public var hint: String?

  public init(_ severity: Severity = .error, at position: SourcePosition, _ message: String, hint: String? = nil) {
    self.severity = severity
    self.position = position
    self.message = message
    self.hint = hint
  }

  /// Problems beyond so many get no hint: looking for what was meant takes time, and such a file is no graph.
  static let hinted = 100
}

extension Problem: CustomStringConvertible {
  public var description: String {
    let place = "\(position.line):\(position.column): \(severity.rawValue): \(message)"
    return hint.map { "\(place) (\($0))" } ?? place
  }

  /// `file:line:column: error: message (hint)`, which editors and terminals make a link of; `file` is the graph that
  /// was read.
  public func description(in file: String) -> String { "\(path(from: file)):\(self)" }

  /// Where the problem is, when the graph that was read is at `path`.
  public func path(from path: String) -> String {
    guard let file else { return path }
    guard let end = path.lastIndex(of: "/") else { return file }
    return path[...end] + file
  }
}
