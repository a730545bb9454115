import Graph

extension StateFold {
  /// The `messages` reducer: appends, replaces by id, removes; strings become user messages, missing ids are made.
  func messages(
    _ entries: [Entry], _ channel: ChannelDefinition, _ old: JSON?
  ) throws(Conflict) -> (value: JSON, change: ChannelDelta.Change) {
    var messages = try list(old, channel, entries)
    var places: [String: Int] = [:]
    for (place, message) in messages.enumerated() {
      if let id = message["id"]?.stringValue { places[id] = place }
    }
    var edits: [ChannelDelta.ListEdit] = []
    var made = 0
    for entry in entries {
      for item in entry.write.value.asItems {
        let message = try message(item, entry, channel.name, &made)
        let id = message["id"]?.stringValue ?? ""
        if message["role"] == "remove" {
          try remove(id, entry, channel.name, &messages, &places, &edits)
        } else if let place = places[id] {
          messages[place] = message
          edits.append(.put(place, message))
        } else {
          places[id] = messages.count
          messages.append(message)
          edits.append(.append(message))
        }
      }
    }
    let isAppend = edits.allSatisfy { if case .append = $0 { true } else { false } }
    let added = edits.compactMap { if case .append(let message) = $0 { message } else { nil } }
    return (.array(messages), isAppend ? .append(added) : .edit(edits))
  }

  /// `item` as a message with a role and an id.
  private func message(
    _ item: JSON, _ entry: Entry, _ name: ChannelName, _ made: inout Int
  ) throws(Conflict) -> JSON {
    var object: JSONObject
    switch item {
    case .string(let text): object = ["role": "user", "content": .string(text)]
    case .object(let given): object = given
    default:
      throw conflict(
        .type, name, [entry],
        "channel \(name): a message is an object or a string, \(entry.writer) wrote a \(item.typeName)")
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
      object["id"] = .string("m\(step).\(made)")
      made += 1
    case let other?:
      throw conflict(
        .type, name, [entry], "channel \(name): a message id is a string, \(entry.writer) gave a \(other.typeName)")
    }
    return .object(object)
  }

  private func remove(
    _ id: String, _ entry: Entry, _ name: ChannelName, _ messages: inout [JSON], _ places: inout [String: Int],
    _ edits: inout [ChannelDelta.ListEdit]
  ) throws(Conflict) {
    if id == "*" {
      messages = []
      places = [:]
      edits.append(.removeAll)
      return
    }
    guard let place = places[id] else {
      throw conflict(
        .type, name, [entry], "channel \(name): \(entry.writer) removes message \"\(id)\", which is not there")
    }
    messages.remove(at: place)
    edits.append(.remove(place))
    places = [:]
    for (place, message) in messages.enumerated() {
      if let id = message["id"]?.stringValue { places[id] = place }
    }
  }
}
