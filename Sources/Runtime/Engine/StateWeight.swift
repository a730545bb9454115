import Graph

/// What a state weighs, about the bytes of its JSON, kept up to date by what changes (RELIABILITY R15).
struct StateWeight: Sendable {
  /// A checkpoint of more is refused.
  static let mostBytes = 64 << 20

  /// A channel of more is worth a warning: every snapshot stores it, every expression that reads it is slow.
  static let heavyBytes = 1 << 20

  private var channels: [ChannelName: Int] = [:]
  private(set) var total = 0

  init(_ values: JSONObject) {
    for (name, value) in values { set(ChannelName(rawValue: name), to: value.weight) }
  }

  /// What channels weigh that changed, and the state with them.
  struct Gain {
    var channels: [(name: ChannelName, weight: Int)] = []
    var total: Int
  }

  /// What `changes` make of it; costs what changed, where the reducer only adds.
  func gain(by changes: [StateFold.Change]) -> Gain {
    var gain = Gain(total: total)
    for change in changes where change.isStored {
      let channel = change.delta.channel
      let old = channels[channel]
      let weight = change.delta.change.addedWeight.map { (old ?? 2) + $0 } ?? change.value?.weight ?? 0
      if weight != old { gain.channels.append((channel, weight)) }
      gain.total += weight - (old ?? 0)
    }
    return gain
  }

  mutating func take(_ gain: Gain) {
    for (name, weight) in gain.channels { channels[name] = weight }
    total = gain.total
  }

  subscript(channel: ChannelName) -> Int { channels[channel, default: 0] }

  /// Why no checkpoint may hold the state; `nil` when one may.
  var objection: String? {
    guard total > Self.mostBytes, let heaviest = channels.max(by: { $0.value < $1.value }) else { return nil }
    return
      "the state would be \(total >> 20) MiB, \(heaviest.value >> 20) MiB of it in channel \(heaviest.key); a checkpoint "
      + "holds at most \(Self.mostBytes >> 20) MiB: keep large data in files, and their names in channels"
  }

  /// The same for the state that grew by `gain`; one that shrinks is never refused.
  func objection(to gain: Gain) -> String? {
    guard gain.total > max(total, Self.mostBytes) else { return nil }
    var after = self
    after.take(gain)
    return after.objection
  }

  private mutating func set(_ channel: ChannelName, to weight: Int) {
    total += weight - channels[channel, default: 0]
    channels[channel] = weight
  }
}

extension ChannelDelta.Change {
  /// What the change adds where it does nothing else.
  fileprivate var addedWeight: Int? {
    switch self {
    case .append(let items): return items.reduce(0) { $0 + $1.weight + 1 }
    case .edit(let edits):
      var sum = 0
      for edit in edits {
        guard case .append(let item) = edit else { return nil }
        sum += item.weight + 1
      }
      return sum
    case .set, .unset, .merge: return nil
    }
  }
}

extension JSON {
  /// About the bytes of its text.
  fileprivate var weight: Int {
    switch self {
    case .null, .bool: 4
    case .int, .double: 8
    case .string(let text): text.utf8.count + 2
    case .array(let items): items.reduce(2) { $0 + $1.weight + 1 }
    case .object(let object): object.reduce(2) { $0 + $1.key.utf8.count + $1.value.weight + 4 }
    }
  }
}
