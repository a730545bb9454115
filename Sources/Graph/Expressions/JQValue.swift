import CJQ

/// A value of libjq's, freed with its owner.
@safe struct JQValue: ~Copyable {
  private let raw: jv

  /// Takes over `raw`.
  init(_ raw: jv) {
    unsafe self.raw = raw
  }

  /// Reads JSON text; an invalid value where it is none.
  init(parsing bytes: [UInt8]) {
    unsafe raw = bytes.withUnsafeBytes { buffer in
      unsafe jv_parse_sized(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count))
    }
  }

  deinit {
    unsafe jv_free(raw)
  }

  /// Gives the value to a libjq function that consumes it.
  consuming func take() -> jv {
    let raw = unsafe raw
    discard self
    return unsafe raw
  }

  var isValid: Bool { unsafe jv_get_kind(raw) != JV_KIND_INVALID }

  /// The message of an invalid value; `nil` where there is none, which is how a stream ends.
  var message: String? {
    guard unsafe jv_invalid_has_msg(jv_copy(raw)) != 0 else { return nil }
    let message = unsafe JQValue(jv_invalid_get_msg(jv_copy(raw)))
    if unsafe jv_get_kind(message.raw) == JV_KIND_STRING { return unsafe Self.string(message.raw) }
    var writer = JSONWriter()
    do throws(JQValueError) { try message.write(to: &writer) } catch { return "raised an error" }
    return "\(String(decoding: writer.bytes, as: UTF8.self))"
  }

  /// Appends the value as JSON, strictly: what is not exact is refused.
  func write(to writer: inout JSONWriter) throws(JQValueError) {
    try unsafe Self.write(raw, depth: 0, to: &writer)
  }

  private static func string(_ raw: jv) -> String {
    unsafe String(decoding: bytes(raw), as: UTF8.self)
  }

  /// A string's bytes, which may hold a NUL.
  private static func bytes(_ raw: jv) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: jv_string_value(raw), count: Int(jv_string_length_bytes(jv_copy(raw))))
  }
}

/// Why a result of jq's is not passed on.
enum JQValueError: Error {
  case refused(String)
  case tooLarge
}

extension JQValue {
  /// Borrows `raw`.
  private static func write(_ raw: jv, depth: Int, to writer: inout JSONWriter) throws(JQValueError) {
    guard writer.bytes.count <= JQFrame.maxBytes else { throw .tooLarge }
    switch unsafe jv_get_kind(raw) {
    case JV_KIND_NULL: writer.write("null")
    case JV_KIND_TRUE: writer.write("true")
    case JV_KIND_FALSE: writer.write("false")
    case JV_KIND_NUMBER: try write(unsafe jv_number_value(raw), to: &writer)
    case JV_KIND_STRING: try unsafe writeString(raw, to: &writer)
    case JV_KIND_ARRAY: try unsafe writeArray(raw, depth: depth + 1, to: &writer)
    case JV_KIND_OBJECT: try unsafe writeObject(raw, depth: depth + 1, to: &writer)
    default: throw .refused("gives a value that is none")
    }
  }

  private static func write(_ number: Double, to writer: inout JSONWriter) throws(JQValueError) {
    guard number.isFinite else { throw .refused("gives \(number.isNaN ? "nan" : "an infinite number")") }
    // jq's own conversions stop at the largest double.
    guard number.magnitude < .greatestFiniteMagnitude else { throw .refused("gives a number that is too large") }
    if number.magnitude >= 0x1p53, number.magnitude < 0x1p63 {
      throw .refused("gives \(number.description), which jq cannot hold exactly")
    }
    switch JSON.number(number) {
    case .int(let integer): writer.write(integer.description)
    default: writer.write(number)
    }
  }

  private static func writeString(_ raw: jv, to writer: inout JSONWriter) throws(JQValueError) {
    let bytes = unsafe bytes(raw)
    guard bytes.count <= JSONLimits.stringBytes else { throw .tooLarge }
    if unsafe bytes.contains(UInt8(ascii: "<")), unsafe holdsStump(string(raw)) {
      throw .refused("nests deeper than jq can write as text")
    }
    writer.write(byte: UInt8(ascii: "\""))
    unsafe writer.writeEscaped(bytes)
    writer.write(byte: UInt8(ascii: "\""))
  }

  /// Whether `text` has what tojson leaves where it gives up, in jq 1.6 as released and as in Debian.
  private static func holdsStump(_ text: String) -> Bool {
    text.contains("<skipped: too deep>") || text.contains("<stripped: exceeds max depth>")
  }

  private static func writeArray(_ raw: jv, depth: Int, to writer: inout JSONWriter) throws(JQValueError) {
    try check(depth)
    writer.write(byte: UInt8(ascii: "["))
    for index in 0..<(unsafe jv_array_length(jv_copy(raw))) {
      if index > 0 { writer.write(byte: UInt8(ascii: ",")) }
      let item = unsafe JQValue(jv_array_get(jv_copy(raw), index))
      try unsafe write(item.raw, depth: depth, to: &writer)
    }
    writer.write(byte: UInt8(ascii: "]"))
  }

  private static func writeObject(_ raw: jv, depth: Int, to writer: inout JSONWriter) throws(JQValueError) {
    try check(depth)
    writer.write(byte: UInt8(ascii: "{"))
    var isFirst = true
    var slot = unsafe jv_object_iter(raw)
    while unsafe jv_object_iter_valid(raw, slot) != 0 {
      if !isFirst { writer.write(byte: UInt8(ascii: ",")) }
      isFirst = false
      let key = unsafe JQValue(jv_object_iter_key(raw, slot))
      let value = unsafe JQValue(jv_object_iter_value(raw, slot))
      try unsafe writeString(key.raw, to: &writer)
      writer.write(byte: UInt8(ascii: ":"))
      try unsafe write(value.raw, depth: depth, to: &writer)
      slot = unsafe jv_object_iter_next(raw, slot)
    }
    writer.write(byte: UInt8(ascii: "}"))
  }

  private static func check(_ depth: Int) throws(JQValueError) {
    guard depth <= JSONLimits.depth else { throw .refused("gives a value nested deeper than \(JSONLimits.depth)") }
  }
}
