/// A regular expression that matches in linear time, so that neither a schema nor a value can hang the runner.
///
/// JavaScript's syntax as JSON Schema recommends it, without look-around and back references. A match may be anywhere
/// in the text unless `^` and `$` say otherwise.
struct Pattern: Sendable {
  struct Mistake: Error {
    var message: String
  }

  enum Instruction: Sendable {
    case one(Characters)
    /// Both ways.
    case split(Int, Int)
    case jump(Int)
    case start
    case end
    case wordBoundary(Bool)
    case match
  }

  struct Characters: Sendable {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false

    func contains(_ scalar: UInt32) -> Bool {
      ranges.contains { $0.contains(scalar) } != isNegated
    }
  }

  /// Counted repetitions are spelled out, up to this.
  static let maxInstructions = 10_000

  private let program: [Instruction]

  init(_ text: String) throws(Mistake) {
    program = try PatternCompiler.compile(text)
  }

  /// Follows all ways at once: each character looks at each instruction at most once.
  func matches(_ text: String) -> Bool {
    let scalars = text.unicodeScalars.map(\.value)
    var current = Ways(count: program.count)
    var next = Ways(count: program.count)
    for index in 0...scalars.count {
      if add(0, to: &current, at: index, in: scalars) { return true }
      guard index < scalars.count else { break }
      next.removeAll()
      for way in current.list {
        guard case .one(let characters) = program[way], characters.contains(scalars[index]) else { continue }
        if add(way + 1, to: &next, at: index + 1, in: scalars) { return true }
      }
      swap(&current, &next)
    }
    return false
  }

  /// Adds `start` and what is reached from it without a character; true where that is a match.
  private func add(_ start: Int, to ways: inout Ways, at index: Int, in scalars: [UInt32]) -> Bool {
    var pending = [start]
    while let way = pending.popLast() {
      guard ways.insert(way) else { continue }
      switch program[way] {
      case .one: break
      case .jump(let target): pending.append(target)
      case .split(let first, let second): pending += [second, first]
      case .start: if index == 0 { pending.append(way + 1) }
      case .end: if index == scalars.count { pending.append(way + 1) }
      case .wordBoundary(let isWanted):
        let isBoundary =
          Self.isWord(index > 0 ? scalars[index - 1] : nil) != Self.isWord(index < scalars.count ? scalars[index] : nil)
        if isBoundary == isWanted { pending.append(way + 1) }
      case .match: return true
      }
    }
    return false
  }

  private static func isWord(_ scalar: UInt32?) -> Bool {
    scalar.map(PatternCompiler.word.contains) ?? false
  }

  /// A set of instructions in the order they were added.
  private struct Ways {
    private(set) var list: [Int] = []
    private var marks: [Bool]

    init(count: Int) {
      marks = Array(repeating: false, count: count)
    }

    mutating func insert(_ way: Int) -> Bool {
      guard !marks[way] else { return false }
      marks[way] = true
      list.append(way)
      return true
    }

    mutating func removeAll() {
      for way in list { marks[way] = false }
      list.removeAll(keepingCapacity: true)
    }
  }
}
