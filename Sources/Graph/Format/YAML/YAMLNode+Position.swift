extension YAMLNode {
  /// Where the UTF-8 byte at `offset` of a scalar's text stands in the file; the start of the value where that cannot
  /// be known exactly (folded text, unusual escapes) or `offset` is `nil`.
  func position(ofByte offset: Int?) -> SourcePosition {
    guard let offset, case .scalar(let text, let style) = content else { return position }
    let before = String(decoding: text.utf8.prefix(offset), as: UTF8.self).unicodeScalars
    switch layout {
    case .line(let width):
      guard Self.width(of: text.unicodeScalars, style) == width else { return position }
      let column = position.column + Self.width(of: before, style) - (style == .plain ? 0 : 1)
      return SourcePosition(line: position.line, column: column)
    case .block(let indent):
      let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
      return SourcePosition(line: position.line + lines.count, column: indent + (lines.last?.count ?? 0) + 1)
    case .other: return position
    }
  }

  /// Characters that `text` takes in a file when only the usual escapes are used, quotes included.
  private static func width(of text: String.UnicodeScalarView, _ style: YAMLScalarStyle) -> Int {
    switch style {
    case .plain: text.count
    case .singleQuoted: text.count + text.count { $0 == "'" } + 2
    default: text.count + text.count { $0 == "\"" || $0 == "\\" || $0.value < 0x20 } + 2
    }
  }
}
