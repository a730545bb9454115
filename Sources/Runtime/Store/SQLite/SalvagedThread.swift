import Foundation
import GRDB
import Graph

/// What is whole of one thread, as parts that go together.
struct SalvagedThread: Sendable {
  let thread: ThreadID
  private(set) var parts: [ThreadPart] = []
  private(set) var services: [ServiceRecord] = []
  private(set) var lost: [String] = []

  /// Of its own graph.
  private(set) var checkpoints = 0

  init(_ thread: ThreadID, from reading: SQLiteReading) {
    self.thread = thread
    guard var header = try? reading.header() else {
      // A lease alone is no thread.
      let hadRows = ((try? reading.db.int(SQL.newest, reading.key + [.text("")])) ?? nil) != nil
      if hadRows { lost = ["all of it: its header cannot be read"] }
      return
    }
    let namespaces = (try? reading.allNamespaces()) ?? [""]
    let lines = namespaces.map { SalvagedLine($0, from: reading, head: $0.isEmpty ? header.head : nil) }
    guard let own = lines.first(where: { $0.namespace.isEmpty }), let newest = own.newest else {
      lost = ["all of it: none of its checkpoints can be read"]
      return
    }
    header.follow(newest, isCut: own.isCut)
    checkpoints = own.numbers.count
    parts = [.thread(header)] + graph(header, reading) + lines.flatMap(\.parts) + rest(reading)
    lost += lines.flatMap(\.lost)
  }

  private mutating func graph(_ header: ThreadRecord, _ reading: SQLiteReading) -> [ThreadPart] {
    guard let row = try? reading.db.row("\(SQL.graph) WHERE hash = ?", [.text(header.graphHash)]),
      let record = try? GraphRecord(row)
    else {
      lost.append("the text of its graph: it can be looked at, not resumed")
      return []
    }
    return [.graph(record)]
  }

  private mutating func rest(_ reading: SQLiteReading) -> [ThreadPart] {
    let notes = reading.readable("\(SQL.note) WHERE thread = ? ORDER BY serial") { row throws(Malformed) in
      try NoteRecord(row)
    }
    let output = reading.readable("\(SQL.output) WHERE thread = ? ORDER BY serial") { row throws(Malformed) in
      try OutputRecord(row)
    }
    let services = reading.readable("\(SQL.service) WHERE thread = ? ORDER BY serial") { row throws(Malformed) in
      try ServiceRecord(row)
    }
    for (what, count) in [("note", notes.lost), ("piece", output.lost), ("service", services.lost)] where count > 0 {
      lost.append("\(count) \(what)\(count == 1 ? "" : "s")\(what == "piece" ? " of what was printed" : "")")
    }
    self.services = services.read
    return notes.read.map(ThreadPart.note) + output.read.map(ThreadPart.output)
  }
}

/// What is whole of one namespace.
private struct SalvagedLine {
  let namespace: String
  private(set) var parts: [ThreadPart] = []
  private(set) var lost: [String] = []
  private(set) var numbers: Set<Int> = []
  private(set) var newest: CheckpointRecord?

  /// Something newer than what is left was there.
  private(set) var isCut = false

  init(_ namespace: String, from reading: SQLiteReading, head: Int?) {
    self.namespace = namespace
    let known = (try? reading.numbers(namespace)) ?? []
    var gone: [Int] = []
    for number in known {
      read(number, reading, &gone)
      parts += take(number, reading)
    }
    let last = max(head ?? 0, gone.last ?? 0)
    isCut = last > newest?.number ?? 0
    if isCut { parts = parts.filter { !isLater($0) } }
    let missing = tell(reading, upTo: last)
    parts = missing + parts + inDoubt()
  }

  /// A task of a checkpoint that is lost, whose number will be another's.
  private func isLater(_ part: ThreadPart) -> Bool {
    if case .task(let task) = part { task.checkpoint > newest?.number ?? 0 } else { false }
  }

  private mutating func read(_ number: Int, _ reading: SQLiteReading, _ gone: inout [Int]) {
    guard let stored = try? reading.row(number, namespace) else {
      // Tasks may be of a checkpoint that was pruned or is not there yet.
      if (try? reading.isStored(number, namespace)) ?? true { gone.append(number) }
      return
    }
    do {
      try reading.check(stored, namespace)
      let record = try stored.record(namespace)
      let grows = stored.parent.map(numbers.contains) ?? (stored.snapshot == nil)
      let values = grows ? nil : try reading.checkpoint(number, namespace: namespace)?.values
      parts.append(.checkpoint(record, values: values))
      numbers.insert(number)
      newest = record
    } catch {
      gone.append(number)
    }
  }

  private mutating func take(_ number: Int, _ reading: SQLiteReading) -> [ThreadPart] {
    let found = reading.readable(SQL.tasks, [.text(namespace), .int(number)]) { row throws(Malformed) in
      try TaskRecord(row)
    }
    if found.lost > 0 { lost.append("\(place)\(found.lost) of the tasks of checkpoint \(number)") }
    return found.read.map(ThreadPart.task)
  }

  /// The numbers that are no longer there, as gaps; those that were not known to be are told.
  private mutating func tell(_ reading: SQLiteReading, upTo last: Int) -> [ThreadPart] {
    guard let newest else { return [] }
    let known = (try? reading.gaps(namespace))?.filter { $0.numbers.upperBound < newest.number } ?? []
    let missing = [ClosedRange<Int>](between: Array(numbers)).flatMap { range in
      range.subtracting(known.map(\.numbers))
    }
    let after = last > newest.number ? [newest.number + 1...last] : []
    for range in missing + after {
      lost.append("\(place)checkpoint\(range.count == 1 ? "" : "s \(range.lowerBound) to") \(range.upperBound)")
    }
    let gaps = known + missing.map { CheckpointGap(namespace: namespace, numbers: $0, reason: .lost) }
    return gaps.sorted { $0.numbers.lowerBound < $1.numbers.lowerBound }.map(ThreadPart.gap)
  }

  /// What is due where the line is cut may have begun, or ended, already.
  private func inDoubt() -> [ThreadPart] {
    guard let newest, isCut || lost.contains(where: { $0.hasSuffix("checkpoint \(newest.number)") }) else { return [] }
    var known: Set<TaskID> = []
    for case .task(let task) in parts where task.checkpoint == newest.number { known.insert(task.id) }
    return newest.agenda.due.enumerated().filter { !known.contains($0.element.id) }.map { ordinal, due in
      var task = TaskRecord(
        id: due.id, checkpoint: newest.number, ordinal: ordinal, isFanOut: due.item != nil, status: .started)
      task.attempts = 1
      return .task(task)
    }
  }

  private var place: String { namespace.isEmpty ? "" : "\(namespace): " }
}

extension ThreadRecord {
  /// Its head is `newest` from now on; `isCut`: there was a later one.
  fileprivate mutating func follow(_ newest: CheckpointRecord, isCut: Bool) {
    if status == .running { status = .stopped }
    guard isCut || head != newest.number else { return }
    head = newest.number
    step = newest.step
    next = newest.agenda.nodes
    error = nil
    status = newest.agenda.due.isEmpty ? .done : .stopped
  }
}

extension SQLiteReading {
  /// The rows that are what was stored, and how many are not.
  fileprivate func readable<Record>(
    _ sql: String, _ more: [Column] = [], _ read: (StoredRow) throws(Malformed) -> Record
  ) -> (read: [Record], lost: Int) {
    var records: [Record] = []
    var lost = 0
    do {
      try db.forEachRow(sql, key + more) { row in
        do { records.append(try read(row)) } catch { lost += 1 }
      }
    } catch {
      lost += 1
    }
    return (records, lost)
  }
}

extension ClosedRange<Int> {
  /// What is in none of `others`, which are ascending and apart.
  fileprivate func subtracting(_ others: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    var rest: [ClosedRange<Int>] = []
    var first = lowerBound
    for other in others where other.upperBound >= first && other.lowerBound <= upperBound {
      if other.lowerBound > first { rest.append(first...other.lowerBound - 1) }
      first = Swift.max(first, other.upperBound + 1)
    }
    if first <= upperBound { rest.append(first...upperBound) }
    return rest
  }
}
