import Graph

/// What differs between two lists of lines.
struct LineDifference {
  private enum Line {
    case both(String), old(String), new(String)
  }

  private var all: [Line] = []

  /// More pairs of lines than this are not compared one by one: the old ones go, the new ones come.
  private static let mostPairs = 4_000_000

  init(_ old: [String], _ new: [String]) {
    let start = zip(old, new).prefix { $0.hasSameBytes(as: $1) }.count
    let end = zip(old.dropFirst(start).reversed(), new.dropFirst(start).reversed()).prefix { $0.hasSameBytes(as: $1) }
      .count
    all += old.prefix(start).map(Line.both)
    addMiddle(Array(old.dropFirst(start).dropLast(end)), Array(new.dropFirst(start).dropLast(end)))
    all += old.suffix(end).map(Line.both)
  }

  private mutating func addMiddle(_ old: [String], _ new: [String]) {
    guard old.count * new.count <= Self.mostPairs else {
      all += old.map(Line.old) + new.map(Line.new)
      return
    }
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    // Letters that are composed differently are a difference, though they look alike.
    for change in new.difference(from: old, by: { $0.hasSameBytes(as: $1) }) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
      if left < old.count, removed.contains(left) {
        all.append(.old(old[left]))
        left += 1
      } else if right < new.count, inserted.contains(right) {
        all.append(.new(new[right]))
        right += 1
      } else {
        all.append(.both(old[left]))
        (left, right) = (left + 1, right + 1)
      }
    }
  }

  /// Of long stretches without a difference only the ends.
  func lines(_ style: Style) -> [String] {
    let isNear = nearDifference
    var lines: [String] = []
    for (index, line) in all.enumerated() {
      switch line {
      case .old(let text): lines.append(style.red("  - \(text)"))
      case .new(let text): lines.append(style.green("  + \(text)"))
      case .both(let text) where isNear[index]: lines.append("    \(text)")
      case .both: if lines.last != "    …" { lines.append("    …") }
      }
    }
    return lines
  }

  /// Which lines are at most two from one that differs.
  private var nearDifference: [Bool] {
    all.indices.map { index in
      all[max(0, index - 2)...min(all.count - 1, index + 2)].contains { if case .both = $0 { false } else { true } }
    }
  }
}
