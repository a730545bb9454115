import Graph

extension Agenda {
  var json: JSON {
    var object: JSONObject = ["due": .array(due.map(\.json))]
    object.add("arrivals", object: JSONObject(arrivals.byName { .array($0.sorted().map(\.json)) }))
    object.add("deferred", object: JSONObject(deferred.byName { .array($0.map { $0.json(withResult: true) }) }))
    return .object(object)
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(due: try fields.list("due") { json throws(Malformed) in try DueTask(json: json) })
    let arrived = try fields.members("arrivals") { json throws(Malformed) in
      Set(try Fields.list(json.arrayValue ?? [], at: "") { name throws(Malformed) in try NodeName(json: name) })
    }
    arrivals = Dictionary(uniqueKeysWithValues: arrived.map { (NodeName(rawValue: $0), $1) })
    let waiting = try fields.members("deferred") { json throws(Malformed) in
      try Fields.list(json.arrayValue ?? [], at: "") { error throws(Malformed) in try TaskError(json: error) }
    }
    deferred = Dictionary(uniqueKeysWithValues: waiting.map { (NodeName(rawValue: $0), $1) })
  }
}

extension Dictionary where Key == NodeName {
  /// In the order of the names, so that equal agendas are equal texts.
  fileprivate func byName(_ json: (Value) -> JSON) -> [(String, JSON)] {
    sorted { $0.key < $1.key }.map { ($0.key.rawValue, json($0.value)) }
  }
}

extension NodeName {
  var json: JSON { .string(rawValue) }

  init(json: JSON) throws(Malformed) {
    guard let text = json.stringValue else { throw Malformed("a node's name is needed, not \(json.typeName)") }
    self.init(rawValue: text)
  }
}

extension DueTask {
  var json: JSON {
    var object: JSONObject = ["node": .string(id.node), "index": .int(id.index), "due": .int(id.due.checkpoint)]
    if id.due.offset != 0 { object["offset"] = .int(id.due.offset) }
    if !id.namespace.isEmpty { object["namespace"] = .string(id.namespace) }
    object.add("item", item?.json)
    object.add("errors", list: errors.map { $0.json(withResult: true) })
    return .object(object)
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(
      id: TaskID(
        namespace: try fields.optionalString("namespace") ?? "",
        due: DueMark(checkpoint: try fields.int("due"), offset: try fields.optionalInt("offset") ?? 0),
        node: NodeName(rawValue: try fields.string("node")), index: try fields.int("index")),
      item: try fields.optional("item") { json throws(Malformed) in try FanOutItem(json: json) },
      errors: try fields.list("errors") { json throws(Malformed) in try TaskError(json: json) })
  }
}

extension FanOutItem {
  var json: JSON {
    var object: JSONObject = ["sender": sender.json, "index": .int(index), "value": value]
    object.add("parallel", parallel.map(JSON.int))
    return .object(object)
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(
      sender: NodeName(rawValue: try fields.string("sender")), value: try fields.value("value"),
      index: try fields.int("index"), parallel: try fields.optionalInt("parallel"))
  }
}

extension Trigger {
  var json: JSON {
    switch self {
    case .edge(let node): return ["to": node.json]
    case .fanOut(let node, let items, let parallel):
      var object: JSONObject = ["to": node.json, "each": .array(items)]
      object.add("parallel", parallel.map(JSON.int))
      return .object(object)
    }
  }

  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    let node = NodeName(rawValue: try fields.string("to"))
    guard fields.optional("each") != nil else {
      self = .edge(node)
      return
    }
    self = .fanOut(node, items: try fields.array("each"), parallel: try fields.optionalInt("parallel"))
  }
}

extension TaskError {
  init(json: JSON) throws(Malformed) {
    let fields = try Fields(json)
    self.init(
      node: try fields.optionalString("node").map(NodeName.init(rawValue:)),
      task: try fields.optionalString("task"),
      kind: try ErrorKind(stored: try fields.string("kind"), "error kind"),
      message: try fields.string("message"), result: fields.optional("result"))
  }
}
