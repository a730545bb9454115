/// What a stream of lines or events broke.
enum FramingError: Error, Hashable, CustomStringConvertible {
  case lineTooLong(limitBytes: Int)
  case eventTooLong(limitBytes: Int)
  case notUTF8

  /// The stream is longer than may be, not malformed.
  var isLimit: Bool { self != .notUTF8 }

  var description: String {
    switch self {
    case .lineTooLong(let limit): "a line is longer than \(ByteCount(limit))"
    case .eventTooLong(let limit): "an event is longer than \(ByteCount(limit))"
    case .notUTF8: "bytes that are not UTF-8"
    }
  }
}
