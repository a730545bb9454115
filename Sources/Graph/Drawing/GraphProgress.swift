/// How far a thread is with a graph, node by node, for a picture of it.
public struct GraphProgress: Sendable, Hashable {
  public enum State: String, Sendable, Hashable, CaseIterable {
    case done, skipped, due, running, waiting, failed
  }

  public struct Node: Sendable, Hashable {
    public var state: State

    /// A few words more: how long, how often.
    public var note: String

    public init(_ state: State, note: String = "") {
      self.state = state
      self.note = note
    }
  }

  /// Nodes that nothing led to yet are not in it.
  public var nodes: [NodeName: Node]

  public init(_ nodes: [NodeName: Node]) {
    self.nodes = nodes
  }
}

extension GraphProgress.State {
  /// One sign before a name.
  public var mark: String {
    switch self {
    case .done: "✓"
    case .skipped: "–"
    case .due: "○"
    case .running: "▸"
    case .waiting: "?"
    case .failed: "✗"
    }
  }

  /// What it is filled with, and its border.
  var colors: (fill: String, line: String) {
    switch self {
    case .done: ("#d3efd8", "#2f8a45")
    case .skipped: ("#eceff1", "#9aa5ad")
    case .due: ("#ffffff", "#2b6cb0")
    case .running: ("#d6e6fa", "#2b6cb0")
    case .waiting: ("#fff0c2", "#b7791f")
    case .failed: ("#fadad5", "#b3402e")
    }
  }
}

extension GraphProgress.Node {
  /// Mark and note, as a picture shows them.
  var shown: String { Drawing.plain(note.isEmpty ? state.mark : "\(state.mark) \(note)") }
}
