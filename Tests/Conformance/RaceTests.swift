import Foundation
import Graph
import Testing

/// Two programs go on with one thread at once, `GRAPHRUN_RACES` times (20).
@Suite("Two runners")
struct RaceTests {
  private static let races = ProcessInfo.processInfo.environment["GRAPHRUN_RACES"].flatMap(Int.init) ?? 20

  /// The middle node ends once the loser is gone.
  private static let graph = """
    graph: race
    state: { n: { reduce: sum } }
    start: first
    nodes:
      first: { set: { n: 1 }, next: middle }
      middle:
        shell: "echo middle >> ran; for i in $(seq 3000); do if test -e lost; then exit 0; fi; sleep 0.01; done; exit 9"
        save: { n: 1 }
        next: last
      last: { shell: "echo last >> ran", save: { n: 1 } }
    """

  @Test func `one works, the other exits 4 at once, and nothing is lost`() async throws {
    for race in 1...Self.races {
      let stage = try Stage(graph: Self.graph, name: "race.graph")
      defer { stage.remove() }
      let begun = try await Program.call(
        ["run", "race.graph", "--thread", "t", "--until", "first", "--json"], in: stage)
      try #require(begun.answer["status"] == "stopped")
      let codes = try await resumeTwice(in: stage)
      let history = try await Program.call(["history", "t", "--json"], in: stage).lines
      #expect(codes == [4, 0], "race \(race)")
      #expect(stage.read("ran") == "middle\nlast\n", "race \(race)")
      #expect(history.map { $0["checkpoint"]?.intValue } == [4, 3, 2, 1], "race \(race)")
      #expect(try await Program.call(["show", "t", "--json"], in: stage).answer["values"] == ["n": 3], "race \(race)")
    }
  }

  /// The exit codes, the earlier first.
  private func resumeTwice(in stage: Stage) async throws -> [Int] {
    try await withThrowingTaskGroup { group in
      for _ in 0..<2 { group.addTask { try await Program.call(["resume", "t", "--json"], in: stage).exit } }
      var codes: [Int] = []
      for try await code in group {
        codes.append(code)
        try stage.write("", to: "lost")
      }
      return codes
    }
  }
}
