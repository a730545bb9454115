import Foundation

/// Dates and times as RFC 3339 writes them.
enum Timestamp {
  static func date(_ text: String) -> Date? {
    guard isWellFormed(text), let date = parsed(text) else { return nil }
    return date
  }

  /// Foundation's parser goes on to the next day or month from what is no hour or day, and reads no further than it must.
  private static func isWellFormed(_ text: String) -> Bool {
    let form = #/(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))/#
    guard let match = text.wholeMatch(of: form)?.output else { return false }
    let fields = [match.1, match.2, match.3, match.4, match.5, match.6, match.7 ?? "0", match.8 ?? "0"].compactMap {
      Int($0)
    }
    guard fields.count == 8, fields[3] < 24, fields[4] < 60, fields[5] < 60, fields[6] < 24, fields[7] < 60 else {
      return false
    }
    let day = DateComponents(
      calendar: Calendar(identifier: .iso8601), year: fields[0], month: fields[1], day: fields[2])
    return day.isValidDate
  }

  private static func parsed(_ text: String) -> Date? {
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
