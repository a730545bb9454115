import Foundation

/// Dates and times as RFC 3339 writes them.
enum Timestamp {
  static func date(_ text: String) -> Date? {
    let whole = Date.ISO8601FormatStyle()
    return (try? whole.parse(text))
      ?? (try? whole.year().month().day().time(includingFractionalSeconds: true)
        .timeZone(separator: .colon).parse(text))
  }

  /// In UTC, to the millisecond.
  static func text(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
