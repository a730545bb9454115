import Foundation
import Graph
import Subprocess
import Testing

/// Numbers that look random and are the same in every run.
struct Chance {
  var state: UInt64

  init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next(_ range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int((state >> 33) % UInt64(range.count))
  }
}

@Suite("Killing a run", .serialized)
struct KillTests {
  static let rounds = 8
  static let graph = """
    graph: rounds
    state:
      round: { default: 0 }
      seen: { reduce: append }
    start: count
    nodes:
      count:
        set: { round: .round + 1 }
        next: act
      act:
        shell:
          run: echo "$ROUND" >> effects
          check: grep -qx "$ROUND" effects
          env: { ROUND: "${{ .round }}" }
        save: { seen: .round }
        next:
          - { when: .round < \(rounds), to: count }
          - { to: end }
    """

  /// 10 threads, each killed 11 times.
  @Test(arguments: 0..<10)
  func `no finished task runs again, none is lost, history is whole`(seed: Int) async throws {
    let tool = try Tool(["rounds.graph": Self.graph])
    defer { tool.remove() }
    // Every thread has a name of its own: what a runner left behind is found by it.
    let thread = "killed-\(seed)"
    var chance = Chance(seed: seed)
    var ended: [String] = []
    for attempt in 0..<11 {
      let isBegun = FileManager.default.fileExists(atPath: tool.folder.path + "/state/locks/\(thread)")
      let arguments = attempt > 0 && isBegun ? ["resume", thread] : ["run", "rounds", "--thread", thread]
      let outcome = try await tool.call(arguments + ["--json"], sending: .kill, afterLines: chance.next(1...9))
      ended += Self.ended(outcome)
    }
    let last = try await tool("resume", thread, "--json")
    #expect(last.code == 0, "\(last.error)")
    ended += Self.ended(last)

    #expect(Set(ended).count == ended.count, "a task whose end was told ran again")
    #expect(tool.read("effects").split(separator: "\n").map(String.init) == (1...Self.rounds).map { "\($0)" })
    let values = try #require(try await tool("show", thread, "--json").lines().first?["values"])
    #expect(values["round"] == .int(Self.rounds))
    #expect(values["seen"] == .array((1...Self.rounds).map(JSON.int)))
    let history = try await tool("history", thread, "--json").lines().reversed()
    #expect(history.compactMap { $0["step"]?.intValue } == Array(0...(2 * Self.rounds)))
    #expect(history.compactMap { $0["parent"]?.intValue } == Array(1...(2 * Self.rounds)))
  }

  @Test func `giving up a killed run ends what it left running`() async throws {
    let tool = try Tool([
      "hold.graph": """
      graph: hold
      start: hold
      nodes:
        hold: { shell: 'test -e over || { echo $$ >pid; echo up; exec sleep 600; }', effects: repeatable }
      """
    ])
    defer { tool.remove() }
    // run-start, step-start, task-start, task-output
    _ = try await tool.call(["run", "hold", "--thread", "given-up", "--json"], sending: .kill, afterLines: 4)
    let pid = try #require(pid_t(tool.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(Tool.isAlive(pid))
    try tool.write("", to: "over")
    #expect(try await tool("run", "hold", "--thread", "given-up", "--abandon").code == 0)
    #expect(!Tool.isAlive(pid))
  }

  private static func ended(_ outcome: Tool.Outcome) -> [String] {
    outcome.output.split(separator: "\n").compactMap { line in
      guard let event = try? JSON(parsing: String(line)), event["event"] == "task-end" else { return nil }
      return "\(event["step"]?.text ?? "") \(event["task"]?.text ?? "")"
    }
  }
}
