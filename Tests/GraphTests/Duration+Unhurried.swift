extension Duration {
  /// A limit that only what hangs, or grows with the power of its input, comes to: a busy machine alone does not.
  static let unhurried = Duration.seconds(90)
}
