/// Finds what somebody most likely meant.
public enum Suggestion {
  /// Names beyond so many are not looked at.
  private static let compared = 1000

  /// The known name closest to `name`, if any is close enough to be meant.
  public static func nearest(to name: String, in known: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(130))
    let limit = max(1, wanted.count / 3)
    let ranked = known.prefix(compared).map { candidate in
      let scalars = Array(candidate.lowercased().unicodeScalars.prefix(130))
      let isFar = abs(scalars.count - wanted.count) > limit
      let common = zip(wanted, scalars).prefix { $0 == $1 }.count
      return (isFar ? Int.max : distance(wanted, scalars), -common, candidate)
    }
    guard let best = ranked.min(by: { $0 < $1 }), best.0 <= limit, best.0 < wanted.count else { return nil }
    return best.2
  }

  /// "did you mean …?", or the names there are when they are few.
  public static func hint(for name: String, in known: [String], listing most: Int = 13) -> String? {
    if let near = nearest(to: name, in: known) { return "did you mean \"\(near)\"?" }
    guard !known.isEmpty, known.count <= most else { return nil }
    return "known: \(known.joined(separator: ", "))"
  }

  /// Insertions, deletions, changes and swaps of neighbours from `left` to `right`.
  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var before: [Int] = []
    var last = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var row = [i + 1]
      for (j, b) in right.enumerated() {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a == b ? 0 : 1))
        if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      (before, last) = (last, row)
    }
    return last[right.count]
  }
}
