import Graph

extension TaskPool.Work {
  /// Wakes the pool when a task has ended that ran ahead.
  func watchAhead(in group: inout TaskGroup<TaskPool.Signal>) {
    guard let ahead, pool.due.count > 1 || !ahead.running.isEmpty else { return }
    group.addTask { [crew = ahead.crew] in
      await crew.waitForEnd()
      return .endedAhead
    }
  }

  /// Starts what need not wait for the end of this super-step.
  mutating func startAhead(in group: inout TaskGroup<TaskPool.Signal>) async {
    while true {
      let starts = startsAhead()
      guard !starts.isEmpty else { return }
      await pool.context.options.beforeStep?()
      do throws(StoreError) {
        guard try await begin(starts) else { return }
      } catch {
        return fail(error, in: &group)
      }
    }
  }

  private func startsAhead() -> [Foresight.Start] {
    // What leads to a task is stored before it begins.
    guard let ahead, running > 0, mayStart, tasks.count <= Foresight.widest, unstored.isEmpty, !isStoring,
      !ahead.hasFailed, ahead.depth > 0,
      tasks.indices.allSatisfy({ tasks[$0].isFinished || inProgress.contains($0) })
    else { return [] }
    return ahead.foresight.starts(
      Foresight.Present(
        agenda: pool.agenda, tasks: tasks, values: pool.values, thread: pool.context.thread,
        head: pool.head, ended: ahead.ended, known: ahead.known, depth: ahead.depth))
  }

  /// - Returns: whether one of them had ended in an earlier run, so that there may be more to start.
  private mutating func begin(_ starts: [Foresight.Start]) async throws(StoreError) -> Bool {
    var isFurther = false
    var begun: [(start: Foresight.Start, record: TaskRecord)] = []
    for start in starts {
      let record = try await record(of: start)
      if record.hasEndedWell {
        ahead?.keep(record)
        isFurther = true
      } else {
        begun.append((start, record))
      }
    }
    for (distance, group) in Dictionary(grouping: begun, by: \.start.distance).sorted(by: { $0.key < $1.key }) {
      pool.context.ledger.tell(.stepStart(step: pool.step + distance, nodes: group.map(\.record.id.nodeName)))
    }
    for (start, record) in begun {
      let run = pool.taskRun(start.due, record, start.values, MessagePlaces(), step: pool.step + start.distance)
      ahead?.start(run, from: record)
    }
    return isFurther
  }

  /// How the task ended in an earlier run, if it saw the same there; else its beginning.
  private func record(of start: Foresight.Start) async throws(StoreError) -> TaskRecord {
    let id = start.due.id
    guard let ahead, let seen = ahead.foresight.seen(by: start.due, in: start.values) else {
      preconditionFailure("what is started ahead sees only what is known")
    }
    let run = pool.context.fence.number
    if var kept = try await ahead.earlier(id, in: pool.context, head: pool.head), kept.ahead?.seen == seen {
      kept.ahead?.run = run
      return kept
    }
    var record = TaskRecord(
      id: id, checkpoint: pool.head + start.distance, ordinal: 0, isFanOut: start.due.item != nil, status: .pending)
    record.ahead = AheadMark(seen: seen, head: pool.head, run: run)
    return record
  }

  /// Takes in what has ended that was started ahead, now or by the pool of an earlier super-step.
  mutating func takeAhead(in group: inout TaskGroup<TaskPool.Signal>) {
    for end in ahead?.crew.takeEnds() ?? [] {
      if let index = joined.first(where: { pool.due[$0].id == end.id }) {
        joined.remove(index)
        ahead?.joined(end.id)
        takeJoined(index, end, in: &group)
      } else {
        keep(end, in: &group)
      }
    }
    store(in: &group)
  }

  /// A task has ended whose super-step has come since it was started.
  private mutating func takeJoined(
    _ index: Int, _ end: AheadCrew.End, in group: inout TaskGroup<TaskPool.Signal>
  ) {
    switch end.result {
    case .failure: take(index, end.result, end.others, in: &group)
    case .success(.stopped(let record)):
      take(index, .success(.stopped(record.inPlace(of: tasks[index]))), end.others, in: &group)
      // How many attempts it made is kept in a note only.
      if record.waitsForRetry { unstored.append(TaskPool.Ended(index: index)) }
    case .success(.ended(let record)):
      let isRight = ahead?.foresight.holds(record, of: pool.due[index], in: pool.values, step: pool.step) ?? false
      if isRight {
        take(index, .success(.ended(record.inPlace(of: tasks[index]))), end.others, in: &group)
      } else if mayGoOn {
        leave(index)
        start(index, in: &group)
      } else {
        take(index, .success(.stopped(tasks[index])), end.others, in: &group)
      }
    }
  }

  /// A task has ended whose super-step is still to come. What is not whole is left for its turn.
  private mutating func keep(_ end: AheadCrew.End, in group: inout TaskGroup<TaskPool.Signal>) {
    switch end.result {
    case .failure(let error):
      ahead?.giveUp(end.id)
      fail(error, in: &group)
    case .success(.ended(let record)) where record.status != .waiting:
      pool.context.onLife()
      keep(record, end.others)
    case .success:
      ahead?.giveUp(end.id)
      if !end.others.isEmpty { unstored.append(TaskPool.Ended(others: end.others)) }
    }
  }

  /// What cannot be kept in a note is told when its super-step comes, and stored then.
  private mutating func keep(_ record: TaskRecord, _ others: [StoreChange]) {
    var record = record
    let isKept = StoreChange.task(record).stored(for: pool.context.thread) != nil
    record.ahead?.isTold = isKept
    ahead?.keep(record)
    guard isKept else {
      if !others.isEmpty { unstored.append(TaskPool.Ended(others: others)) }
      return
    }
    let step = pool.step + record.checkpoint - pool.head
    let events = pool.context.ledger.events(record.endEvents(step: step, pool.context.options.streams))
    unstored.append(TaskPool.Ended(ahead: record, others: others, events: events))
  }
}

extension Foresight {
  /// Whether what `record` came to is what the task comes to on `values`, the state of its super-step.
  func holds(_ record: TaskRecord, of due: DueTask, in values: JSONObject, step: Int) -> Bool {
    guard let mark = record.ahead, mark.seen == seen(by: due, in: values), !record.isRefused else { return false }
    guard plan.node(due.id.nodeName).next != nil, !record.writes.isEmpty else { return true }
    // Its routes were chosen on the state with its own writes, which therefore have to fit.
    let entries = record.writes.map { StateFold.Entry(task: 0, id: record.id, writer: record.label, write: $0) }
    var messages = MessagePlaces()
    // The ids that messages get make no difference to that.
    let fold = StateFold(channels: plan.graph.channels, thread: "any")
    return (try? fold.changes(entries, in: values, &messages, ends: false)) != nil
  }
}

extension TaskRecord {
  /// It failed, and will be tried again.
  var waitsForRetry: Bool { status == .failed && notBefore != nil }

  /// It made attempts, and goes on or waits for the next.
  var isUnderWay: Bool { status == .started || waitsForRetry }

  /// It failed as a channel may have refused what it wrote, on a state that had not come yet.
  fileprivate var isRefused: Bool {
    guard status == .failed, let kind = error?.kind else { return false }
    return [.type, .conflict, .undeclared].contains(kind)
  }

  /// This task as one of the super-step that has come.
  func inPlace(of due: TaskRecord) -> TaskRecord {
    var record = self
    record.ahead = nil
    record.ordinal = due.ordinal
    record.checkpoint = due.checkpoint
    return record
  }
}
