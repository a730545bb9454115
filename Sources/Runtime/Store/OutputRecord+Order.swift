extension [OutputRecord] {
  private static let joinLimitBytes = 8 << 10

  /// Adds what the same task printed next: pieces of one stream become records of a readable size.
  mutating func join(_ record: OutputRecord) {
    // Not held: a text that somebody else holds is copied to grow.
    guard let newest = indices.last, self[newest].stream == record.stream, self[newest].attempt == record.attempt,
      self[newest].text.utf8.count + record.text.utf8.count <= Self.joinLimitBytes
    else { return append(record) }
    self[newest].text += record.text
  }

  /// What each attempt printed in one place, attempts in the order of their last records: the store gets the output of tasks
  /// that run side by side by turns.
  public var byAttempt: [OutputRecord] {
    let attempts = Dictionary(grouping: enumerated()) { Attempt($0.element) }
    return attempts.values.sorted { $0[$0.count - 1].offset < $1[$1.count - 1].offset }.flatMap { attempt in
      attempt.reduce(into: []) { $0.join($1.element) }
    }
  }
}

private struct Attempt: Hashable {
  let namespace: String
  let checkpoint: Int
  let task: String
  let number: Int

  init(_ record: OutputRecord) {
    namespace = record.namespace
    checkpoint = record.checkpoint
    task = record.task
    number = record.attempt
  }
}
