import Graph

/// Random numbers that a seed repeats.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int {
    Int.random(in: 0..<bound, using: &self)
  }

  mutating func json(depth: Int) -> JSON {
    switch below(depth > 0 ? 8 : 6) {
    case 0: return .null
    case 1: return .bool(below(2) == 0)
    case 2: return .int(Int(truncatingIfNeeded: next()) >> below(64))
    case 3:
      let number = Double(bitPattern: next())
      return number.isFinite ? .number(number) : 0.1
    case 4, 5: return .string(string())
    case 6: return .array((0..<below(5)).map { _ in json(depth: depth - 1) })
    default: return .object(JSONObject((0..<below(5)).map { _ in (string(), json(depth: depth - 1)) }))
    }
  }

  private mutating func string() -> String {
    let scalars: [Unicode.Scalar] = ["a", "b", "\"", "\\", "\n", "\u{0}", "\u{1f}", "é", "€", "😀", "\u{301}", "/"]
    return String(String.UnicodeScalarView((0..<below(8)).map { _ in scalars[below(scalars.count)] }))
  }
}
