import Graph

extension [StoreChange] {
  /// Refuses what could be written and never be read again (RELIABILITY R15).
  func checkLimits() throws(StoreError) {
    for change in self {
      guard change.allValues({ $0.isStorable(within: JSONLimits.depth) }) else {
        throw .refused("\(change.label): a value is nested too deeply, has too long a string, or a number that is none")
      }
    }
  }
}

extension StoreChange {
  /// Whether every value that a person's data can be in is good.
  fileprivate func allValues(_ isGood: (JSON) -> Bool) -> Bool {
    switch self {
    case .thread, .graph, .output, .service, .serviceEnded, .memory(.delete): true
    case .checkpoint(let record, _):
      record.deltas.allSatisfy { $0.change.allValues(isGood) } && record.agenda.allValues(isGood)
    case .task(let record): record.allValues(isGood)
    case .cache(let record): isGood(record.result)
    case .note(let record): isGood(record.value)
    case .memory(.put(let item)): isGood(item.value)
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
  fileprivate func allValues(_ isGood: (JSON) -> Bool) -> Bool {
    switch self {
    case .set(let value): isGood(value)
    case .unset: true
    case .append(let items), .merge(let items): items.allSatisfy(isGood)
    case .edit(let edits):
      edits.allSatisfy { edit in
        switch edit {
        case .append(let item), .put(_, let item): isGood(item)
        case .remove, .removeAll: true
        }
      }
    }
  }
}

extension Agenda {
  fileprivate func allValues(_ isGood: (JSON) -> Bool) -> Bool {
    due.allSatisfy { due in
      (due.item.map { isGood($0.value) } ?? true) && due.errors.allSatisfy { $0.result.map(isGood) ?? true }
    } && deferred.values.allSatisfy { $0.allSatisfy { $0.result.map(isGood) ?? true } }
  }
}

extension TaskRecord {
  fileprivate func allValues(_ isGood: (JSON) -> Bool) -> Bool {
    (result.map(isGood) ?? true) && (kept.map(isGood) ?? true) && (error?.result.map(isGood) ?? true)
      && writes.allSatisfy { isGood($0.value) }
      && triggers.allSatisfy { trigger in
        if case .fanOut(_, let items, _) = trigger { items.allSatisfy(isGood) } else { true }
      }
      && questions.allSatisfy { question in
        (question.choices?.allSatisfy(isGood) ?? true) && (question.schema.map(isGood) ?? true)
          && (question.answer.map(isGood) ?? true)
      }
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
