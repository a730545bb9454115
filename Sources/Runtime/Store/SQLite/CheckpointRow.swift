import Graph

/// A checkpoint as its row holds it: what loading walks over, texts still unread.
struct CheckpointRow: Sendable {
  var number: Int
  var parent: Int?
  var step: Int
  var source: String
  var created: Int

  /// Where loading starts: the nearest checkpoint of the line that holds a snapshot, or the line's first.
  var base: Int

  /// What the base weighs.
  var baseBytes: Int

  /// What has to be read between the base and this row, both ends' state aside.
  var lineBytes: Int
  var parentChecksum: String?
  var checksum = ""
  var agenda: String
  var deltas: String
  var snapshot: String?

  /// Apart from ``checksum``, so that a row may become a base later and its children still grow from it.
  var baseChecksum = ""

  static let columns =
    "number, parent, step, source, created, parent_checksum, agenda, deltas, checksum, base, base_bytes, line_bytes, snapshot, base_checksum"

  init(_ record: CheckpointRecord, deltas: String) {
    number = record.number
    parent = record.parent
    step = record.step
    source = record.source.rawValue
    created = record.created.milliseconds
    base = record.number
    baseBytes = deltas.utf8.count
    lineBytes = 0
    agenda = record.agenda.json.text
    self.deltas = deltas
  }

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    number = try row.int()
    parent = try row.optionalInt()
    step = try row.int()
    source = try row.text()
    created = try row.int()
    parentChecksum = try row.optionalText()
    agenda = try row.text()
    deltas = try row.text()
    checksum = try row.text()
    base = try row.int()
    baseBytes = try row.int()
    lineBytes = try row.int()
    snapshot = try row.optionalText()
    baseChecksum = try row.text()
    guard base <= number, parent.map({ $0 < number }) ?? true else { throw Malformed("its line runs backwards") }
  }

  /// Nothing before it is needed to read its state.
  var isBase: Bool { base == number }

  /// Over the parent's checksum, this row, and the tasks whose end made it.
  func sealed(_ thread: ThreadID, _ namespace: String, tasks: [String]) -> String {
    RowBytes("checkpoint", sealedColumns(thread, namespace)).checksum(and: tasks)
  }

  /// Over where reading begins, for this very row.
  func sealedBase() -> String { RowBytes("base", baseColumns).checksum() }

  /// - Returns: the row, whole.
  mutating func seal(_ thread: ThreadID, _ namespace: String, tasks: [String]) -> RowBytes {
    var bytes = RowBytes("checkpoint", sealedColumns(thread, namespace))
    checksum = bytes.checksum(and: tasks)
    let base = bytes.count
    bytes.append(baseColumns)
    baseChecksum = bytes.checksum("base", from: base)
    bytes.append(baseChecksum)
    return bytes
  }

  private func sealedColumns(_ thread: ThreadID, _ namespace: String) -> [Column] {
    [
      .text(thread.rawValue), .text(namespace), .int(number), Column(parent), .int(step), .text(source),
      .int(created), Column(parentChecksum), .text(agenda), .text(deltas),
    ]
  }

  private var baseColumns: [Column] {
    [.text(checksum), .int(base), .int(baseBytes), .int(lineBytes), Column(snapshot)]
  }

  func record(_ namespace: String, withDeltas: Bool = true) throws(Malformed) -> CheckpointRecord {
    CheckpointRecord(
      namespace: namespace, number: number, parent: parent, step: step,
      source: try CheckpointSource(stored: source, "source"), created: Timestamp(milliseconds: created),
      agenda: try naming("agenda") { () throws(Malformed) in try Agenda(json: JSON(stored: agenda)) },
      deltas: withDeltas ? try readDeltas() : [])
  }

  func readDeltas() throws(Malformed) -> [ChannelDelta] {
    try naming("deltas") { () throws(Malformed) in
      try storedList(deltas) { json throws(Malformed) in try ChannelDelta(json: json) }
    }
  }

  func readSnapshot() throws(Malformed) -> JSONObject? {
    guard let snapshot else { return nil }
    return try naming("snapshot") { () throws(Malformed) in
      guard case .object(let values) = try JSON(stored: snapshot) else { throw Malformed("no object") }
      return values
    }
  }
}

extension CheckpointRow {
  /// What reading one more row of a line costs besides its text, in bytes of text.
  static let overhead = 128

  /// Below this a snapshot would not be worth its row.
  static let leastBytes = 8 << 10

  /// Puts the row below `parent`, with a snapshot when what was added since the last one outweighs that.
  mutating func follow(_ parent: CheckpointLine, values: () throws -> JSONObject) rethrows {
    parentChecksum = parent.checksum
    lineBytes = parent.lineBytes + deltas.utf8.count + Self.overhead
    base = parent.base
    baseBytes = parent.baseBytes
    if lineBytes > max(baseBytes, Self.leastBytes) { keepSnapshot(of: try values()) }
  }

  mutating func keepSnapshot(of values: JSONObject) {
    let text = JSON.object(values).text
    snapshot = text
    base = number
    baseBytes = text.utf8.count
    lineBytes = 0
  }
}

/// What a checkpoint's children need to know of it.
struct CheckpointLine: Sendable {
  var base: Int
  var baseBytes: Int
  var lineBytes: Int
  var checksum: String

  init(_ row: StoredRow) throws(Malformed) {
    var row = row
    base = try row.int()
    baseBytes = try row.int()
    lineBytes = try row.int()
    checksum = try row.text()
  }

  init(_ row: CheckpointRow) {
    base = row.base
    baseBytes = row.baseBytes
    lineBytes = row.lineBytes
    checksum = row.checksum
  }
}
