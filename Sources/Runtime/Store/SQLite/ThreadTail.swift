/// What the last commits of a thread left behind, so that the next need not look it up. It is good as long as the lease tells
/// that nobody else changed the thread since.
struct ThreadTail: Sendable {
  /// Whether anything may be noted down for a task; `nil` where that was not looked up.
  var hasNotes: Bool?

  /// The newest checkpoint of each namespace.
  private var lines: [String: Newest] = [:]

  struct Newest: Sendable {
    let number: Int
    let line: CheckpointLine
  }

  /// More namespaces than that are not remembered.
  private static let most = 64

  subscript(namespace: String) -> Newest? {
    get { lines[namespace] }
    set {
      if lines.count >= Self.most, lines[namespace] == nil { lines = [:] }
      lines[namespace] = newValue
    }
  }
}
