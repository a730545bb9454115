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
  /// Numbers, ascending, as ranges.
  init(_ numbers: some Sequence<Int>) {
    self = []
    for number in numbers.sorted() {
      if let last, last.upperBound >= number - 1 {
        self[count - 1] = last.lowerBound...number
      } else {
        append(number...number)
      }
    }
  }
}

extension [CheckpointGap] {
  /// The gap with `number` in it.
  public func around(_ number: Int) -> CheckpointGap? { first { $0.numbers.contains(number) } }

  /// With `numbers` of `namespace` gone for `reason`.
  func adding(_ numbers: some Sequence<Int>, _ namespace: String, _ reason: CheckpointGap.Reason) -> [CheckpointGap] {
    let same = filter { $0.reason == reason }.flatMap(\.numbers)
    let merged = [ClosedRange<Int>](same + numbers).map {
      CheckpointGap(namespace: namespace, numbers: $0, reason: reason)
    }
    return (filter { $0.reason != reason } + merged).sorted { $0.numbers.lowerBound < $1.numbers.lowerBound }
  }
}
