import GraphRuntime

extension TaskRecord {
  /// It came so far as to end, fail or ask.
  var hasRun: Bool {
    switch status {
    case .done, .failed, .waiting, .cached: true
    case .pending, .started, .skipped: false
    }
  }
}
