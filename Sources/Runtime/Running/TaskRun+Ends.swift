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
    let saved: [ChannelWrite]
    if let writes {
      saved = writes
    } else {
      saved = try await save(result, attempt: attempt)
    }
    for write in saved where run.plan.graph.channels[write.channel] == nil {
      throw NodeFailure(
        .undeclared, "it writes channel \"\(write.channel)\", which the graph does not declare; add it under state:")
    }
    guard let next = node.next else { return (saved, []) }
    let seen = try ownState(saved)
    var scope = run.scope(of: due, values: seen, step: step, attempt: attempt)
    scope.variables["result"] = result
    let choice = try await Evaluation.run(isImmediate: next.isImmediate) { [scope] in
      try next.choice(in: scope, from: "next")
    }
    run.onRoute(node.name, choice.index)
    return (saved, choice.triggers.map(run.mask.mask))
  }

  private func save(_ result: JSON, attempt: Int) async throws -> [ChannelWrite] {
    switch node.save {
    case nil: return []
    case .whole(let channel): return [ChannelWrite(channel, result)]
    case .parts(let parts):
      var scope = run.scope(of: due, values: values, step: step, attempt: attempt)
      scope.variables["result"] = result
      var writes: [ChannelWrite] = []
      for (channel, field) in parts {
        writes.append(ChannelWrite(channel, run.mask.mask(try await evaluate(field, scope, key: "save.\(channel)"))))
      }
      return writes
    }
  }

  /// The state with this task's own writes and no sibling's, as far as its routes look; all of the writes have to fit.
  private func ownState(_ writes: [ChannelWrite]) throws -> JSONObject {
    guard !writes.isEmpty, let reads = run.plan.routeReads[node.name] else { return values }
    let fold = StateFold(channels: run.plan.graph.channels, thread: run.thread)
    let entries = writes.map { StateFold.Entry(task: 0, id: due.id, writer: node.name.rawValue, write: $0) }
    do {
      var places = messages
      let changes = try fold.changes(entries, in: values, &places, ends: false)
      var seen = values
      changes.filter { reads.contains($0.delta.channel.rawValue) }.apply(to: &seen)
      return seen
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
      node: node.name, kind: failure.kind, message: run.mask.mask(failure.message),
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
