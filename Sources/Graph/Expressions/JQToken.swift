/// A piece of a jq expression; brackets and interpolations hold the pieces inside them.
struct JQToken {
  enum Kind {
    /// A function's name or a keyword.
    case word(String)
    /// `.name`
    case field(String)
    /// `$name`
    case variable(String)
    /// `@name`
    case format(String)
    case number(JSON)
    case string([StringPart])
    /// An operator or `.`, `..`, `?`, `,`, `;`, `:`, `|`.
    case symbol(String)
    case group(Bracket, [JQToken])
  }

  enum Bracket: UInt8 {
    case round = 0x28
    case square = 0x5B
    case curly = 0x7B

    var closing: UInt8 { self == .round ? 0x29 : rawValue + 2 }
  }

  enum StringPart {
    /// Escapes as written.
    case text([UInt8])
    case interpolation([JQToken])
  }

  var kind: Kind

  /// UTF-8 offset of its first byte.
  var offset: Int
}

extension JQToken {
  var word: String? { if case .word(let name) = kind { name } else { nil } }
  var variable: String? { if case .variable(let name) = kind { name } else { nil } }
  var symbol: String? { if case .symbol(let text) = kind { text } else { nil } }

  /// The value of a string without interpolations; `nil` for anything else, and where only jq can tell.
  var plainString: String? {
    guard case .string(let parts) = kind else { return nil }
    var raw: [UInt8] = []
    for part in parts {
      guard case .text(let bytes) = part else { return nil }
      raw += bytes
    }
    return try? JSON(parsing: [0x22] + raw + [0x22]).stringValue
  }

  /// Every token, those inside others too.
  static func flatten(_ tokens: [JQToken]) -> [JQToken] {
    tokens.flatMap { token -> [JQToken] in
      switch token.kind {
      case .group(_, let inner): [token] + flatten(inner)
      case .string(let parts):
        [token]
          + parts.flatMap { part -> [JQToken] in
            if case .interpolation(let inner) = part { flatten(inner) } else { [] }
          }
      default: [token]
      }
    }
  }
}
