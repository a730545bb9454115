extension Duration {
  /// A duration as graph files write it: digits and `ms`, `s`, `m` or `h`, for instance `500ms`.
  /// `nil` for anything else.
  public init?(parsing text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard (1...9).contains(digits.count), let amount = Int64(digits) else { return nil }
    switch text[digits.endIndex...] {
    case "ms": self = .milliseconds(amount)
    case "s": self = .seconds(amount)
    case "m": self = .seconds(amount * 60)
    case "h": self = .seconds(amount * 3600)
    default: return nil
    }
  }
}
