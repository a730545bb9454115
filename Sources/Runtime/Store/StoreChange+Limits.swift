import Graph

extension [StoreChange] {
  /// Refuses what could be written and never be read again (RELIABILITY R15).
  func checkLimits() throws(StoreError) {
    for change in self {
      for value in change.values where !value.isStorable(within: JSONLimits.depth) {
        throw .refused("\(change.label): a value is nested too deeply, has too long a string, or a number that is none")
      }
    }
  }
}

extension StoreChange {
  /// Every value that a person's data can be in.
  fileprivate var values: [JSON] {
    switch self {
    case .thread, .graph, .output, .service, .serviceEnded: []
    case .checkpoint(let record, _): record.deltas.flatMap(\.change.values) + record.agenda.values
    case .task(let record): record.values
    case .cache(let record): [record.result]
    case .note(let record): [record.value]
    case .memory(.put(let item)): [item.value]
    case .memory(.delete): []
    }
  }

  fileprivate var label: String {
    switch self {
    case .checkpoint(let record, _): "checkpoint \(record.number)"
    case .task(let record): "task \(record.label)"
    default: "commit"
    }
  }
}

extension ChannelDelta.Change {
  fileprivate var values: [JSON] {
    switch self {
    case .set(let value): [value]
    case .unset: []
    case .append(let items), .merge(let items): items
    case .edit(let edits):
      edits.compactMap { edit in
        switch edit {
        case .append(let item), .put(_, let item): item
        case .remove, .removeAll: nil
        }
      }
    }
  }
}

extension Agenda {
  fileprivate var values: [JSON] {
    due.compactMap(\.item?.value) + (due.flatMap(\.errors) + deferred.values.joined()).compactMap(\.result)
  }
}

extension TaskRecord {
  fileprivate var values: [JSON] {
    var values = [result, error?.result].compactMap { $0 } + writes.map(\.value) + [kept].compactMap { $0 }
    for case .fanOut(_, let items, _) in triggers { values += items }
    for question in questions {
      values += (question.choices ?? []) + [question.schema, question.answer].compactMap { $0 }
    }
    return values
  }
}

extension JSON {
  fileprivate func isStorable(within depth: Int) -> Bool {
    switch self {
    case .null, .bool, .int: true
    case .double(let number): number.isFinite
    case .string(let text): text.utf8.count <= JSONLimits.stringBytes
    case .array(let items): depth > 0 && items.allSatisfy { $0.isStorable(within: depth - 1) }
    case .object(let object):
      depth > 0 && object.count <= JSONLimits.keys && object.allSatisfy { $0.value.isStorable(within: depth - 1) }
    }
  }
}
