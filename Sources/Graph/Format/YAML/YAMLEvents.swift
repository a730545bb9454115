import CYaml

/// One event of a YAML stream, with where it starts.
struct YAMLEvent {
  enum Kind {
    case documentStart, documentEnd, streamEnd
    case alias(String)
    case scalar(String, YAMLScalarStyle)
    case listStart, listEnd, mapStart, mapEnd
    case other
  }

  var kind: Kind
  var start: SourcePosition
  var end: SourcePosition
  var anchor: String?
  var tag: String?
}

enum YAMLScalarStyle: Sendable {
  case plain, singleQuoted, doubleQuoted, literal, folded
}

/// libyaml's events of one text.
///
/// Events, not Yams' `compose`: that compares keys by hashing them with every alias expanded, so a nested alias as a
/// key costs exponential time, and it ends at the first duplicate key without saying where the second stands.
@safe final class YAMLEvents {
  private let text: ContiguousArray<UInt8>
  private let storage: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>

  init(_ text: String) {
    self.text = ContiguousArray(text.utf8)
    unsafe storage = .allocate(capacity: 1)
    unsafe input = .allocate(capacity: max(1, self.text.count))
    _ = unsafe input.initialize(from: self.text)
    unsafe yaml_parser_initialize(storage)
    unsafe yaml_parser_set_encoding(storage, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(storage, input.baseAddress, self.text.count)
  }

  deinit {
    unsafe yaml_parser_delete(storage)
    unsafe storage.deallocate()
    unsafe input.deallocate()
  }

  func next() throws(YAMLSyntaxError) -> YAMLEvent {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(storage, &event) == 1 else { throw failure }
    defer { unsafe yaml_event_delete(&event) }
    return unsafe YAMLEvent(event)
  }

  private var failure: YAMLSyntaxError {
    let parser = unsafe storage.pointee
    let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "the text is not YAML"
    let context = unsafe parser.context.map { unsafe String(cString: $0) }
    guard unsafe parser.error != YAML_READER_ERROR else {
      return YAMLSyntaxError(position: unsafe position(ofByte: parser.problem_offset), problem: problem, context: nil)
    }
    return YAMLSyntaxError(position: unsafe SourcePosition(parser.problem_mark), problem: problem, context: context)
  }

  private func position(ofByte offset: Int) -> SourcePosition {
    SourcePosition(in: String(decoding: text.prefix(offset), as: UTF8.self))
  }
}

/// What libyaml said of a text that is not YAML.
struct YAMLSyntaxError: Error {
  var position: SourcePosition
  var problem: String
  var context: String?
}

extension SourcePosition {
  init(_ mark: yaml_mark_t) {
    self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  /// The place right after `text`.
  init(in text: String) {
    var (line, column) = (1, 1)
    for scalar in text.unicodeScalars {
      if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
    self.init(line: line, column: column)
  }
}

extension YAMLEvent {
  fileprivate init(_ event: yaml_event_t) {
    unsafe start = SourcePosition(event.start_mark)
    unsafe end = SourcePosition(event.end_mark)
    switch unsafe event.type {
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
    case YAML_STREAM_END_EVENT: kind = .streamEnd
    case YAML_ALIAS_EVENT: kind = .alias(unsafe Self.text(event.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_START_EVENT:
      kind = .listStart
      unsafe anchor = Self.text(event.data.sequence_start.anchor)
      unsafe tag = Self.text(event.data.sequence_start.tag)
    case YAML_MAPPING_START_EVENT:
      kind = .mapStart
      unsafe anchor = Self.text(event.data.mapping_start.anchor)
      unsafe tag = Self.text(event.data.mapping_start.tag)
    case YAML_SEQUENCE_END_EVENT: kind = .listEnd
    case YAML_MAPPING_END_EVENT: kind = .mapEnd
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      kind = .scalar(unsafe String(decoding: bytes, as: UTF8.self), unsafe Self.style(scalar.style))
      unsafe anchor = Self.text(scalar.anchor)
      unsafe tag = Self.text(scalar.tag)
    default: kind = .other
    }
  }

  private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
    unsafe pointer.map { unsafe String(cString: $0) }
  }

  private static func style(_ style: yaml_scalar_style_t) -> YAMLScalarStyle {
    switch style {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
    case YAML_LITERAL_SCALAR_STYLE: .literal
    case YAML_FOLDED_SCALAR_STYLE: .folded
    default: .plain
    }
  }
}
