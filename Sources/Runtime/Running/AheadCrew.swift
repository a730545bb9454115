/// Runs tasks whose super-step is still to come, over the ends of those before it.
final class AheadCrew: Sendable {
  /// How far a task came.
  struct End: Sendable {
    let id: TaskID
    let result: Result<TaskRun.End, StoreError>
    let others: [StoreChange]
  }

  private enum Order: Sendable {
    case run(TaskRun, from: TaskRecord)
    case cancel
  }

  private let orders = Mailbox<Order>()
  private let ends = Mailbox<End>()

  /// Does what is ordered until the crew is dismissed and everything has ended.
  func serve() async {
    await withDiscardingTaskGroup { group in
      while await orders.arrival() {
        for order in orders.takeAll() {
          switch order {
          case .cancel: group.cancelAll()
          case .run(let run, let record): group.addTask { [ends] in ends.put(await run.end(ahead: record)) }
          }
        }
      }
    }
  }

  func start(_ run: TaskRun, from record: TaskRecord) { orders.put(.run(run, from: record)) }
  func cancel() { orders.put(.cancel) }
  func dismiss() { orders.close() }

  /// Returns when a task has ended, or nobody is to wait any more.
  func waitForEnd() async { _ = await ends.arrival() }
  func beginWaiting() { ends.open() }
  func endWaiting() { ends.close() }
  func takeEnds() -> [End] { ends.takeAll() }
}

extension TaskRun {
  fileprivate func end(ahead record: TaskRecord) async -> AheadCrew.End {
    do throws(StoreError) {
      let end = try await end(from: record)
      return AheadCrew.End(id: record.id, result: .success(end), others: changes(at: end))
    } catch {
      return AheadCrew.End(id: record.id, result: .failure(error), others: [])
    }
  }
}
