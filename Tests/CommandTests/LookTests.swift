import Foundation
import Graph
import Testing

@testable import GraphRuntime
@testable import graphrun

/// What a person sees who looks back.
@Suite("Looking back")
struct LookTests {
  private static let graph = """
    graph: three
    state: { n: { default: 0 }, list: { reduce: append } }
    start: one
    nodes:
      one: { set: { n: .n + 1, list: '"first"' }, next: two }
      two: { shell: 'echo "I am two"', effects: repeatable, next: three }
      three: { set: { list: '"second\\u001b[2J"' } }
    """

  private func forked() async throws -> Tool {
    let tool = try Tool(["three.graph": Self.graph])
    _ = try await tool("three", "--thread", "t")
    _ = try await tool("fork", "t@2", "--set", "n=7")
    _ = try await tool("resume", "t")
    return tool
  }

  /// The lines with every run of blanks as one.
  private func plain(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
  }

  @Test func `history is a tree where there are branches, with what each step changed`() async throws {
    let tool = try await forked()
    defer { tool.remove() }
    let lines = plain(try await tool("history", "t").output)
    #expect(lines[0] == "N FROM STEP SOURCE STATUS TOOK RAN CHANGED NEXT MADE")
    #expect(lines[1].hasPrefix("● 7 6 4 step done ") && lines[1].contains(" three list "))
    #expect(lines[3].hasPrefix("● 5 2 2 fork") && lines[3].contains(" n two "))
    #expect(lines[4].hasPrefix("│ ● 4 3 3 step done "))
    #expect(lines[6].hasPrefix("●─╯ 2 1 1 step ") && lines[6].contains(" one n, list two "))
    #expect(lines.count == 8)
    let json = try await tool("history", "t", "--json").lines()
    #expect(json.first?["changed"] == ["list"] && json[2]["changed"] == ["n"])
  }

  @Test func `without branches there is no tree`() async throws {
    let tool = try Tool(["three.graph": Self.graph])
    defer { tool.remove() }
    _ = try await tool("three", "--thread", "t")
    #expect(plain(try await tool("history", "t").output)[1].hasPrefix("4 3 3 step done "))
  }

  /// The first rows of the tree of checkpoints with these numbers and parents.
  private func tree(_ checkpoints: [(number: Int, parent: Int?)], without gaps: ClosedRange<Int>...) -> [String] {
    let lines = checkpoints.map { number, parent in
      let record = CheckpointRecord(
        number: number, parent: parent, step: 0, source: .step, created: Timestamp(milliseconds: 0), agenda: Agenda(),
        deltas: [])
      return HistoryLine(
        thread: "t", entry: HistoryEntry(record: record, ran: [], deltas: []), status: .done, next: [])
    }
    let table = HistoryTable(lines, head: 9, gaps: gaps.map { CheckpointGap(numbers: $0, reason: .pruned) }).table
    return table.lines(nil).dropFirst().flatMap { plain($0) }.map { $0.components(separatedBy: " 0 step")[0] }
  }

  @Test func `lines of the tree that lead to what was pruned end there`() {
    // One line is no tree, also with a gap in it.
    #expect(tree([(7, 6), (6, 5), (2, 1), (1, nil)], without: 3...5) == ["7 6", "6 5", "2 1", "1"])
    // What two lines grew from is not known, nor what grew from what stands below.
    #expect(
      tree([(9, 7), (8, 6), (3, 2), (2, 1)], without: 4...7)
        == ["● 9 7", "│ ● 8 6", "┊ ┊ 4–7 pruned", "● 3 2", "● 2 1"])
    // A line beside the gap goes on.
    #expect(
      tree([(9, 7), (8, 2), (2, 1), (1, nil)], without: 3...3, 5...7)
        == ["● 9 7", "│ ● 8 2", "┊ │ 5–7 pruned", "● 2 1", "● 1"])
  }

  @Test func `show has panes, and nothing in a value is obeyed`() async throws {
    let tool = try await forked()
    defer { tool.remove() }
    let shown = try await tool("show", "t").output
    #expect(shown.contains("values  changed by this step: list\n  n: 7\n"))
    #expect(shown.contains("list: [first,") && !shown.contains("\u{1B}"))
    let earlier = try await tool("show", "t@2").output
    #expect(earlier.contains("tasks\n  ✓ two: done in "))
  }

  @Test func `diff goes line by line`() async throws {
    let tool = try await forked()
    defer { tool.remove() }
    #expect(try await tool("diff", "t@2", "t@5").output == "n\n  - 1\n  + 7\n")
    #expect(try await tool("diff", "t", "t").output == "no difference\n")
  }

  @Test func `a thread is drawn with how far it is`() async throws {
    let tool = try Tool([
      "stops.graph": """
      graph: stops
      start: { each: "[1, 2, 3]", to: work }
      nodes:
        work: { shell: 'true', next: bad }
        bad: { shell: 'exit 4', next: after }
        after: { set: {} }
      """.replacing("set: {}", with: "shell: 'true'")
    ])
    defer { tool.remove() }
    #expect(try await tool("stops", "--thread", "t").code == 1)
    let text = try await tool("draw", "t").output
    #expect(text.hasPrefix("thread t: failed, checkpoint 2, step 1\n"))
    #expect(text.contains("\n✓ work (shell): ×3, ") && text.contains("\n✗ bad (shell): exit code 4\n"))
    #expect(text.contains("\nafter (shell)\n"))
    #expect(try await tool("draw", "t", "--format", "mermaid").output.contains("class n_bad s_failed"))
    #expect(try await tool("draw", "t@1", "--format", "dot").output.contains("○"))
    #expect(try await tool("draw", "stops").output.contains("\nwork (shell)\n"))
    let nothing = try await tool("draw", "nothing")
    #expect(nothing.code == 2 && nothing.error.contains("no graph and no thread \"nothing\"; graphrun threads"))
  }

  @Test(.timeLimit(.minutes(1))) func `log follows a run to its end`() async throws {
    let tool = try Tool([
      "slow.graph": """
      graph: slow
      start: one
      nodes:
        one: { shell: 'echo first', next: two }
        two: { shell: 'until test -e go; do sleep 0.05; done; echo second' }
      """
    ])
    defer { tool.remove() }
    async let run = tool("slow", "--thread", "t")
    while try await tool("log", "t").output != "one (step 1)\n  first\n" {
      try await Task.sleep(for: .milliseconds(50))
    }
    async let followed = tool("log", "t", "--follow")
    try tool.write("", to: "go")
    #expect(try await run.code == 0)
    let log = try await followed
    #expect(log.code == 0)
    #expect(log.output == "one (step 1)\n  first\ntwo (step 2)\n  second\n")
    #expect(log.error.hasPrefix("thread t is done; then:  graphrun show t"))
  }

  @Test(.timeLimit(.minutes(1))) func `log has what a step prints before it ends, also where its runner is killed`()
    async throws
  {
    let tool = try Tool([
      "slow.graph": """
      graph: slow
      start: one
      nodes:
        one:
          shell:
            run: echo "begun $N"; until test -e go; do sleep 0.05; done; echo ended
            env: { N: "${{ $run.attempt }}" }
          effects: repeatable
      """
    ])
    defer { tool.remove() }
    // run-start, step-start, task-start, task-output
    _ = try await tool.call(["run", "slow", "--thread", "t", "--json"], afterLines: 4) { pid in
      while try await tool("log", "t").output.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
      kill(pid, SIGKILL)
    }
    #expect(try await tool("log", "t").output == "one (step 1)\n  begun 1\n")
    async let resumed = tool("resume", "t")
    while try await !tool("log", "t").output.contains("begun 2") { try await Task.sleep(for: .milliseconds(50)) }
    let followed = try await tool.call(["log", "t", "--follow"], afterLines: 4) { _ in try tool.write("", to: "go") }
    #expect(try await resumed.code == 0)
    let all = "one (step 1)\n  begun 1\none (step 1, attempt 2)\n  begun 2\n  ended\n"
    #expect(try await tool("log", "t").output == all)
    #expect(followed.output + "\n" == all)
  }

  @Test func `of a fan-out it is told which item failed, and log shows one item's`() async throws {
    let tool = try Tool([
      "items.graph": """
      graph: items
      start: { each: "[1, 2, 3]", to: count }
      nodes:
        count: { shell: { run: 'echo "item $N"; test "$N" != 2', env: { N: "${{ $item }}" } } }
      """,
      "outer.graph": """
      graph: outer
      start: inside
      nodes:
        inside: { graph: items.graph }
      """,
    ])
    defer { tool.remove() }
    let failed = try await tool("items", "--thread", "t")
    #expect(failed.code == 1)
    #expect(failed.error.hasPrefix("failed: task count[1] (exit): exit code 1"))
    #expect(try await tool("show", "t").output.contains("task count[1] (exit): exit code 1"))
    let error = try await tool("show", "t", "--json").lines().first?["error"]
    #expect(error?["node"] == "count" && error?["task"] == "count[1]")
    #expect(try await tool("log", "t", "--node", "count[2]").output == "count[2] (step 1)\n  item 3\n")
    #expect(try await tool("log", "t", "--node", "count", "--json").lines().count == 3)
    let outer = try await tool("outer", "--thread", "o")
    #expect(outer.error.hasPrefix("failed: node inside (exit): count[1]: exit code 1"))
    for pattern in ["inside/count[1]", "count[1]"] {
      #expect(try await tool("log", "o", "--node", pattern).output == "inside/count[1] (step 1)\n  item 2\n")
    }
    #expect(try await tool("log", "o", "--node", "inside", "--json").lines().count == 3)
    for wrong in ["count[", "count[x]", "count[1]x", "", "a//b"] {
      #expect(try await tool("log", "t", "--node", wrong).code == 2)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `run --watch checks and rehearses on each save, and runs nothing`() async throws {
    let tool = try Tool(["three.graph": Self.graph])
    defer { tool.remove() }
    try tool.write(
      "- name: all\n  nodes: { two: { result: {} } }\n  expect: { path: [one, two, three] }\n",
      to: "three.rehearsal.yaml")
    let graph = Self.graph
    let outcome = try await tool.call(["run", "three", "--watch", "--json"], afterLines: 3) { pid in
      try tool.write(graph.replacing("next: three", with: "next: four"), to: "three.graph")
      try await Task.sleep(for: .seconds(2))
      kill(pid, SIGINT)
    }
    let lines = try outcome.lines()
    #expect(lines.count == 4 && lines[0]["ok"] == true && lines[1]["scenario"] == "all", "\(outcome.output)")
    #expect(lines[3]["ok"] == false && lines[3]["problems"]?[0]?["line"] == 6)
    #expect(try await tool("threads").output.isEmpty)
    #expect(try await tool("run", "three", "--watch", "--input", "n=1").code == 2)
  }
}

/// The parts that lay out what is shown.
@Suite("Layout")
struct LayoutTests {
  private let plain = Style(hasColor: false)

  private func lines(_ tree: [(Int, Int?)]) -> [String] {
    var drawn = HistoryTree()
    return tree.map { number, parent in
      drawn.line(
        of: CheckpointRecord(
          number: number, parent: parent, step: 0, source: .step, created: Timestamp(milliseconds: 0), agenda: Agenda(),
          deltas: []))
    }
  }

  @Test func `branches join where they grew from`() {
    #expect(lines([(3, 2), (2, 1), (1, nil)]) == ["●", "●", "●"])
    #expect(lines([(4, 1), (3, 1), (2, 1), (1, nil)]) == ["●", "│ ●", "│ │ ●", "●─┴─╯"])
    #expect(lines([(6, 1), (5, 3), (4, 1), (3, 1), (1, nil)]) == ["●", "│ ●", "│ │ ●", "│ ● │", "●─┴─╯"])
    #expect(lines([(6, 2), (5, 1), (4, 2), (2, 1), (1, nil)]) == ["●", "│ ●", "│ │ ●", "●─┼─╯", "●─╯"])
    // A place that is free again is used again.
    #expect(lines([(6, 4), (5, 4), (4, 2), (3, 2), (2, nil)]) == ["●", "│ ●", "●─╯", "│ ●", "●─╯"])
  }

  @Test func `a narrow terminal goes without what can be spared, and nothing is wider`() {
    let table = Table(["A", "WIDE", "C"], [["1", "something", "last"]], leavingOut: ["WIDE"])
    #expect(table.lines(nil) == ["A  WIDE       C", "1  something  last"])
    #expect(table.lines(10) == ["A  C", "1  last"])
    #expect(table.lines(5) == ["A  C", "1  l…"])
  }

  @Test func `of long stretches without a difference only the ends are shown`() {
    let old = (1...20).map { "\($0)" }
    let lines = LineDifference(old, old.map { $0 == "10" ? "ten" : $0 }).lines(plain)
    #expect(lines == ["    …", "    8", "    9", "  - 10", "  + ten", "    11", "    12", "    …"])
    let many = (0..<4000).map { "\($0)" }
    #expect(LineDifference(many, many.map { "x" + $0 }).lines(plain).count == 8000)
  }

  @Test func `tasks of a fan-out that stand alike are one, what failed is told by itself`() {
    func task(_ index: Int, _ status: TaskStatus) -> TaskRecord {
      TaskRecord(
        id: TaskID(due: DueMark(checkpoint: 1), node: "work", index: index), checkpoint: 1, ordinal: index,
        isFanOut: true, status: status)
    }
    let tasks = (0..<20).map { task($0, $0 == 7 ? .failed : .done) }
    #expect(tasks.spoken == "work[0-6], work[7] (failed), work[8-19]")
  }

  @Test(arguments: [24, 40, 80]) func `panes are no wider than the terminal`(columns: Int) {
    let record = CheckpointRecord(
      number: 1, parent: nil, step: 0, source: .input, created: Timestamp(milliseconds: 0), agenda: Agenda(), deltas: []
    )
    let header = ThreadRecord(
      id: "t", graphName: "g", graphHash: "", graphPath: nil, created: record.created, updated: record.created)
    let snapshot = Snapshot(
      header: header, status: .done, record: record,
      values: [
        "text": .string(Array(repeating: "words", count: 60).joined(separator: " ")),
        "lines": .string((0..<100).map { "line \($0)\n" }.joined()), "one": ["a": 1],
      ], outputs: nil, tasks: [], next: [], subgraphs: [:])
    let panes = SnapshotPanes(snapshot, style: plain, columns: columns, longest: 24) { $0 }
    #expect(panes.lines.dropFirst(2).allSatisfy { $0.columns <= columns }, "\(panes.lines)")
    let text = panes.lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    #expect(text.contains("… 88 lines more: add --full") || text.contains("… 89 lines more: add --full"))
    #expect(panes.lines.contains("  one: { a: 1 }"))
  }
}
