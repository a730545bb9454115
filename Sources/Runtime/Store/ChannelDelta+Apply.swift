public import Graph

extension ChannelDelta {
  /// Makes the change in `state`. An absent channel counts as the empty list or object the change needs.
  ///
  /// Lists and objects are changed in place: the cost is the change's, not the value's.
  ///
  /// - Throws: ``DeltaError`` when the channel's value is not what the change is for.
  public func apply(to state: inout JSONObject) throws(DeltaError) {
    let key = channel.rawValue
    switch change {
    case .set(let value): state[key] = value
    case .unset: state.removeValue(forKey: key)
    case .append(let items):
      try editList(in: &state) { (list) throws(DeltaError) in list.append(contentsOf: items) }
    case .edit(let edits):
      try editList(in: &state) { (list) throws(DeltaError) in
        for edit in edits { try edit.apply(to: &list, of: channel) }
      }
    case .merge(let objects): try merge(objects, into: &state)
    }
  }

  private func editList(
    in state: inout JSONObject, _ edit: (inout [JSON]) throws(DeltaError) -> Void
  ) throws(DeltaError) {
    let key = channel.rawValue
    var list: [JSON]
    switch state[key] {
    case nil: list = []
    case .array(let items)?: list = items
    case let other?: throw DeltaError(channel: channel, problem: "a list is needed, not \(other.typeName)")
    }
    state[key] = .null  // the list has one owner now, so it is edited in place
    defer { state[key] = .array(list) }
    try edit(&list)
  }

  private func merge(_ objects: [JSON], into state: inout JSONObject) throws(DeltaError) {
    let key = channel.rawValue
    var merged: JSONObject
    switch state[key] {
    case nil: merged = [:]
    case .object(let object)?: merged = object
    case let other?: throw DeltaError(channel: channel, problem: "an object is needed, not \(other.typeName)")
    }
    state[key] = .null
    defer { state[key] = .object(merged) }
    for value in objects {
      guard case .object(let object) = value else {
        throw DeltaError(channel: channel, problem: "only an object can be merged, not \(value.typeName)")
      }
      merged.mergeDeeply(object)
    }
  }
}

/// A change that does not fit the value it is for.
public struct DeltaError: Error, Sendable, Hashable, CustomStringConvertible {
  public var channel: ChannelName
  public var problem: String

  public init(channel: ChannelName, problem: String) {
    self.channel = channel
    self.problem = problem
  }

  public var description: String { "channel \(channel): \(problem)" }
}

extension ChannelDelta.ListEdit {
  fileprivate func apply(to list: inout [JSON], of channel: ChannelName) throws(DeltaError) {
    switch self {
    case .append(let item): list.append(item)
    case .removeAll: list.removeAll()
    case .put(let index, let item):
      try check(index, of: list, in: channel)
      list[index] = item
    case .remove(let index):
      try check(index, of: list, in: channel)
      list.remove(at: index)
    }
  }

  private func check(_ index: Int, of list: [JSON], in channel: ChannelName) throws(DeltaError) {
    guard list.indices.contains(index) else {
      throw DeltaError(channel: channel, problem: "no item \(index) in a list of \(list.count)")
    }
  }
}

extension JSONObject {
  /// Takes over `other`'s members; where both have an object, its members in turn. `null` is a value like any other.
  public mutating func mergeDeeply(_ other: JSONObject) {
    for (key, value) in other {
      guard case .object(let right) = value, case .object(var left)? = self[key] else {
        self[key] = value
        continue
      }
      self[key] = .null  // one owner: merged in place
      left.mergeDeeply(right)
      self[key] = .object(left)
    }
  }
}
