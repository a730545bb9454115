public import Graph

/// A node of a graph, which its tasks share: it has too many parts to be copied for each.
@usableFromInline
final class PlannedNode: Sendable {
  @usableFromInline
  let node: Node

  init(_ node: Node) { self.node = node }
}
