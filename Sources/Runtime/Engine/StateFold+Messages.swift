import Graph

/// Where messages stand in their channels by id, kept from one super-step to the next.
struct MessagePlaces {
  private var channels: [ChannelName: Known] = [:]

  /// They are looked at and stay as they are: what a fold does with them is of no consequence.
  private var isFixed = false

  /// The same for a fold that is made to look at its outcome only.
  var fixed: MessagePlaces {
    var places = self
    places.isFixed = true
    return places
  }

  private struct Known {
    /// How long the list was when the places were right.
    var count: Int
    var places: [String: Int]
  }

  /// Gives the places in `list` away; they are to be put back once the channel's changes are known.
  fileprivate mutating func take(_ channel: ChannelName, _ list: [JSON]) -> [String: Int] {
    let known = isFixed ? channels[channel] : channels.removeValue(forKey: channel)
    if let known, known.count == list.count { return known.places }
    return list.messagePlaces
  }

  fileprivate mutating func put(_ places: [String: Int], count: Int, of channel: ChannelName) {
    guard !isFixed else { return }
    channels[channel] = Known(count: count, places: places)
  }
}

extension [JSON] {
  fileprivate var messagePlaces: [String: Int] {
    var places: [String: Int] = [:]
    for (place, message) in enumerated() {
      if let id = message["id"]?.stringValue { places[id] = place }
    }
    return places
  }
}

extension StateFold {
  /// The `messages` reducer: appends, replaces by id, removes; strings become user messages, missing ids are made.
  func fold(
    _ entries: [Entry], _ channel: ChannelDefinition, _ old: JSON?, _ known: inout MessagePlaces
  ) throws(Conflict) -> Folded {
    let list = try list(old, channel, entries)
    var edited = Edited(places: known.take(channel.name, list), count: list.count)
    var ids = MadeIDs(thread: thread, channel: channel.name)
    for entry in entries {
      for item in entry.write.value.asItems {
        let message = try message(item, entry, channel.name, &ids)
        let id = message["id"]?.stringValue ?? ""
        if message["role"] == "remove" {
          try remove(id, entry, channel.name, list, &edited)
        } else {
          edited.put(message, id, in: list)
        }
      }
    }
    let folded = edited.folded
    known.put(edited.takePlaces(), count: edited.count, of: channel.name)
    return folded
  }

  /// Ids for messages without one: what they are made of is the task and the place among what it wrote to the channel, so
  /// that they are the same whoever else wrote, and no two are alike, whichever subgraph they come from.
  private struct MadeIDs {
    let thread: ThreadID
    let channel: ChannelName
    private var made: [TaskID: (prefix: String, count: Int)] = [:]

    init(thread: ThreadID, channel: ChannelName) {
      self.thread = thread
      self.channel = channel
    }

    mutating func next(for task: TaskID) -> String {
      let known = made[task] ?? (TaskKey.messages(thread, task, in: channel), 0)
      made[task] = (known.prefix, known.count + 1)
      return "\(known.prefix).\(known.count)"
    }
  }

  /// A list of messages under way. It is copied only once something in it is changed.
  private struct Edited {
    private var places: [String: Int]

    /// Places of what was added: `places` may have another owner, and is not copied for a few.
    private var newPlaces: [String: Int] = [:]
    private(set) var count: Int
    private var changed: [JSON]?
    private var added: [JSON] = []
    private var edits: [ChannelDelta.ListEdit] = []

    init(places: [String: Int], count: Int) {
      self.places = places
      self.count = count
    }

    var folded: Folded {
      if let changed { (.array(changed), .edit(edits)) } else { (nil, .append(added)) }
    }

    func place(of id: String) -> Int? { newPlaces[id] ?? places[id] }

    /// The places of the whole list, given away.
    mutating func takePlaces() -> [String: Int] {
      var all: [String: Int] = [:]
      swap(&all, &places)
      for (id, place) in newPlaces { all[id] = place }
      return all
    }

    mutating func put(_ message: JSON, _ id: String, in list: [JSON]) {
      guard let place = place(of: id) else {
        newPlaces[id] = count
        count += 1
        if changed == nil { added.append(message) } else { edit(list, .append(message)) { $0.append(message) } }
        return
      }
      edit(list, .put(place, message)) { $0[place] = message }
    }

    mutating func remove(at place: Int, from list: [JSON]) {
      edit(list, .remove(place)) { $0.remove(at: place) }
      count -= 1
      places = (changed ?? list).messagePlaces
      newPlaces = [:]
    }

    mutating func removeAll(of list: [JSON]) {
      edit(list, .removeAll) { $0 = [] }
      count = 0
      places = [:]
      newPlaces = [:]
    }

    private mutating func edit(_ list: [JSON], _ edit: ChannelDelta.ListEdit, _ body: (inout [JSON]) -> Void) {
      var messages = changed ?? list + added
      if changed == nil { edits = added.map(ChannelDelta.ListEdit.append) }
      changed = nil  // one owner: edited in place
      body(&messages)
      changed = messages
      edits.append(edit)
    }
  }

  /// `item` as a message with a role and an id.
  private func message(
    _ item: JSON, _ entry: Entry, _ name: ChannelName, _ ids: inout MadeIDs
  ) throws(Conflict) -> JSON {
    var object: JSONObject
    switch item {
    case .string(let text): object = ["role": "user", "content": .string(text)]
    case .object(let given): object = given
    default:
      throw conflict(
        .type, name, [entry],
        "channel \(name): a message is an object or a string, \(entry.writer) wrote \(item.typePhrase)")
    }
    guard case .string? = object["role"] else {
      throw conflict(
        .type, name, [entry],
        "channel \(name): a message of \(entry.writer) has no role; give it one, such as role: user")
    }
    switch object["id"] {
    case .string?: break
    case nil, .null?:
      guard object["role"] != "remove" else {
        throw conflict(.type, name, [entry], "channel \(name): {role: remove} of \(entry.writer) names no id")
      }
      object["id"] = .string(ids.next(for: entry.id))
    case let other?:
      throw conflict(
        .type, name, [entry], "channel \(name): a message id is a string, \(entry.writer) gave \(other.typePhrase)")
    }
    return .object(object)
  }

  private func remove(
    _ id: String, _ entry: Entry, _ name: ChannelName, _ list: [JSON], _ edited: inout Edited
  ) throws(Conflict) {
    if id == "*" { return edited.removeAll(of: list) }
    guard let place = edited.place(of: id) else {
      throw conflict(
        .type, name, [entry], "channel \(name): \(entry.writer) removes message \"\(id)\", which is not there")
    }
    edited.remove(at: place, from: list)
  }
}
