import Graph
import Synchronization

/// The checkpoints of a thread and what hangs on them, without their contents.
struct Lineage: Sendable {
  struct Point: Sendable {
    var parent: Int?
    var source: CheckpointSource
    var created: Timestamp
  }

  private(set) var points: [Int: Point] = [:]

  /// The namespaces of what the tasks at a checkpoint run inside.
  private(set) var inside: [Int: Set<String>] = [:]

  /// How many checkpoints each namespace has.
  private var namespaces: [String: Int] = [:]

  init(of thread: ThreadID, in store: any Checkpointer) async throws {
    let line = Mutex(Lineage())
    try await store.parts(of: thread) { part in line.withLock { $0.add(part) } }
    self = line.withLock { $0 }
  }

  private init() {}

  private mutating func add(_ part: ThreadPart) {
    switch part {
    case .checkpoint(let record, _):
      namespaces[record.namespace, default: 0] += 1
      guard record.namespace.isEmpty else { return }
      points[record.number] = Point(parent: record.parent, source: record.source, created: record.created)
    case .task(let task):
      namespaces[task.id.namespace, default: 0] += 0
      if task.id.namespace.isEmpty { inside[task.checkpoint, default: []].insert(task.inside.path) }
    default: break
    }
  }

  /// Those that may go.
  func doomed(by retention: Retention, now: Timestamp, keeping fixed: Set<Int>) -> Set<Int> {
    let newest = Set(points.keys.sorted(by: >).prefix(retention.keep ?? 0))
    let oldest = retention.age.map { now.milliseconds - Int($0.components.seconds) * 1000 }
    let kept = points.filter { number, point in
      newest.contains(number) || fixed.contains(number) || oldest.map { point.created.milliseconds > $0 } ?? false
    }
    return Set(points.keys).subtracting(withForkPoints(Set(kept.keys)))
  }

  /// With the checkpoints that branches among them were forked from.
  private func withForkPoints(_ numbers: Set<Int>) -> Set<Int> {
    var kept = numbers
    var fresh = numbers
    while !fresh.isEmpty {
      fresh = Set(fresh.compactMap { points[$0]?.source == .fork ? points[$0]?.parent : nil }).subtracting(kept)
      kept.formUnion(fresh.filter { points[$0] != nil })
      fresh.formIntersection(kept)
    }
    return kept
  }

  /// `numbers` with what ran inside tasks that go with them.
  func pruning(_ numbers: Set<Int>) -> Pruning {
    let ended = Set(points.filter { !numbers.contains($0.key) && $0.value.source == .step }.compactMap(\.value.parent))
    let gone = numbers.subtracting(ended).flatMap { inside[$0] ?? [] }.map(Namespace.init(_:))
    return Pruning(
      numbers: numbers.isEmpty ? [:] : ["": numbers],
      namespaces: Set(namespaces.keys.filter { name in gone.contains { $0.path == name || $0.contains(name) } }))
  }

  var numbers: Set<Int> { Set(points.keys) }

  func checkpoints(in pruning: Pruning) -> Int {
    (pruning.numbers[""]?.count ?? 0) + pruning.namespaces.reduce(0) { $0 + (namespaces[$1] ?? 0) }
  }
}
