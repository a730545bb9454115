/// Reads one YAML document into ``YAMLNode``s and collects what graph files may not have: tags, merge keys, duplicate
/// keys, keys that are no text, unknown and cyclic anchors, more depth or size than the limits.
struct YAMLReader {
  static let limitBytes = 4 << 20

  /// Values an alias may stand for in all, counted with their contents.
  static let aliasedValues = 100_000

  private(set) var problems: [Problem] = []
  private let events: YAMLEvents
  private let lines: [Substring.UnicodeScalarView]
  private var anchors: [String: Anchor] = [:]
  private var open: Set<String> = []
  private var aliased = 0

  private struct Anchor {
    var node: YAMLNode
    var size: Size
  }

  private struct Size {
    var values = 1
    var height = 1

    mutating func add(_ inner: Size) {
      values += inner.values
      height = max(height, inner.height + 1)
    }
  }

  /// Reading cannot go on; the problem is already noted.
  private struct Stop: Error {}

  /// The document's value, `nil` where there is none; and every problem met.
  static func read(_ text: String) -> (root: YAMLNode?, problems: [Problem]) {
    guard text.utf8.count <= limitBytes else {
      let message = "the file has \(text.utf8.count) bytes; \(limitBytes) are the most a graph may have"
      return (nil, [Problem(at: SourcePosition(line: 1, column: 1), message)])
    }
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    if let zero = text.utf8.firstIndex(of: 0) {
      let message = "a NUL character; is the file UTF-16, or not text at all?"
      let position = SourcePosition(in: String(text[..<zero]))
      return (nil, [Problem(at: position, message, hint: "save it as UTF-8")])
    }
    var reader = YAMLReader(text)
    let root = try? reader.document()
    return (root, reader.problems)
  }

  private init(_ text: String) {
    events = YAMLEvents(text)
    lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
  }

  private mutating func document() throws(Stop) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try next()
      switch event.kind {
      case .streamEnd:
        if root == nil { note(SourcePosition(line: 1, column: 1), "the file is empty") }
        return root
      case .documentStart where root != nil:
        note(event.start, "a second document; a graph file has one", hint: "remove the line ---")
        return root
      case .documentStart, .documentEnd, .other: continue
      default: root = try value(event, depth: 1).node
      }
    }
  }

  private mutating func value(_ event: YAMLEvent, depth: Int) throws(Stop) -> (node: YAMLNode, size: Size) {
    guard depth <= JSONLimits.depth else {
      note(event.start, "nested more than \(JSONLimits.depth) levels deep")
      throw Stop()
    }
    if case .alias(let name) = event.kind { return try alias(name, event, depth: depth) }
    if let anchor = event.anchor { open.insert(anchor) }
    var (node, size) = try content(event, depth: depth)
    if let tag = event.tag {
      note(event.start, "the tag \(shown(tag)) is refused; graph files are plain data", hint: "remove it")
      node.content = .broken
    }
    if let anchor = event.anchor {
      open.remove(anchor)
      anchors[anchor] = Anchor(node: node, size: size)
    }
    return (node, size)
  }

  private mutating func content(_ event: YAMLEvent, depth: Int) throws(Stop) -> (node: YAMLNode, size: Size) {
    switch event.kind {
    case .scalar(let text, let style):
      (YAMLNode(position: event.start, content: .scalar(text, style), layout: layout(of: event, style)), Size())
    case .listStart: try list(event, depth: depth)
    default: try map(event, depth: depth)
    }
  }

  private func layout(of event: YAMLEvent, _ style: YAMLScalarStyle) -> YAMLNode.Layout {
    if style == .literal { return indent(below: event.start).map { .block(indent: $0) } ?? .other }
    let isLine = style != .folded && event.start.line == event.end.line
    return isLine ? .line(width: event.end.column - event.start.column) : .other
  }

  /// The indentation of the literal block whose header stands at `header`; `nil` where the header sets it.
  private func indent(below header: SourcePosition) -> Int? {
    guard lines.indices.contains(header.line - 1) else { return nil }
    let indicator = lines[header.line - 1].dropFirst(header.column - 1).prefix { $0 != " " && $0 != "#" }
    guard !indicator.contains(where: \.isDigit) else { return nil }
    let block = lines[header.line...].first { !$0.allSatisfy { $0 == " " || $0 == "\r" } }
    return block.map { $0.prefix { $0 == " " }.count }
  }

  private mutating func list(_ start: YAMLEvent, depth: Int) throws(Stop) -> (node: YAMLNode, size: Size) {
    var items: [YAMLNode] = []
    var size = Size()
    while true {
      let event = try next()
      if case .listEnd = event.kind { break }
      let item = try value(event, depth: depth + 1)
      items.append(item.node)
      size.add(item.size)
    }
    return (YAMLNode(position: start.start, content: .list(items)), size)
  }

  private mutating func map(_ start: YAMLEvent, depth: Int) throws(Stop) -> (node: YAMLNode, size: Size) {
    var members: [YAMLNode.Member] = []
    var places: [String: SourcePosition] = [:]
    var size = Size()
    while true {
      let event = try next()
      if case .mapEnd = event.kind { break }
      let key = try value(event, depth: depth + 1)
      let value = try value(try next(), depth: depth + 1)
      size.add(key.size)
      size.add(value.size)
      guard let text = name(key.node, at: event.start) else { continue }
      if let first = places[text] {
        note(event.start, "the key \(shown(text)) is there twice, first at \(first.line):\(first.column)")
        continue
      }
      places[text] = event.start
      members.append(YAMLNode.Member(key: text, keyPosition: event.start, value: value.node))
    }
    return (YAMLNode(position: start.start, content: .map(members)), size)
  }

  /// The text of a key, or `nil` (noted) where it may not be one.
  private mutating func name(_ key: YAMLNode, at position: SourcePosition) -> String? {
    switch key.content {
    case .scalar("<<", .plain):
      note(position, "merge keys (<<) are refused", hint: "alias the whole value instead, or repeat the keys")
    case .scalar(let text, let style):
      if !(text.isEmpty && style == .plain) { return text }
      note(position, "a key is missing before the colon")
    case .list, .map: note(position, "a key must be text, not \(key.type?.description ?? "this")")
    case .broken: break
    }
    return nil
  }

  private mutating func alias(_ name: String, _ event: YAMLEvent, depth: Int) throws(Stop) -> (YAMLNode, Size) {
    guard let anchor = anchors[name], !open.contains(name) else {
      let known = anchors.keys
      note(
        event.start,
        open.contains(name)
          ? "the alias *\(name) stands inside its own anchor" : "no anchor &\(name) comes before the alias *\(name)",
        hint: Suggestion.nearest(to: name, in: known).map { "did you mean *\($0)?" })
      return (YAMLNode(position: event.start, content: .broken), Size())
    }
    aliased += anchor.size.values
    guard aliased <= Self.aliasedValues else {
      note(event.start, "the aliases stand for more than \(Self.aliasedValues) values")
      throw Stop()
    }
    guard depth + anchor.size.height - 1 <= JSONLimits.depth else {
      note(event.start, "nested more than \(JSONLimits.depth) levels deep through the alias *\(name)")
      throw Stop()
    }
    return (anchor.node, anchor.size)
  }

  private mutating func next() throws(Stop) -> YAMLEvent {
    do {
      return try events.next()
    } catch {
      note(error.position, error.message, hint: error.hint)
      throw Stop()
    }
  }

  private mutating func note(
    _ position: SourcePosition, _ message: String, hint: @autoclosure () -> String? = nil
  ) {
    problems.append(Problem(at: position, message, hint: problems.count < Problem.hinted ? hint() : nil))
  }
}

extension YAMLSyntaxError {
  var message: String {
    guard let context else { return "not YAML: \(problem)" }
    return "not YAML: \(problem), \(context)"
  }

  /// What most often is behind the parser's words.
  var hint: String? {
    switch problem {
    case _ where problem.contains("mapping values are not allowed"):
      "quote text that has a colon and a space in it"
    case _ where problem.contains("cannot start any token"):
      "indent with spaces, never tabs, and quote text that begins with @ or `"
    case _ where problem.contains("did not find expected key"), _ where problem.contains("block end"):
      "look at the indentation here and above"
    case _ where problem.contains("unknown escape"): "in single quotes a backslash is itself"
    default: nil
    }
  }
}

/// `text` for a message: quoted, one line, not endless.
func shown(_ text: String) -> String {
  let line = text.unicodeScalars.prefix(60).map { scalar -> String in
    let isPlain = scalar.value >= 0x20 && scalar.value != 0x7F && scalar.properties.generalCategory != .format
    return isPlain ? String(scalar) : scalar.escaped(asASCII: true)
  }.joined()
  return text.unicodeScalars.count > 60 ? "\"\(line)…\"" : "\"\(line)\""
}
