import Graph

extension ChannelDelta {
  var json: JSON {
    let (key, value) = change.member
    return ["channel": .string(channel.rawValue), key: value]
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    let channel = ChannelName(rawValue: try fields.string("channel"))
    self.init(channel, try Change(fields))
  }
}

extension ChannelDelta.Change {
  fileprivate var member: (String, JSON) {
    switch self {
    case .set(let value): ("set", value)
    case .unset: ("unset", true)
    case .append(let items): ("append", .array(items))
    case .edit(let edits): ("edit", .array(edits.map(\.json)))
    case .merge(let objects): ("merge", .array(objects))
    }
  }

  fileprivate init(_ fields: Fields) throws(Malformed) {
    if let value = fields.optional("set") {
      self = .set(value)
    } else if fields.optional("unset") != nil {
      self = .unset
    } else if fields.optional("append") != nil {
      self = .append(try fields.array("append"))
    } else if fields.optional("edit") != nil {
      self = .edit(try fields.list("edit") { json throws(Malformed) in try ChannelDelta.ListEdit(json: json) })
    } else if fields.optional("merge") != nil {
      self = .merge(try fields.array("merge"))
    } else {
      throw Malformed("unknown change")
    }
  }
}

extension ChannelDelta.ListEdit {
  fileprivate var json: JSON {
    switch self {
    case .append(let item): ["append": item]
    case .put(let index, let item): ["put": item, "at": .int(index)]
    case .remove(let index): ["remove": .int(index)]
    case .removeAll: ["removeAll": true]
    }
  }

  fileprivate init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    if let item = fields.optional("append") {
      self = .append(item)
    } else if let item = fields.optional("put") {
      self = .put(try fields.int("at"), item)
    } else if fields.optional("remove") != nil {
      self = .remove(try fields.int("remove"))
    } else if fields.optional("removeAll") != nil {
      self = .removeAll
    } else {
      throw Malformed("unknown edit")
    }
  }
}

extension ChannelWrite {
  var json: JSON { ["channel": .string(channel.rawValue), "value": value] }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(ChannelName(rawValue: try fields.string("channel")), try fields.value("value"))
  }
}

extension Question {
  var json: JSON {
    var object: JSONObject = ["id": .string(id), "kind": .string(kind.rawValue), "prompt": .string(prompt)]
    object.add("key", key.map(JSON.string))
    object.add("choices", choices.map(JSON.array))
    object.add("schema", schema)
    object.add("answer", answer)
    if let origin {
      object["asked"] = [
        "namespace": .string(origin.namespace), "node": origin.node.json, "task": .string(origin.task),
      ]
    }
    if isDelivered { object["delivered"] = true }
    return .object(object)
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(
      id: try fields.string("id"), kind: try Kind(stored: try fields.string("kind"), "question kind"),
      key: fields.optional("key") == nil ? nil : try fields.string("key"), prompt: try fields.string("prompt"),
      choices: fields.optional("choices") == nil ? nil : try fields.array("choices"),
      schema: fields.optional("schema"), answer: fields.optional("answer"),
      origin: try fields.optional("asked").map { json throws(Malformed) in try QuestionOrigin(json: json) })
    isDelivered = fields.optional("delivered") == true
  }
}

extension QuestionOrigin {
  fileprivate init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(
      namespace: try fields.string("namespace"), node: NodeName(rawValue: try fields.string("node")),
      task: try fields.string("task"))
  }
}
