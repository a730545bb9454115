/// What of a run is told, by what it is good for. The beginning, questions, notices and the end always are.
public enum StreamMode: String, Sendable, Hashable, CaseIterable {
  /// The whole state after each super-step.
  case values

  /// What each task wrote.
  case updates

  /// What the code of a node told of itself.
  case custom

  /// What models say, as they say it.
  case tokens

  /// What tasks print.
  case output

  /// Super-steps and tasks that begin and end.
  case tasks

  case checkpoints
}

extension RunEvent {
  /// The mode the event belongs to; `nil` for what is told in any case.
  public var mode: StreamMode? {
    switch kind {
    case .values: .values
    case .updates: .updates
    case .custom: .custom
    case .taskOutput(_, _, let stream, _): stream == .token || stream == .thinking ? .tokens : .output
    case .stepStart, .taskStart, .taskRetry, .taskEnd: .tasks
    case .checkpoint: .checkpoints
    case .runStart, .interrupt, .notice, .runEnd: nil
    }
  }
}
