/// Cuts a template into text and expressions.
struct TemplateParser {
  private let template: String
  private let bytes: [UInt8]
  private var position = 0
  private var parts: [Template.Part] = []
  private var text: [UInt8] = []

  static func parts(of template: String) throws(ExpressionError) -> [Template.Part] {
    guard template.utf8.contains(UInt8(ascii: "$")) else { return template.isEmpty ? [] : [.text(template)] }
    var parser = TemplateParser(template)
    try parser.parse()
    return parser.parts
  }

  private init(_ template: String) {
    self.template = template
    bytes = Array(template.utf8)
  }

  private mutating func parse() throws(ExpressionError) {
    while position < bytes.count {
      if isNext("$${{") {
        text += Array("${{".utf8)
        position += 4
      } else if isNext("${{") {
        endText()
        try expression()
      } else {
        text.append(bytes[position])
        position += 1
      }
    }
    endText()
  }

  private mutating func endText() {
    if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
    text = []
  }

  private mutating func expression() throws(ExpressionError) {
    let start = position
    position += 3
    let first = position
    try skipExpression(openedAt: start)
    let inner = bytes[first..<position]
    position += 2
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    let offset = inner.firstIndex { !isSpace($0) } ?? first
    let end = inner.lastIndex { !isSpace($0) } ?? first - 1
    let source = end < offset ? "" : String(decoding: bytes[offset...end], as: UTF8.self)
    do {
      parts.append(.expression(try Expression(source)))
    } catch {
      throw error.shifted(by: offset)
    }
  }

  /// Moves to the `}}` that ends the expression: the first outside strings and open brackets.
  private mutating func skipExpression(openedAt start: Int) throws(ExpressionError) {
    var open: [UInt8] = []
    var isString = false
    while position < bytes.count {
      let byte = bytes[position]
      if isString {
        switch byte {
        case UInt8(ascii: "\\") where position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "("):
          // An interpolation: remembered as a bracket whose end is also the string's go-on.
          open.append(0)
          isString = false
          position += 2
          continue
        case UInt8(ascii: "\\"): position += 2
        case UInt8(ascii: "\""):
          isString = false
          position += 1
        default: position += 1
        }
        continue
      }
      if open.isEmpty, isNext("}}") { return }
      switch byte {
      case UInt8(ascii: "\""): isString = true
      case UInt8(ascii: "#"):
        skipComment(isInside: !open.isEmpty)
        continue
      case UInt8(ascii: "("): open.append(UInt8(ascii: ")"))
      case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
      case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        let due = open.popLast()
        isString = due == 0 && byte == UInt8(ascii: ")")
        guard due == byte || isString else {
          throw failure("\"\(Unicode.Scalar(byte))\" closes nothing here", at: position)
        }
      default: break
      }
      position += 1
    }
    throw failure("${{ without its }}", at: start)
  }

  /// A comment ends with its line, or with the expression.
  private mutating func skipComment(isInside: Bool) {
    while position < bytes.count, bytes[position] != 0x0A, isInside || !isNext("}}") { position += 1 }
  }

  private func isNext(_ text: StaticString) -> Bool {
    bytes[position...].starts(with: text.description.utf8)
  }

  private func failure(_ message: String, at offset: Int) -> ExpressionError {
    ExpressionError(.syntax(message, offset: offset), source: template)
  }
}

extension ExpressionError {
  fileprivate func shifted(by offset: Int) -> ExpressionError {
    switch reason {
    case .syntax(let message, let place):
      ExpressionError(.syntax(message, offset: offset + (place ?? 0)), source: source)
    case .forbidden(let message, let place):
      ExpressionError(.forbidden(message, offset: offset + (place ?? 0)), source: source)
    case .failed, .limit: self
    }
  }
}
