import Graph
import GraphRuntime
import Synchronization

/// Lines for files and pipes: no escapes, nothing that moves.
final class PlainPrinter: EventPrinter {
  private let detail: Detail
  private let state = Mutex<[String: TaskLines]>([:])

  init(detail: Detail) {
    self.detail = detail
  }

  func say(_ text: String) { Sink.error.line(text) }

  func show(_ event: RunEvent) {
    // Under the lock until written, so that lines stay in order.
    state.withLock { tasks in
      let lines = lines(of: event.placed, &tasks)
      if !lines.isEmpty { Sink.output.line(lines.joined(separator: "\n")) }
    }
  }

  private func lines(of kind: RunEvent.Kind, _ tasks: inout [String: TaskLines]) -> [String] {
    switch kind {
    case .taskOutput(_, let task, let stream, let text):
      guard detail > .quiet, stream != .thinking || detail == .verbose else { return [] }
      return tasks[task, default: TaskLines()].add(text, to: stream).map { prefixed($0.text, task) }
    case .taskEnd(_, _, let task, _, _, _), .taskRetry(_, let task, _, _, _):
      return endOutput(of: task, &tasks) + news(kind)
    default: return news(kind)
    }
  }

  private func endOutput(of task: String, _ tasks: inout [String: TaskLines]) -> [String] {
    var lines = tasks.removeValue(forKey: task) ?? TaskLines()
    return lines.finish().map { prefixed($0.text, task) }
  }

  private func prefixed(_ line: String, _ task: String) -> String { "\(task) | \(SafeText.line(line))" }

  private func news(_ kind: RunEvent.Kind) -> [String] {
    switch kind {
    case .stepStart(let step, let nodes):
      detail == .verbose ? ["step \(step): \(nodes.map(\.rawValue).joined(separator: ", "))"] : []
    case .taskStart(_, _, let task, let attempt):
      detail == .verbose || (detail == .normal && attempt == 1)
        ? ["\(task): started" + (attempt > 1 ? ", attempt \(attempt)" : "")] : []
    case .taskRetry(_, let task, let attempt, let error, let delay):
      detail > .quiet ? ["\(task): attempt \(attempt) failed: \(error.brief); again in \(spoken(delay))"] : []
    case .taskEnd(_, _, let task, let status, let seconds, let error):
      switch status {
      case .failed: ["\(task): failed after \(spoken(seconds)): \(error?.brief ?? "")"]
      case .waiting: detail > .quiet ? ["\(task): asks"] : []
      default: detail > .quiet ? ["\(task): \(status.rawValue) in \(spoken(seconds))"] : []
      }
    case .checkpoint(let checkpoint, let step, let next):
      detail == .verbose
        ? [
          "checkpoint \(checkpoint) (step \(step)), next: \(next.isEmpty ? "nothing" : next.map(\.rawValue).joined(separator: ", "))"
        ]
        : []
    case .values(let step, let values): ["values (step \(step)): \(SafeText.line(JSON.object(values).text))"]
    case .updates(_, _, let task, let writes):
      writes.map { "\(task): \($0.channel) ← \(SafeText.line($0.value.text))" }
    case .custom(_, let task, let data): detail > .quiet ? ["\(task): \(SafeText.line(data.text))"] : []
    case .notice(let text): ["note: \(SafeText.line(text))"]
    case .runStart, .taskOutput, .interrupt, .runEnd: []
    }
  }
}
