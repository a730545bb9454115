public import Graph

/// A piece of what is stored of a thread. In the order of ``Checkpointer/parts(of:_:)`` they can be put together again:
/// the header, the graph's text, then line by line the gaps, the checkpoints, each with the tasks that see it; then notes
/// and output. Services are not among them: a process is nobody else's.
public enum ThreadPart: Sendable, Hashable {
  case thread(ThreadRecord)
  case graph(GraphRecord)
  case gap(CheckpointGap)

  /// `values` is the state it ended with where its parent is not among the parts; else `nil`.
  case checkpoint(CheckpointRecord, values: JSONObject?)
  case task(TaskRecord)
  case note(NoteRecord)
  case output(OutputRecord)
}

/// Takes parts, one after the other.
public typealias PartTaker = (ThreadPart) throws -> Void

/// Which of a thread's checkpoints are to go.
public struct Pruning: Sendable, Hashable {
  /// By namespace; never the newest of one that stays.
  public var numbers: [String: Set<Int>]

  /// Namespaces that go as a whole.
  public var namespaces: Set<String>

  public init(numbers: [String: Set<Int>] = [:], namespaces: Set<String> = []) {
    self.numbers = numbers
    self.namespaces = namespaces
  }
}

extension [ClosedRange<Int>] {
  /// Ascending, with those that touch made one.
  var merged: [ClosedRange<Int>] {
    var merged: [ClosedRange<Int>] = []
    for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, last.upperBound >= range.lowerBound - 1 {
        merged[merged.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }

  /// What lies between the numbers, and below the first, from 1 on.
  init(between numbers: [Int]) {
    var expected = 1
    self = []
    for number in numbers.sorted() {
      if number > expected { append(expected...number - 1) }
      expected = number + 1
    }
  }
}

extension [CheckpointGap] {
  /// The gap with `number` in it.
  public func around(_ number: Int) -> CheckpointGap? { first { $0.numbers.contains(number) } }

  /// With `numbers` of `namespace` gone for `reason`.
  func adding(_ numbers: some Sequence<Int>, _ namespace: String, _ reason: CheckpointGap.Reason) -> [CheckpointGap] {
    let same = filter { $0.reason == reason }.map(\.numbers)
    let merged = (same + numbers.map { $0...$0 }).merged.map {
      CheckpointGap(namespace: namespace, numbers: $0, reason: reason)
    }
    return (filter { $0.reason != reason } + merged).sorted { $0.numbers.lowerBound < $1.numbers.lowerBound }
  }
}
