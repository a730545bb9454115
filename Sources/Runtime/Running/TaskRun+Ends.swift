import Graph
import OrderedCollections

extension TaskRun {
  /// Works out what the result writes and where it leads; the task is then `status`.
  func finish(
    _ record: inout TaskRecord, _ status: TaskStatus, result: JSON, writes: [ChannelWrite]?, cacheKey: String? = nil
  ) async throws {
    record.result = result
    let landing = try await landing(of: result, writes: writes, attempt: max(1, record.attempts))
    record.writes = landing.writes
    record.triggers = landing.triggers
    record.status = status
    record.error = nil
    record.handler = nil
    record.notBefore = nil
    record.kept = nil
    if let cacheKey, status == .done {
      let now = run.clock.now()
      let expires = node.cache?.ttl.map { Timestamp(milliseconds: now.milliseconds + Int($0.seconds * 1000)) }
      try await run.ledger.write([
        .cache(
          CacheRecord(
            key: cacheKey, thread: run.thread, node: node.name, result: result, created: now, expires: expires))
      ])
    }
  }

  private func landing(
    of result: JSON, writes: [ChannelWrite]?, attempt: Int
  ) async throws -> (writes: [ChannelWrite], triggers: [Trigger]) {
    let saved = try await Evaluation.run(isImmediate: writes != nil || node.save?.isImmediate != false) {
      try landed(result, writes, attempt: attempt)
    }
    guard let next = node.next else { return (saved, []) }
    let state = try ownState(saved)
    let triggers = try await Evaluation.run(isImmediate: next.isImmediate) {
      try run.triggers(of: next, from: due, on: state, result: result, step: step, attempt: attempt)
    }
    return (saved, triggers)
  }

  /// What the result writes, all of it to channels that there are.
  func landed(_ result: JSON, _ writes: [ChannelWrite]?, attempt: Int) throws(NodeFailure) -> [ChannelWrite] {
    let saved = if let writes { writes } else { try save(result, attempt: attempt) }
    for write in saved where !run.plan.graph.channels.keys.contains(write.channel) {
      throw NodeFailure(
        .undeclared, "it writes channel \"\(write.channel)\", which the graph does not declare; add it under state:")
    }
    return saved
  }

  private func save(_ result: JSON, attempt: Int) throws(NodeFailure) -> [ChannelWrite] {
    switch node.save {
    case nil: return []
    case .whole(let channel): return [ChannelWrite(channel, result)]
    case .parts(let parts):
      var scope = run.scope(of: due, values: values, step: step, attempt: attempt)
      scope.variables["result"] = result
      var writes: [ChannelWrite] = []
      for (channel, field) in parts {
        do {
          writes.append(ChannelWrite(channel, run.mask.mask(try field.evaluate(in: scope))))
        } catch {
          throw NodeFailure(error, key: "save.\(channel)")
        }
      }
      return writes
    }
  }

  /// The state with this task's own writes and no sibling's, as far as its routes look; all of the writes have to fit.
  private func ownState(_ writes: [ChannelWrite]) throws -> JSONObject {
    guard !writes.isEmpty else { return values }
    let entries = writes.map { StateFold.Entry(task: 0, id: due.id, writer: node.name.rawValue, write: $0) }
    do {
      var places = messages
      return run.plan.state(values, after: try run.fold.changes(entries, in: values, &places, ends: false), for: node)
    } catch {
      throw NodeFailure(error.all[0].kind, error.all[0].message)
    }
  }

  func fail(_ record: inout TaskRecord, _ failure: NodeFailure) {
    record.status = .failed
    record.error = taskError(failure)
    record.result = record.error?.result
    record.notBefore = nil
    record.handler = node.onError
    record.surface(failure.surfaced)
    record.forgetAnswers(after: failure.kind, of: run.kinds[node.kind], node)
  }

  func taskError(_ failure: NodeFailure) -> TaskError {
    TaskError(
      node: node.name, task: due.item.map { _ in output.label }, kind: failure.kind,
      message: run.mask.mask(failure.message),
      result: failure.result.map(run.mask.mask))
  }

  func ask(_ waiting: Waiting, _ record: inout TaskRecord) {
    record.status = .waiting
    record.surface(waiting.questions.compactMap(\.prompt.surfaced))
    for (key, prompt) in waiting.questions where prompt.surfaced == nil {
      record.questions.append(
        Question(
          id: TaskKey.question(run.thread, due.id, number: record.questions.count), kind: prompt.kind, key: key,
          prompt: run.mask.mask(prompt.text), choices: prompt.choices?.map(run.mask.mask),
          schema: prompt.schema.map(run.mask.mask)))
    }
  }
}
