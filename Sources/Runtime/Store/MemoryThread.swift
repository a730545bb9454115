import Graph
import OrderedCollections

/// What a store in memory keeps of one thread.
struct MemoryThread {
  var fence = 0
  var owner: OwnerRecord?
  var header: ThreadRecord?
  var lines: OrderedDictionary<String, Line> = [:]
  var output: [OutputRecord] = []
  var services: [ServiceRecord] = []
  var notes: [NoteRecord] = []

  var isEmpty: Bool { lines.isEmpty && output.isEmpty && services.isEmpty && notes.isEmpty }

  /// One namespace of a thread.
  struct Line {
    var gaps: [CheckpointGap] = []
    var numbers: [Int] = []
    private(set) var checkpoints: [Int: CheckpointRecord] = [:]
    var tasks: [Int: [TaskID: TaskRecord]] = [:]

    /// The state at some checkpoints; at the others it is made from the nearest one before, delta by delta.
    private var snapshots: [Int: JSONObject] = [:]

    /// For each checkpoint the size of the last snapshot of its line, and how much has changed since.
    private var growth: [Int: (base: Int, since: Int)] = [:]

    /// The `step` child of each checkpoint that has one.
    var ends: [Int: Int] = [:]

    mutating func put(_ record: TaskRecord) { tasks[record.checkpoint, default: [:]][record.id] = record }

    func tasks(of checkpoint: Int?) -> [TaskRecord] {
      guard let checkpoint, let tasks = tasks[checkpoint] else { return [] }
      return tasks.values.sorted {
        ($0.ordinal, $0.id.node, $0.id.index, $0.id.due.checkpoint, $0.id.due.offset)
          < ($1.ordinal, $1.id.node, $1.id.index, $1.id.due.checkpoint, $1.id.due.offset)
      }
    }

    subscript(number: Int) -> StoredCheckpoint? {
      get throws(StoreError) {
        guard let record = checkpoints[number] else { return nil }
        return StoredCheckpoint(record: record, values: try values(at: number))
      }
    }

    mutating func append(_ record: CheckpointRecord, _ values: JSONObject) {
      numbers.append(record.number)
      checkpoints[record.number] = record
      if let parent = record.parent, record.source == .step { ends[parent] = record.number }
      let size = record.deltas.reduce(1) { $0 + $1.change.size }
      let before = record.parent.flatMap { growth[$0] }
      if let before, before.since + size <= max(before.base, Self.leastGrowth) {
        growth[record.number] = (before.base, before.since + size)
      } else {
        snapshots[record.number] = values
        growth[record.number] = (values.reduce(1) { $0 + $1.value.elements }, 0)
      }
    }

    /// Below this a snapshot would not be worth its room.
    private static let leastGrowth = 256

    /// Takes checkpoints away; what grew from them stays what it is.
    ///
    /// - Returns: those that were there, or had tasks.
    mutating func remove(_ doomed: Set<Int>) throws(StoreError) -> Set<Int> {
      let gone = doomed.filter { checkpoints[$0] != nil || tasks[$0] != nil }
      for (number, record) in checkpoints {
        guard let parent = record.parent, doomed.contains(parent), !doomed.contains(number) else { continue }
        snapshots[number] = try values(at: number)
      }
      for number in doomed {
        checkpoints[number] = nil
        snapshots[number] = nil
        growth[number] = nil
      }
      numbers.removeAll(where: doomed.contains)
      return gone
    }

    /// - Throws: ``StoreError/damaged(_:)`` where deltas do not fit what they are for: a bug in who committed them.
    func values(at number: Int) throws(StoreError) -> JSONObject {
      var line: [CheckpointRecord] = []
      var place: Int? = number
      while let at = place, snapshots[at] == nil, let record = checkpoints[at] {
        line.append(record)
        place = record.parent
      }
      var values = place.flatMap { snapshots[$0] } ?? [:]
      for record in line.reversed() { values = try record.state(from: values) }
      return values
    }
  }
}

extension MemoryThread {
  /// What a commit must keep to; nothing is changed.
  func check(_ changes: [StoreChange], of thread: ThreadID) throws(StoreError) {
    var added: [(namespace: String, number: Int)] = []
    var hasHeader = header != nil
    for change in changes {
      switch change {
      case .checkpoint, .graph, .cache, .serviceEnded, .note, .output, .memory: continue
      case .thread(let record):
        guard record.id == thread else { throw .refused("thread \(record.id)'s header with \(thread)'s fence") }
        hasHeader = true
      case .service(let record):
        guard record.thread == thread else { throw .refused("\(record.thread)'s service with \(thread)'s fence") }
      case .task(let record):
        guard let child = lines[record.id.namespace]?.ends[record.checkpoint] else { continue }
        throw .refused("task \(record.label) of checkpoint \(record.checkpoint), which checkpoint \(child) ended")
      }
    }
    for case .checkpoint(let record, _) in changes {
      let newest = added.last { $0.namespace == record.namespace }?.number ?? lines[record.namespace]?.numbers.last ?? 0
      guard newest < record.number else { throw .refused("checkpoint \(record.number) after \(newest)") }
      if let parent = record.parent, lines[record.namespace]?.checkpoints[parent] == nil,
        !added.contains(where: { $0 == (record.namespace, parent) })
      {
        throw .refused("checkpoint \(record.number) of a parent \(parent) that is not stored")
      }
      added.append((record.namespace, record.number))
    }
    guard hasHeader || isEmpty && changes.allSatisfy(\.needsNoHeader) else {
      throw .refused("thread \(thread) has no header")
    }
  }

}

extension CheckpointRecord {
  /// The state it ends with, grown from `values`.
  func state(from values: consuming JSONObject) throws(StoreError) -> JSONObject {
    do {
      for delta in deltas { try delta.apply(to: &values) }
    } catch {
      throw .refused("checkpoint \(number): \(error)")
    }
    return values
  }
}

extension StoreChange {
  fileprivate var needsNoHeader: Bool {
    switch self {
    case .thread, .graph, .cache, .serviceEnded, .memory: true
    case .checkpoint, .task, .service, .note: false
    case .output(let records): records.isEmpty
    }
  }
}

extension ChannelDelta.Change {
  /// How many values it holds, as far as a list or an object is worth.
  fileprivate var size: Int {
    switch self {
    case .set(let value): value.elements
    case .unset: 1
    case .append(let items), .merge(let items): items.reduce(1) { $0 + $1.elements }
    case .edit(let edits): edits.count
    }
  }
}

extension JSON {
  /// A list's items or an object's members, not those inside them.
  fileprivate var elements: Int {
    switch self {
    case .array(let items): items.count
    case .object(let object): object.count
    case .null, .bool, .int, .double, .string: 1
    }
  }
}
