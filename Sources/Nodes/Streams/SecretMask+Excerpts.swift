import Graph
import GraphRuntime

extension SecretMask {
  /// The first `count` characters of `text`, for a message.
  ///
  /// Masked before it is cut: half of a secret would be found by nobody any more.
  func excerpt(of text: String, _ count: Int) -> String { String(mask(text).prefix(count)) }

  /// ``JSON/summary`` of `value`, masked before it is cut.
  func summary(of value: JSON) -> String { mask(value).summary }
}
