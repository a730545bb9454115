extension ThreadRun {
  /// Whether the run is to stop before the super-step that is due.
  func isAtBreakpoint(isFirst: Bool) -> Bool {
    guard !options.breakBefore.isEmpty, !isFirst || !isResume else { return false }
    return position.record.agenda.nodes.contains(where: options.breakBefore.contains)
  }
}
