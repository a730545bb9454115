import Graph

/// What a resume goes on from, and how it changes the thread first.
struct Beginning {
  var header: ThreadRecord
  var position: StoredCheckpoint
  var tasks: [TaskRecord]

  /// Stored together with the resume's own beginning, or not at all.
  var changes: [StoreChange] = []
}

extension Engine {
  /// Where a resume begins: the head, or a branch from checkpoint `number`, with `update` applied. Nothing is stored yet, so
  /// that a resume that is refused leaves no trace.
  ///
  /// - Throws: ``RunRefusal`` where `graph` or `update` does not fit.
  func beginning(
    _ header: ThreadRecord, from number: Int?, _ update: StateUpdate, _ graph: StateGraph
  ) async throws -> Beginning {
    if let number {
      let position = try await forkPoint(header, number, update, graph)
      return Beginning(try await branch(header, from: position, update, source: .fork, graph: graph), graph)
    }
    guard let stored = try await store.checkpoint(nil, of: header.id, namespace: "") else {
      throw RunRefusal.unknownThread(header.id)
    }
    let position = stored.with(defaultsOf: graph)
    let tasks = try await knownTasks(header)
    if header.status != .done, header.graphHash != graph.record.hash {
      let old = try await earlierGraph(header)
      var objections = GraphChange.objections(to: graph, at: position, from: old, tasks: tasks)
      objections += try await objectionsInside(to: graph, at: position, tasks, from: old, of: header.id)
      guard objections.isEmpty else { throw RunRefusal.changedGraph(objections) }
    }
    guard !update.values.isEmpty else { return Beginning(header: header, position: position, tasks: tasks) }
    return Beginning(
      try await branch(header, from: position, update, source: .update, graph: graph, tasks: tasks), graph)
  }
}

extension Beginning {
  fileprivate init(_ branch: Engine.Branch, _ graph: StateGraph) {
    let stored = StoredCheckpoint(record: branch.checkpoint, values: branch.values)
    self.init(
      header: branch.header, position: stored.with(defaultsOf: graph), tasks: branch.tasks,
      changes: [.checkpoint(branch.checkpoint, values: branch.values)])
  }
}
