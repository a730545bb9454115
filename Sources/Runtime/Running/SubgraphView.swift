public import Graph
import OrderedCollections

/// Where a graph stands that runs, or ran, inside a task.
public struct SubgraphView: Sendable {
  public var record: CheckpointRecord

  /// With the writes of finished tasks of the super-step that did not end.
  public var values: JSONObject
  public var tasks: [TaskRecord]

  /// What runs, or ran, inside those.
  public var subgraphs: [TaskID: SubgraphView]

  /// Those inside `tasks` of `graph`, which is `nil` where its text can no longer be read.
  static func all(
    inside tasks: [TaskRecord], of thread: ThreadID, graph: StateGraph?, in store: any Checkpointer
  ) async throws -> [TaskID: SubgraphView] {
    guard !tasks.isEmpty else { return [:] }
    let known = Set(try await store.namespaces(of: thread))
    return try await all(inside: tasks, of: thread, graph: graph, in: store, known)
  }

  private static func all(
    inside tasks: [TaskRecord], of thread: ThreadID, graph: StateGraph?, in store: any Checkpointer,
    _ known: Set<String>
  ) async throws -> [TaskID: SubgraphView] {
    var views: [TaskID: SubgraphView] = [:]
    for task in tasks where known.contains(task.inside.path) {
      let namespace = task.inside.path
      guard let stored = try await store.checkpoint(nil, of: thread, namespace: namespace) else { continue }
      let inner = graph.flatMap { graph in graph.nodes[task.id.nodeName].flatMap(graph.subgraph) }
      let record = stored.record
      let due = record.due(with: try await store.tasks(of: thread, namespace: namespace, checkpoint: record.number))
      let values = inner.map { stored.values.adding(due, channels: $0.channels, thread: thread) }
      views[task.id] = SubgraphView(
        record: record, values: values ?? stored.values, tasks: due,
        subgraphs: try await all(inside: due, of: thread, graph: inner, in: store, known))
    }
    return views
  }

  /// `{namespace,checkpoint,step,values,next,tasks}`.
  public var json: JSON {
    [
      "namespace": .string(record.namespace), "checkpoint": .int(record.number), "step": .int(record.step),
      "values": .object(values), "next": .array(tasks.filter { !$0.isFinished }.map(\.id.nodeName.json)),
      "tasks": subgraphs.json(of: tasks),
    ]
  }
}

extension [TaskID: SubgraphView] {
  /// The tasks, each with what is inside of it as `subgraph`.
  func json(of tasks: [TaskRecord]) -> JSON {
    .array(
      tasks.map { task in
        guard case .object(var object) = task.json, let inside = self[task.id] else { return task.json }
        object["subgraph"] = inside.json
        return .object(object)
      })
  }
}

extension CheckpointRecord {
  /// The tasks that are due here, as `known` has them.
  func due(with known: [TaskRecord]) -> [TaskRecord] {
    let known = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    return agenda.due.enumerated().map { ordinal, due in
      known[due.id]
        ?? TaskRecord(id: due.id, checkpoint: number, ordinal: ordinal, isFanOut: due.item != nil, status: .pending)
    }
  }
}
