import GraphRuntime

/// How the lines of the running tasks share a terminal's width: name, time, and what is left for the last line.
struct LiveColumns {
  /// What a line may take.
  let width: Int

  /// What stands before the last line.
  let head: Int

  private let names: Int
  private let times: Int

  init(_ tasks: some Sequence<LiveTask>, _ columns: Int, _ now: ContinuousClock.Instant) {
    let width = columns - 1
    let tasks = Array(tasks)
    times = tasks.map { Self.time(of: $0, now, width).count }.max() ?? 0
    // Half of the line is the names' at most, unless there is nothing else to fit.
    let most = max(4, min(width / 2, width - times - 6))
    names = min(most, tasks.map { $0.name.columns + Self.attempt(of: $0, width).count }.max() ?? 0)
    head = names + times + 6
    self.width = width
  }

  /// Columns for the last line.
  var room: Int { max(0, width - head) }

  /// The name and what follows it, padded so that the columns stand below each other.
  func cells(of task: LiveTask, _ now: ContinuousClock.Instant) -> (name: String, attempt: String, time: String) {
    let attempt = Self.attempt(of: task, width)
    let name = task.name.cut(to: max(4, names - attempt.count))
    let time = Self.time(of: task, now, width)
    let gap = String(repeating: " ", count: max(0, names - name.columns - attempt.count))
    return (name, attempt + gap, String(repeating: " ", count: times - time.count) + time)
  }

  private static func attempt(of task: LiveTask, _ width: Int) -> String {
    task.attempt < 2 || width < 30 ? "" : width < 50 ? " ×\(task.attempt)" : " (attempt \(task.attempt))"
  }

  private static func time(of task: LiveTask, _ now: ContinuousClock.Instant, _ width: Int) -> String {
    let elapsed = (now - task.start).seconds
    return elapsed < 1 || width < 20 ? "" : elapsed < 60 ? "\(Int(elapsed))s" : spoken(elapsed)
  }
}
