import Graph
import OrderedCollections

extension Engine {
  /// Why the thread cannot go on with `graph` inside the tasks that it is in the middle of; empty when it can.
  ///
  /// - Parameters:
  ///   - position: where the graph that has `tasks` due stands.
  ///   - old: that graph as it was so far.
  func objectionsInside(
    to graph: StateGraph, at position: StoredCheckpoint, _ tasks: [TaskRecord], from old: StateGraph?,
    of thread: ThreadID
  ) async throws -> [String] {
    var objections: [String] = []
    let finished = Set(tasks.filter(\.isFinished).map(\.id))
    for due in position.record.agenda.due where !finished.contains(due.id) {
      guard let node = graph.nodes[due.id.nodeName], let inner = graph.subgraph(of: node) else { continue }
      let namespace = Namespace(inside: due.id, isFanOut: due.item != nil).path
      guard let stored = try await store.checkpoint(nil, of: thread, namespace: namespace) else { continue }
      let before = old.flatMap { old in old.nodes[node.name].flatMap(old.subgraph) }
      let begun = try await store.tasks(of: thread, namespace: namespace, checkpoint: stored.record.number)
      let there = stored.with(defaultsOf: inner)
      let found =
        try await GraphChange.objections(to: inner, at: there, from: before, tasks: begun)
        + objectionsInside(to: inner, at: there, begun, from: before, of: thread)
      objections += found.map { "\(due.id.label(fanOut: due.item != nil)): \($0)" }
    }
    return objections
  }
}
