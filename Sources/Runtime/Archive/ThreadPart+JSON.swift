import Graph

// How an export spells the parts of a thread: a line each, `{"task": {…}}`. docs/store.md tells the format.

extension ThreadPart {
  /// How far a line may nest: what it wraps around a value of the deepest kind comes on top.
  static let depth = JSONLimits.depth + 12

  var json: JSON {
    switch self {
    case .thread(let record): ["thread": record.exported]
    case .graph(let record): ["graph": record.exported]
    case .gap(let gap): ["gap": gap.exported]
    case .checkpoint(let record, let values): ["checkpoint": record.exported(values)]
    case .task(let record): ["task": record.exported]
    case .note(let record): ["note": record.exported]
    case .output(let record): ["output": record.exported]
    }
  }

  init(json: JSON) throws(Malformed) {
    guard let object = json.objectValue, object.count == 1, let kind = object.keys.first, let value = object[kind]
    else { throw Malformed("one part of a thread is needed") }
    let fields = try naming(kind) { () throws(Malformed) in try Fields(value) }
    self = try naming(kind) { () throws(Malformed) in try Self.part(kind, fields) }
  }

  private static func part(_ kind: String, _ fields: Fields) throws(Malformed) -> ThreadPart {
    switch kind {
    case "thread": .thread(try ThreadRecord(exported: fields))
    case "graph": .graph(try GraphRecord(exported: fields))
    case "gap": .gap(try CheckpointGap(exported: fields))
    case "checkpoint":
      .checkpoint(
        try CheckpointRecord(exported: fields),
        values: try fields.optional("values") { json throws(Malformed) in
          guard let values = json.objectValue else { throw Malformed("no object") }
          return values
        })
    case "task": .task(try TaskRecord(exported: fields))
    case "note": .note(try NoteRecord(exported: fields))
    case "output": .output(try OutputRecord(exported: fields))
    default: throw Malformed("unknown part")
    }
  }
}

extension ThreadRecord {
  fileprivate var exported: JSON {
    var object: JSONObject = [
      "id": id.json, "graph": .string(graphName), "hash": .string(graphHash), "status": .string(status.rawValue),
      "head": .int(head), "step": .int(step), "created": .int(created.milliseconds),
      "updated": .int(updated.milliseconds), "next": .array(next.map(\.json)),
      "durability": .string(durability.rawValue),
    ]
    object.add("error", error?.json(withResult: true))
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    self.init(
      id: try fields.name("id"), graphName: try fields.string("graph"), graphHash: try fields.string("hash"),
      graphPath: nil, status: try fields.choice("status"), head: try fields.count("head"),
      step: try fields.count("step"), created: try fields.time("created"), updated: try fields.time("updated"),
      next: try fields.list("next") { json throws(Malformed) in try NodeName(checked: json) },
      error: try fields.optional("error") { json throws(Malformed) in try TaskError(json: json) },
      durability: try fields.choice("durability"))
  }
}

extension GraphRecord {
  fileprivate var exported: JSON {
    var object: JSONObject = ["hash": .string(hash), "name": .string(name), "text": .string(text)]
    if !files.isEmpty {
      object["files"] = .object(JSONObject(files.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    self.init(hash: try fields.string("hash"), name: try fields.string("name"), text: try fields.string("text"))
    files =
      try fields.optional("files") { json throws(Malformed) in
        var files: [String: String] = [:]
        for (name, text) in json.objectValue ?? [:] {
          guard let text = text.stringValue else { throw Malformed("file \(name): no text") }
          files[name] = text
        }
        return files
      } ?? [:]
  }
}

extension CheckpointGap {
  fileprivate var exported: JSON {
    var object = JSONObject()
    if !namespace.isEmpty { object["namespace"] = .string(namespace) }
    object["first"] = .int(numbers.lowerBound)
    object["last"] = .int(numbers.upperBound)
    object["reason"] = .string(reason.rawValue)
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    let (first, last) = (try fields.count("first"), try fields.count("last"))
    guard 0 < first, first <= last else { throw Malformed("its numbers run backwards") }
    self.init(
      namespace: try fields.optionalString("namespace") ?? "", numbers: first...last,
      reason: try fields.choice("reason"))
  }
}

extension CheckpointRecord {
  fileprivate func exported(_ values: JSONObject?) -> JSON {
    var object = JSONObject()
    if !namespace.isEmpty { object["namespace"] = .string(namespace) }
    object["number"] = .int(number)
    object.add("parent", parent.map(JSON.int))
    object["step"] = .int(step)
    object["source"] = .string(source.rawValue)
    object["created"] = .int(created.milliseconds)
    object["agenda"] = agenda.json
    object.add("deltas", list: deltas.map(\.json))
    object.add("values", values.map(JSON.object))
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    self.init(
      namespace: try fields.optionalString("namespace") ?? "", number: try fields.count("number"),
      parent: try fields.optional("parent") { json throws(Malformed) in try json.count() },
      step: try fields.count("step"), source: try fields.choice("source"), created: try fields.time("created"),
      agenda: try Agenda(json: fields.value("agenda")),
      deltas: try fields.list("deltas") { json throws(Malformed) in try ChannelDelta(json: json) })
    guard number > 0, parent.map({ 0 < $0 && $0 < number }) ?? true else { throw Malformed("its line runs backwards") }
    for delta in deltas where !ChannelName.isValid(delta.channel.rawValue) { throw Malformed("a channel's name") }
  }
}

extension TaskRecord {
  fileprivate var exported: JSON {
    var object = JSONObject()
    if !id.namespace.isEmpty { object["namespace"] = .string(id.namespace) }
    object["checkpoint"] = .int(checkpoint)
    object["node"] = .string(id.node)
    object["index"] = .int(id.index)
    object["due"] = .int(id.due.checkpoint)
    if id.due.offset != 0 { object["offset"] = .int(id.due.offset) }
    object["ordinal"] = .int(ordinal)
    if isFanOut { object["fanOut"] = true }
    object["status"] = .string(status.rawValue)
    object["attempts"] = .int(attempts)
    object.add("seconds", seconds.map(JSON.number))
    object.add("notBefore", notBefore.map { .int($0.milliseconds) })
    object.add("handler", handler?.json)
    object.add("error", error?.json(withResult: true))
    object.add("writes", list: writes.map(\.json))
    object.add("triggers", list: triggers.map(\.json))
    object.add("questions", list: questions.map(\.json))
    object.add("kept", kept)
    object.add("result", result)
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    let node: NodeName = try fields.name("node")
    self.init(
      id: TaskID(
        namespace: try fields.optionalString("namespace") ?? "",
        due: DueMark(checkpoint: try fields.count("due"), offset: try fields.optionalInt("offset") ?? 0), node: node,
        index: try fields.count("index")),
      checkpoint: try fields.count("checkpoint"), ordinal: try fields.count("ordinal"),
      isFanOut: fields.optional("fanOut") == true, status: try fields.choice("status"))
    attempts = try fields.count("attempts")
    seconds = try fields.optional("seconds") { json throws(Malformed) in
      guard let number = json.doubleValue else { throw Malformed("no number") }
      return number
    }
    notBefore = fields.optional("notBefore") == nil ? nil : try fields.time("notBefore")
    handler = try fields.optional("handler") { json throws(Malformed) in try NodeName(checked: json) }
    error = try fields.optional("error") { json throws(Malformed) in try TaskError(json: json) }
    writes = try fields.list("writes") { json throws(Malformed) in try ChannelWrite(json: json) }
    triggers = try fields.list("triggers") { json throws(Malformed) in try Trigger(json: json) }
    questions = try fields.list("questions") { json throws(Malformed) in try Question(json: json) }
    kept = fields.optional("kept")
    result = fields.optional("result")
  }
}

extension NoteRecord {
  fileprivate var exported: JSON { ["key": .string(key), "name": .string(name), "value": value] }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    self.init(key: try fields.string("key"), name: try fields.string("name"), value: try fields.value("value"))
  }
}

extension OutputRecord {
  fileprivate var exported: JSON {
    var object = JSONObject()
    if !namespace.isEmpty { object["namespace"] = .string(namespace) }
    object["checkpoint"] = .int(checkpoint)
    object["step"] = .int(step)
    object["node"] = node.json
    object["task"] = .string(task)
    object["attempt"] = .int(attempt)
    object["stream"] = .string(stream.rawValue)
    object["text"] = .string(text)
    return .object(object)
  }

  fileprivate init(exported fields: Fields) throws(Malformed) {
    self.init(
      namespace: try fields.optionalString("namespace") ?? "", checkpoint: try fields.count("checkpoint"),
      step: try fields.count("step"), node: try fields.name("node"), task: try fields.string("task"),
      attempt: try fields.count("attempt"), stream: try fields.choice("stream"), text: try fields.string("text"))
  }
}

extension Fields {
  /// A number from 0 on.
  fileprivate func count(_ key: String) throws(Malformed) -> Int {
    do { return try value(key).count() } catch { throw error.at(key) }
  }

  fileprivate func time(_ key: String) throws(Malformed) -> Timestamp { Timestamp(milliseconds: try int(key)) }

  fileprivate func choice<Choice: RawRepresentable<String>>(_ key: String) throws(Malformed) -> Choice {
    try Choice(stored: try string(key), key)
  }

  fileprivate func name<Value: Name>(_ key: String) throws(Malformed) -> Value {
    guard let name = Value(checking: try string(key)) else { throw Malformed("\(key) is no name: \(Value.rule)") }
    return name
  }
}

extension JSON {
  fileprivate func count() throws(Malformed) -> Int {
    guard let number = intValue, number >= 0, number < 1 << 53 else { throw Malformed("no number from 0 on") }
    return number
  }
}

extension NodeName {
  fileprivate init(checked json: JSON) throws(Malformed) {
    guard let name = json.stringValue.flatMap(NodeName.init(checking:)) else { throw Malformed("no node's name") }
    self = name
  }
}
