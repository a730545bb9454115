import GraphRuntime

/// How the lines of the running tasks share a terminal's width: name, time, and what is left for the last line.
struct LiveColumns {
  /// What a line may take.
  let width: Int

  /// What stands before the last line.
  let head: Int

  private let names: Int
  private let times: Int

  /// - Parameter widest: columns that the names take at least, where there is room.
  init(_ tasks: some Sequence<LiveTask>, _ columns: Int, widest: Int, _ now: ContinuousClock.Instant) {
    let width = columns - 1
    let tasks = Array(tasks)
    // Up to a minute the columns stay where they are.
    times = width < 20 ? 0 : tasks.reduce(3) { max($0, Self.time(of: $1, now, width).count) }
    // Half of the line is the names' at most, less where that leaves nothing to read.
    let most = max(4, min(width < 60 ? width * 2 / 5 : width / 2, width - times - 6))
    names = min(most, tasks.reduce(widest) { max($0, $1.name.columns + Self.attempt(of: $1, width).count) })
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
