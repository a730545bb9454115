import Foundation

/// The `Retry-After` header: seconds, or a date.
enum RetryAfter {
  /// At most a day; `nil` when it is neither.
  static func duration(_ text: String) -> Duration? {
    let day = 86_400.0
    if let seconds = Double(text), seconds >= 0 { return .seconds(min(seconds, day)) }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    guard let date = format.date(from: text) else { return nil }
    return .seconds(min(max(0, date.timeIntervalSinceNow), day))
  }
}
