import GraphRuntime

extension TaskRecord {
  /// It came so far as to end, fail or ask.
  var hasRun: Bool {
    switch status {
    case .done, .failed, .waiting, .cached: true
    case .pending, .started: false
    // In doubt, and then left as it is.
    case .skipped: attempts > 0
    }
  }
}
