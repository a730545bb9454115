/// One block of a stream of server-sent events.
struct ServerEvent: Sendable, Hashable {
  /// What kind of event it is; without it `message`.
  var event: String?

  /// The lines of `data`, joined; `nil` where the block has none and is no event, only news of `id` or `retry`.
  var data: String?

  /// From here on, the id to begin after when the stream is asked for again.
  var id: String?

  /// How long to wait before the stream is asked for again.
  var retry: Duration?

  /// Lines that are no field of an event: servers write errors so.
  var strays: [String] = []
}

/// Reads `text/event-stream` (the HTML standard, 9.2): lines end with LF, CRLF or CR, a byte order mark may stand first.
struct EventStreamParser: Sendable {
  /// The most bytes of one block.
  let limitBytes: Int

  private var line: [UInt8] = []
  private var block = Block()

  /// The last byte was a CR: an LF now belongs to it.
  private var isAfterCR = false
  private var isFirstLine = true

  private struct Block: Sendable {
    var event = ServerEvent()
    var data: [String] = []
    var bytes = 0
    var hasContent = false
  }

  init(limitBytes: Int = 1 << 20) {
    self.limitBytes = limitBytes
  }

  /// The events that `piece` completes.
  mutating func events(in piece: some Sequence<UInt8>) throws(FramingError) -> [ServerEvent] {
    var events: [ServerEvent] = []
    var rest = Array(piece)[...]
    if isAfterCR, let first = rest.first {
      isAfterCR = false
      if first == UInt8(ascii: "\n") { rest.removeFirst() }
    }
    while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      try extend(rest[..<end])
      if let event = try endLine() { events.append(event) }
      let isCR = rest[end] == UInt8(ascii: "\r")
      rest = rest[(end + 1)...]
      isAfterCR = isCR && rest.isEmpty
      if isCR, rest.first == UInt8(ascii: "\n") { rest.removeFirst() }
    }
    try extend(rest)
    return events
  }

  private mutating func extend(_ bytes: ArraySlice<UInt8>) throws(FramingError) {
    block.bytes += bytes.count
    guard block.bytes <= limitBytes else { throw .eventTooLong(limitBytes: limitBytes) }
    line += bytes
  }

  /// What stands since the last blank line when the stream has ended. The standard drops it; a server that forgot the
  /// blank line, or whose answer is no stream of events at all, is understood by it.
  mutating func finish() throws(FramingError) -> ServerEvent? {
    if !line.isEmpty, let event = try endLine() { return event }
    return endBlock()
  }

  private mutating func endLine() throws(FramingError) -> ServerEvent? {
    if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    isFirstLine = false
    guard !line.isEmpty else { return endBlock() }
    defer { line = [] }
    guard let text = String(validating: line, as: UTF8.self) else { throw .notUTF8 }
    read(text)
    return nil
  }

  private mutating func endBlock() -> ServerEvent? {
    defer { block = Block() }
    guard block.hasContent else { return nil }
    if !block.data.isEmpty { block.event.data = block.data.joined(separator: "\n") }
    return block.event
  }

  private mutating func read(_ line: String) {
    guard !line.hasPrefix(":") else { return }
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var value = parts.count > 1 ? parts[1] : ""
    if value.hasPrefix(" ") { value.removeFirst() }
    switch parts[0] {
    case "event": block.event.event = String(value)
    case "data": block.data.append(String(value))
    case "id" where !value.utf8.contains(0): block.event.id = String(value)
    case "id": return
    case "retry":
      guard value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(value) else { return }
      block.event.retry = .milliseconds(min(count, 86_400_000))
    default: block.event.strays.append(line)
    }
    // An event's kind alone is no event.
    if parts[0] != "event" { block.hasContent = true }
  }
}
