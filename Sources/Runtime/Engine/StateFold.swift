import Graph
import OrderedCollections

/// Folds the writes of one super-step into the state, channel by channel, in write order.
struct StateFold {
  /// A write with the task that made it.
  struct Entry {
    /// Place of the writing task among the super-step's tasks; -1 for inputs and updates.
    var task: Int

    /// The writing task itself (see ``TaskID/outside(namespace:checkpoint:)`` for inputs and updates).
    var id: TaskID
    var writer: String
    var write: ChannelWrite
  }

  /// Writes that do not go together, or a value that does not fit.
  struct Conflict: Error {
    var kind: ErrorKind
    var channel: ChannelName
    var tasks: [Int]
    var message: String
  }

  let channels: OrderedDictionary<ChannelName, ChannelDefinition>

  /// Part of the ids given to messages without one.
  let thread: ThreadID

  /// Channels that are empty again after each super-step.
  private let ephemeral: [ChannelDefinition]

  init(channels: OrderedDictionary<ChannelName, ChannelDefinition>, thread: ThreadID) {
    self.channels = channels
    self.thread = thread
    ephemeral = channels.values.filter { $0.reducer == .ephemeral }
  }

  struct Result {
    var values: JSONObject
    var deltas: [ChannelDelta]
  }

  /// What the writes make of one channel.
  struct Change {
    var delta: ChannelDelta

    /// The channel's new value; `nil` where it is gone, or where the delta only adds to its list.
    var value: JSON?

    /// False for a channel that is never stored.
    var isStored = true
  }

  /// The state before any write, and the deltas that make it from nothing.
  static func initial(_ channels: OrderedDictionary<ChannelName, ChannelDefinition>) -> Result {
    var result = Result(values: [:], deltas: [])
    for channel in channels.values {
      guard let value = channel.initial ?? channel.reducer.start else { continue }
      result.values[channel.name.rawValue] = value
      if channel.reducer != .untracked { result.deltas.append(ChannelDelta(channel.name, .set(value))) }
    }
    return result
  }

  /// The state after `entries`, and what changed. Ephemeral values not written again are gone (or back to their default) once the super-step `ends`; until
  /// then those who run in it see them.
  ///
  /// - Throws: ``Conflict``s, all of them, when any write cannot land; nothing is applied then.
  func apply(_ entries: [Entry], to values: JSONObject, ends: Bool = true) throws(Conflicts) -> Result {
    var messages = MessagePlaces()
    let changes = try changes(entries, in: values, &messages, ends: ends)
    var after = values
    changes.apply(to: &after)
    return Result(values: after, deltas: changes.stored)
  }

  /// As ``apply(_:to:)``, leaving it to the caller to apply the changes: a list that only grows is not copied then.
  ///
  /// - Parameter messages: what earlier folds of the same state left there; of no use any more where this throws.
  func changes(
    _ entries: [Entry], in values: JSONObject, _ messages: inout MessagePlaces, ends: Bool = true
  ) throws(Conflicts) -> [Change] {
    if entries.count == 1, ephemeral.isEmpty {
      do {
        let name = entries[0].write.channel
        return try change(entries, of: name, values[name.rawValue], &messages).map { [$0] } ?? []
      } catch {
        throw Conflicts(all: [error])
      }
    }
    var changes: [Change] = []
    for channel in ephemeral where ends && !entries.contains(where: { $0.write.channel == channel.name }) {
      if let change = fade(channel, values[channel.name.rawValue]) { changes.append(change) }
    }
    var conflicts: [Conflict] = []
    for entries in entries.byChannel {
      let name = entries[0].write.channel
      do {
        if let change = try change(entries, of: name, values[name.rawValue], &messages) { changes.append(change) }
      } catch {
        conflicts.append(error)
      }
    }
    guard conflicts.isEmpty else { throw Conflicts(all: conflicts) }
    return changes
  }

  struct Conflicts: Error {
    var all: [Conflict]
  }

  /// An ephemeral channel that nobody wrote: gone, or back to its default.
  private func fade(_ channel: ChannelDefinition, _ old: JSON?) -> Change? {
    guard old != channel.initial else { return nil }
    guard let initial = channel.initial else { return Change(delta: ChannelDelta(channel.name, .unset)) }
    return Change(delta: ChannelDelta(channel.name, .set(initial)), value: initial)
  }

  /// `nil` where everything stays as it is.
  private func change(
    _ entries: [Entry], of name: ChannelName, _ old: JSON?, _ messages: inout MessagePlaces
  ) throws(Conflict) -> Change? {
    guard let channel = channels[name] else {
      throw conflict(
        .undeclared, name, entries,
        "no channel is named \"\(name)\"; "
          + (channels.isEmpty
            ? "the graph has none" : "name one of \(channels.keys.map(\.rawValue).joined(separator: ", "))"))
    }
    let folded: Folded
    if let overwrite = try overwrite(entries, name) {
      folded = set(overwrite)
    } else {
      folded = try reduce(entries, channel, old, &messages)
    }
    if let objection = objection(to: folded, of: channel, old) {
      throw conflict(.type, name, entries, "channel \(name): the value does not fit its type: \(objection)")
    }
    if case .append(let items) = folded.change, old != nil, items.isEmpty { return nil }
    if let value = folded.value, value == old { return nil }
    return Change(
      delta: ChannelDelta(name, folded.change), value: folded.value, isStored: channel.reducer != .untracked)
  }

  /// A channel's new value, unless the change only adds to its list, and the change that leads to it.
  typealias Folded = (value: JSON?, change: ChannelDelta.Change)

  /// Why the channel may not hold what was folded; a list that only grows is looked at where it grew, if that will do.
  private func objection(to folded: Folded, of channel: ChannelDefinition, _ old: JSON?) -> String? {
    if let value = folded.value { return channel.objection(to: value) }
    guard case .append(let items) = folded.change else { return nil }
    let list = old?.arrayValue ?? []
    if channel.check == nil {
      guard let schema = channel.schema else { return nil }
      if let violations = schema.violations(ofAdding: items, to: list.count) { return violations.first?.description }
    }
    return channel.objection(to: .array(list + items))
  }

  /// The value of the one `{"$overwrite": v}` among `entries`; `nil` when there is none.
  private func overwrite(_ entries: [Entry], _ name: ChannelName) throws(Conflict) -> JSON? {
    guard entries.contains(where: { $0.write.value.overwritten != nil }) else { return nil }
    let overwrites = entries.filter { $0.write.value.overwritten != nil }
    guard overwrites.count < 2 else {
      throw conflict(
        .conflict, name, overwrites, "channel \(name): \(writers(overwrites)) both overwrite it; only one may")
    }
    return overwrites.first?.write.value.overwritten
  }

  private func reduce(
    _ entries: [Entry], _ channel: ChannelDefinition, _ old: JSON?, _ messages: inout MessagePlaces
  ) throws(Conflict) -> Folded {
    switch channel.reducer {
    case .replace, .ephemeral, .untracked:
      guard entries.allSatisfy({ $0.task == entries[0].task }) else {
        throw conflict(
          .conflict, channel.name, entries,
          "channel \(channel.name): \(writers(entries)) wrote it in the same super-step; "
            + "give it a reducer (reduce: append, last, …) or let one write after the other")
      }
      return set(entries[entries.count - 1].write.value)
    case .last:
      return set(entries[entries.count - 1].write.value)
    case .append:
      _ = try list(old, channel, entries)
      return (nil, .append(entries.flatMap { $0.write.value.asItems }))
    case .union:
      var seen = Set(try list(old, channel, entries))
      return (nil, .append(entries.flatMap { $0.write.value.asItems }.filter { seen.insert($0).inserted }))
    case .sum:
      var total = old ?? .int(0)
      for entry in entries { total = try sum(total, entry, channel.name) }
      return set(total)
    case .min, .max:
      var best = old
      for entry in entries { best = try extreme(best, entry, channel) }
      return set(best ?? .null)
    case .merge:
      return try merge(entries, channel, old)
    case .messages:
      return try fold(entries, channel, old, &messages)
    case .custom(let reducer):
      var value = old ?? reducer.start
      for entry in entries { value = try fold(entry, into: value, by: reducer, channel.name) }
      return set(value)
    }
  }

  private func fold(
    _ entry: Entry, into value: JSON, by reducer: CustomReducer, _ name: ChannelName
  ) throws(Conflict) -> JSON {
    do {
      return try reducer.fold(value, entry.write.value)
    } catch {
      throw conflict(
        .type, name, [entry], "channel \(name): \(reducer.name) refuses what \(entry.writer) wrote: \(error)")
    }
  }

  private func set(_ value: JSON) -> Folded { (value, .set(value)) }

  func list(_ old: JSON?, _ channel: ChannelDefinition, _ entries: [Entry]) throws(Conflict) -> [JSON] {
    switch old {
    case nil: return []
    case .array(let items)?: return items
    case let other?:
      throw conflict(
        .type, channel.name, entries,
        "channel \(channel.name): \(channel.reducer) needs a list, its value is \(other.typePhrase)")
    }
  }

  private func sum(_ total: JSON, _ entry: Entry, _ name: ChannelName) throws(Conflict) -> JSON {
    if case .int(let left) = total, case .int(let right) = entry.write.value {
      let (value, overflow) = left.addingReportingOverflow(right)
      if !overflow { return .int(value) }
      throw conflict(.type, name, [entry], "channel \(name): the sum is beyond 64-bit integers")
    }
    guard let left = total.doubleValue, let right = entry.write.value.doubleValue else {
      throw conflict(
        .type, name, [entry],
        "channel \(name): sum takes numbers, \(entry.writer) wrote \(entry.write.value.typePhrase)")
    }
    guard total.isExactAsDouble, entry.write.value.isExactAsDouble else {
      throw conflict(
        .type, name, [entry],
        "channel \(name): an integer beyond 2^53 and a decimal have no exact sum; write integers only")
    }
    guard (left + right).isFinite else {
      throw conflict(.type, name, [entry], "channel \(name): the sum is too large for a number")
    }
    return .number(left + right)
  }

  private func extreme(_ best: JSON?, _ entry: Entry, _ channel: ChannelDefinition) throws(Conflict) -> JSON {
    let value = entry.write.value
    let takesNew: Bool
    switch (best, value) {
    case (nil, .int), (nil, .double), (nil, .string): return value
    case (.string(let left)?, .string(let right)):
      takesNew =
        channel.reducer == .min
        ? right.utf8.lexicographicallyPrecedes(left.utf8) : left.utf8.lexicographicallyPrecedes(right.utf8)
    case (.int(let left)?, .int(let right)):
      takesNew = channel.reducer == .min ? right < left : right > left
    default:
      guard let left = best?.doubleValue, let right = value.doubleValue else {
        let have = best.map { ", the channel holds \($0.typePhrase)" } ?? ""
        throw conflict(
          .type, channel.name, [entry],
          "channel \(channel.name): \(channel.reducer) takes numbers or strings of one kind; "
            + "\(entry.writer) wrote \(value.typePhrase)\(have)")
      }
      takesNew = channel.reducer == .min ? right < left : right > left
    }
    return takesNew ? value : best ?? value
  }

  private func merge(_ entries: [Entry], _ channel: ChannelDefinition, _ old: JSON?) throws(Conflict) -> Folded {
    guard var merged = (old ?? [:]).objectValue else {
      throw conflict(
        .type, channel.name, entries,
        "channel \(channel.name): merge needs an object, its value is \(old?.typePhrase ?? "null")")
    }
    for entry in entries {
      guard case .object(let object) = entry.write.value else {
        throw conflict(
          .type, channel.name, [entry],
          "channel \(channel.name): merge takes objects, \(entry.writer) wrote \(entry.write.value.typePhrase)")
      }
      merged.mergeDeeply(object)
    }
    return (.object(merged), .merge(entries.map(\.write.value)))
  }

  func conflict(_ kind: ErrorKind, _ channel: ChannelName, _ entries: [Entry], _ message: String) -> Conflict {
    var tasks: [Int] = []
    for entry in entries where !tasks.contains(entry.task) { tasks.append(entry.task) }
    return Conflict(kind: kind, channel: channel, tasks: tasks, message: message)
  }

  private func writers(_ entries: [Entry]) -> String {
    var names: [String] = []
    for entry in entries where !names.contains(entry.writer) { names.append(entry.writer) }
    return names.formatted(joinedBy: "and")
  }
}

extension [StateFold.Entry] {
  /// What is written to each channel, the channel first that is written first.
  fileprivate var byChannel: [[StateFold.Entry]] {
    guard let first else { return [] }
    if count == 1 || allSatisfy({ $0.write.channel == first.write.channel }) { return [self] }
    var channels: OrderedDictionary<ChannelName, [StateFold.Entry]> = [:]
    for entry in self { channels[entry.write.channel, default: []].append(entry) }
    return channels.values.map(\.self)
  }
}

extension StateFold.Change {
  func apply(to values: inout JSONObject) {
    switch delta.change {
    case .append(let items) where value == nil: values.append(items, to: delta.channel)
    default: values[delta.channel.rawValue] = value
    }
  }
}

extension JSONObject {
  /// What `change` will put aside; `nil` where it only adds to a list.
  func before(_ change: StateFold.Change) -> JSON?? {
    let value = self[change.delta.channel.rawValue]
    if case .append = change.delta.change, change.value == nil, value != nil { return nil }
    return .some(value)
  }

  /// Takes back what `change` did.
  mutating func undo(_ change: StateFold.Change, to before: JSON??) {
    let channel = change.delta.channel.rawValue
    if let before {
      self[channel] = before
    } else if case .append(let items) = change.delta.change, case .array(var list)? = self[channel] {
      self[channel] = .null
      list.removeLast(items.count)
      self[channel] = .array(list)
    }
  }
}

extension [StateFold.Change] {
  /// Makes the changes in `values`; a list that only grows costs what is added where nobody else holds it.
  func apply(to values: inout JSONObject) {
    for change in self { change.apply(to: &values) }
  }

  /// What the store is to know.
  var stored: [ChannelDelta] { filter(\.isStored).map(\.delta) }
}

extension JSONObject {
  fileprivate mutating func append(_ items: [JSON], to channel: ChannelName) {
    var list = self[channel.rawValue]?.arrayValue ?? []
    self[channel.rawValue] = .null  // the list has one owner now, so it is added to in place
    list.append(contentsOf: items)
    self[channel.rawValue] = .array(list)
  }
}

extension JSON {
  /// `v` of `{"$overwrite": v}`.
  var overwritten: JSON? {
    guard case .object(let object) = self, object.count == 1 else { return nil }
    return object["$overwrite"]
  }

  /// False for an integer that a `Double` would change.
  fileprivate var isExactAsDouble: Bool {
    guard case .int(let value) = self else { return true }
    return Int(exactly: Double(value)) == value
  }

  /// A list's items, or the value as the one item.
  var asItems: [JSON] {
    if case .array(let items) = self { items } else { [self] }
  }
}

extension [String] {
  /// `a`, `a and b`, `a, b and c`.
  func formatted(joinedBy word: String) -> String {
    guard let last, count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " \(word) " + last
  }
}
