/// Work that nobody waits for; all of it ends with ``end()``.
final class Errands: Sendable {
  private let jobs: AsyncStream<@Sendable () async -> Void>.Continuation
  private let life: Task<Void, Never>

  init() {
    let (stream, jobs) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
    self.jobs = jobs
    // Not part of whoever is there first: it lives until `end`, which awaits it.
    life = Task {
      await withDiscardingTaskGroup { group in
        for await job in stream { group.addTask(operation: job) }
        group.cancelAll()
      }
    }
  }

  deinit { life.cancel() }

  func add(_ job: @escaping @Sendable () async -> Void) {
    jobs.yield(job)
  }

  func end() async {
    jobs.finish()
    life.cancel()
    await life.value
  }
}
