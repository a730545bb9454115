extension Duration {
  /// What a test may take beyond what it should: the suites share the machine, and all of them start at once.
  static let busy = Duration.seconds(20)

  /// A limit that only what hangs comes to.
  static let unhurried = Duration.seconds(90)
}
