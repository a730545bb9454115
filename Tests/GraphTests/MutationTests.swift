import Testing

@testable import Graph

@Suite("Damaged graph files")
struct MutationTests {
  @Test(arguments: 0..<24)
  func `neither trap the reader nor hold it up`(seed: Int) {
    var random = SplitMix(seed: UInt64(seed))
    for _ in 0..<12 {
      let text = Self.damage(ReadingTests.example, &random)
      var reading = Reading(graph: nil, problems: [])
      let time = ContinuousClock().measure { reading = GraphReader().read(text) }
      #expect(reading.graph != nil || !reading.problems.isEmpty)
      #expect(time < .unhurried)
      if let graph = reading.graph { #expect(!(graph.text + graph.dot + graph.mermaid).isEmpty) }
    }
  }

  @Test(arguments: ["next", "after", "unknown", "loose"])
  func `of many nodes take no more than a moment`(edge: String) {
    let nodes = (1...4000).map { number in
      let key = edge == "after" ? "after" : "next"
      let target =
        edge == "next"
        ? "n\(number + 1)" : edge == "after" ? "n\(number - 1)" : edge == "unknown" ? "m\(number)" : "end"
      return "  n\(number): { wait: 1s, \(key): \(target) }\n"
    }
    let text = "graph: g\nstart: \(edge == "after" ? "n0" : "n1")\nnodes:\n  n0: { wait: 1s }\n" + nodes.joined()
    let time = ContinuousClock().measure { _ = GraphReader().read(text) }
    #expect(time < .unhurried)
  }

  private static let pieces = [
    "\n", "  ", ":", "- ", "[", "]", "{", "}", "\"", "'", "${{", "}}", "&a ", "*a", "!!x ", "|", ">", "#", "\t", "\r",
    "null",
    "\u{0}", "\u{1B}", "é", "👩‍👩‍👧", "$", "\\", "(", ")", ",", "?", "<<", "nodes", "next", "end", "0", "-1", "1e999", "yes",
  ]

  private static func damage(_ text: String, _ random: inout SplitMix) -> String {
    var characters = Array(text.unicodeScalars)
    for _ in 0..<Int.random(in: 1...6, using: &random) where !characters.isEmpty {
      let place = Int.random(in: 0..<characters.count, using: &random)
      let end = min(characters.count, place + Int.random(in: 1...40, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: characters.removeSubrange(place..<end)
      case 1:
        characters.insert(contentsOf: characters[place..<end], at: Int.random(in: 0...characters.count, using: &random))
      case 2: characters.removeSubrange(end...)
      default:
        characters.insert(
          contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)].unicodeScalars, at: place)
      }
    }
    return String(String.UnicodeScalarView(characters))
  }
}
