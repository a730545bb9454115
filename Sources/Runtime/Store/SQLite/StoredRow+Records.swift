import Graph

// What the columns of each table mean, both ways. A record's columns stand in the order of its table's SELECT in
// `SQL`, without the checksum.

extension ThreadRecord {
  var columns: [Column] {
    [
      .text(id.rawValue), .text(graphName), .text(graphHash), Column(graphPath), .text(status.rawValue), .int(head),
      .int(step), .int(created.milliseconds), .int(updated.milliseconds), Column(list: next, \.json),
      Column(error?.json(withResult: true).text), .text(durability.rawValue),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("thread")
    self.init(
      id: ThreadID(rawValue: try row.text()), graphName: try row.text(), graphHash: try row.text(),
      graphPath: try row.optionalText(), status: try ThreadStatus(stored: try row.text(), "status"),
      head: try row.int(), step: try row.int(), created: Timestamp(milliseconds: try row.int()),
      updated: Timestamp(milliseconds: try row.int()),
      next: try storedList(try row.text()) { json throws(Malformed) in try NodeName(json: json) },
      error: try row.optionalText().map { text throws(Malformed) in try TaskError(json: JSON(stored: text)) },
      durability: try Durability(stored: try row.text(), "durability"))
  }
}

extension TaskRecord {
  func columns(of thread: ThreadID) -> [Column] {
    [
      .text(thread.rawValue), .text(id.namespace), .int(checkpoint), .text(id.node), .int(id.index),
      .int(id.due.checkpoint), .int(id.due.offset), .int(ordinal), Column(isFanOut), .text(status.rawValue),
      .int(attempts), seconds.map(Column.double) ?? .null, Column(notBefore?.milliseconds),
      Column(handler?.rawValue), Column(error?.json(withResult: true).text),
      Column(list: writes, \.json), Column(list: triggers, \.json), Column(list: questions, \.json),
      Column(kept?.text), Column(result?.text),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("task")
    _ = try row.text()
    let namespace = try row.text()
    let checkpoint = try row.int()
    let node = NodeName(rawValue: try row.text())
    let index = try row.int()
    let due = DueMark(checkpoint: try row.int(), offset: try row.int())
    self.init(
      id: TaskID(namespace: namespace, due: due, node: node, index: index), checkpoint: checkpoint,
      ordinal: try row.int(), isFanOut: try row.bool(), status: try TaskStatus(stored: try row.text(), "status"))
    attempts = try row.int()
    seconds = try row.optionalDouble()
    notBefore = try row.optionalInt().map(Timestamp.init(milliseconds:))
    handler = try row.optionalText().map(NodeName.init(rawValue:))
    error = try row.optionalText().map { text throws(Malformed) in try TaskError(json: JSON(stored: text)) }
    writes = try storedList(try row.text()) { json throws(Malformed) in try ChannelWrite(json: json) }
    triggers = try storedList(try row.text()) { json throws(Malformed) in try Trigger(json: json) }
    questions = try storedList(try row.text()) { json throws(Malformed) in try Question(json: json) }
    kept = try row.optionalText().map { text throws(Malformed) in try JSON(stored: text) }
    result = try row.optionalText().map { text throws(Malformed) in try JSON(stored: text) }
  }
}

extension NoteRecord {
  func columns(of thread: ThreadID) -> [Column] {
    [.text(thread.rawValue), .text(key), .text(name), .text(value.text)]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("note")
    _ = try row.text()
    self.init(key: try row.text(), name: try row.text(), value: try JSON(stored: try row.text()))
  }
}

extension CheckpointGap {
  func columns(of thread: ThreadID) -> [Column] {
    [
      .text(thread.rawValue), .text(namespace), .int(numbers.lowerBound), .int(numbers.upperBound),
      .text(reason.rawValue),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("gap")
    _ = try row.text()
    let namespace = try row.text()
    let (first, last) = (try row.int(), try row.int())
    guard 0 < first, first <= last else { throw Malformed("its numbers run backwards") }
    self.init(namespace: namespace, numbers: first...last, reason: try Reason(stored: try row.text(), "reason"))
  }
}

extension OutputRecord {
  func columns(of thread: ThreadID) -> [Column] {
    [
      .text(thread.rawValue), .text(namespace), .int(checkpoint), .int(step), .text(node.rawValue), .text(task),
      .int(attempt), .text(stream.rawValue), .text(text),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("output")
    _ = try row.text()
    self.init(
      namespace: try row.text(), checkpoint: try row.int(), step: try row.int(),
      node: NodeName(rawValue: try row.text()), task: try row.text(), attempt: try row.int(),
      stream: try OutputStream(stored: try row.text(), "stream"), text: try row.text())
  }
}

extension ServiceRecord {
  var columns: [Column] {
    [
      .text(thread.rawValue), .text(key), .text(node.rawValue), .int(pid), .text(startTime), .text(bootID),
      Column(stopsAtRunEnd),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("service")
    self.init(
      thread: ThreadID(rawValue: try row.text()), key: try row.text(), node: NodeName(rawValue: try row.text()),
      pid: try row.int(), startTime: try row.text(), bootID: try row.text(), stopsAtRunEnd: try row.bool())
  }
}

extension GraphRecord {
  var columns: [Column] {
    let texts = files.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }
    return [.text(hash), .text(name), .text(text), Column(texts.isEmpty ? nil : JSON.object(JSONObject(texts)).text)]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("graph")
    self.init(hash: try row.text(), name: try row.text(), text: try row.text())
    guard let stored = try row.optionalText() else { return }
    guard case .object(let texts) = try JSON(stored: stored) else { throw Malformed("files: no object") }
    for (name, text) in texts { files[name] = text.stringValue ?? "" }
  }
}

extension CacheRecord {
  var columns: [Column] {
    [
      .text(key), .text(thread.rawValue), .text(node.rawValue), .int(created.milliseconds),
      Column(expires?.milliseconds), .text(result.text),
    ]
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    try row.check("cache")
    let key = try row.text()
    let thread = ThreadID(rawValue: try row.text())
    let node = NodeName(rawValue: try row.text())
    let created = Timestamp(milliseconds: try row.int())
    let expires = try row.optionalInt().map(Timestamp.init(milliseconds:))
    self.init(
      key: key, thread: thread, node: node, result: try JSON(stored: try row.text()), created: created, expires: expires
    )
  }
}

extension OwnerRecord {
  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    self.init(pid: try row.int(), host: try row.text(), bootID: try row.text())
  }
}
