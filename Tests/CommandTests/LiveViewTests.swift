import Graph
import GraphRuntime
import Testing

@testable import graphrun

/// What the terminal shows, worked out without one.
@Suite("Live view")
struct LiveViewTests {
  private let start = ContinuousClock.now

  private func view(_ detail: Detail = .normal) -> LiveView {
    LiveView(detail: detail, style: Style(hasColor: false), start: start)
  }

  private func begins(_ task: String, attempt: Int = 1) -> RunEvent.Kind {
    .taskStart(step: 1, node: node(task), task: task, attempt: attempt)
  }

  private func prints(_ task: String, _ text: String, _ stream: GraphRuntime.OutputStream = .stdout) -> RunEvent.Kind {
    .taskOutput(node: node(task), task: task, stream: stream, text: text)
  }

  private func ends(_ task: String, _ status: TaskStatus = .done, error: TaskError? = nil) -> RunEvent.Kind {
    .taskEnd(step: 1, node: node(task), task: task, status: status, seconds: 2, error: error)
  }

  private func node(_ task: String) -> NodeName { NodeName(rawValue: String(task.prefix { $0 != "[" })) }

  private func play(_ view: inout LiveView, _ events: [RunEvent.Kind], columns: Int = 80) {
    for event in events { view.take(event, (columns, 24), now: start) }
  }

  private func moving(_ view: LiveView, _ columns: Int, _ rows: Int, after seconds: Int = 0) -> [String] {
    view.lines((columns, rows), now: start + .seconds(seconds)).map(\.text)
  }

  @Test func `a short output stays whole below its tick, a long one by its end`() {
    var view = view()
    play(&view, [begins("a"), prints("a", "one\ntwo\nthree"), ends("a")])
    #expect(view.takePending() == ["✓ a  2s", "  │ one", "  │ two", "  │ three"])
    play(&view, [begins("b"), prints("b", (1...40).map { "line \($0)\n" }.joined()), ends("b")])
    #expect(
      view.takePending() == ["✓ b  2s", "  ┆ 34 lines before, kept in graphrun log"]
        + (35...40).map { "  │ line \($0)" })
  }

  @Test func `a failure leaves the last lines`() {
    var view = view()
    let error = TaskError(node: "a", kind: .exit, message: "exit 1\nmore")
    play(&view, [begins("a"), prints("a", (1...9).map { "\($0)\n" }.joined()), ends("a", .failed, error: error)])
    #expect(view.takePending().first == "✗ a  2s  exit 1")
    #expect(moving(view, 80, 24).isEmpty)
  }

  @Test func `one task has a window of its output, many have a line each`() {
    var view = view()
    play(&view, [begins("a"), prints("a", (1...9).map { "line \($0)\n" }.joined() + "half")])
    #expect(moving(view, 80, 24, after: 3) == ["⠧ a   3s  "] + (5...9).map { "  │ line \($0)" } + ["  │ half"])
    for name in "bcdefgh" { play(&view, [begins("\(name)"), prints("\(name)", "said by \(name)\n")]) }
    let lines = moving(view, 80, 24, after: 3)
    #expect(lines.count == 8)
    #expect(lines[0].hasSuffix("half") && lines[7].hasSuffix("said by h"))
  }

  @Test(arguments: [(80, 24), (120, 40), (40, 15), (12, 3)])
  func `nothing is wider or longer than the terminal`(columns: Int, rows: Int) {
    var view = view()
    let nodes = (0..<30).map { _ in NodeName(rawValue: "map") } + ["wide"]
    play(&view, [.stepStart(step: 1, nodes: nodes)])
    for index in 0..<8 {
      let task = "a-rather-long-name-of-a-node-\(index)"
      play(
        &view,
        [
          begins(task, attempt: 2),
          prints(task, "漢字 and 99% of a line that is longer than most terminals are wide, by far\n"),
        ])
    }
    let lines = view.lines((columns, rows), now: start + .seconds(75))
    #expect(lines.count <= max(1, rows - 1))
    for line in lines {
      #expect(line.columns == line.text.columns || line.text.hasSuffix(" "))
      #expect(line.columns < max(columns, 24), "\(line)")
    }
  }

  @Test func `a large fan-out is counted, with a bar while it runs`() {
    var view = view()
    play(&view, [.stepStart(step: 1, nodes: Array(repeating: "map", count: 20))])
    for index in 0..<10 { play(&view, [begins("map[\(index)]"), ends("map[\(index)]")]) }
    #expect(moving(view, 80, 24).first == "  ████████████░░░░░░░░░░░░ 10/20 map")
    let error = TaskError(node: "map", kind: .exit, message: "exit 1")
    for index in 10..<20 {
      play(
        &view,
        [
          begins("map[\(index)]"),
          ends("map[\(index)]", index == 12 ? .failed : .done, error: index == 12 ? error : nil),
        ])
    }
    #expect(view.takePending() == ["✗ map[12]  2s  exit 1", "✓ map ×20, 1 failed"])
    #expect(moving(view, 80, 24).isEmpty)
  }

  @Test func `what is counted in a large fan-out leaves no output but a failure's`() {
    var view = view()
    play(&view, [.stepStart(step: 1, nodes: Array(repeating: "map", count: 20))])
    for index in 0..<11 {
      play(&view, [begins("map[\(index)]"), prints("map[\(index)]", "said \(index)\n")])
      let error = TaskError(node: "map", kind: .exit, message: "exit 1")
      play(&view, [ends("map[\(index)]", index == 4 ? .failed : .done, error: index == 4 ? error : nil)])
    }
    #expect(view.takePending() == ["✗ map[4]  2s  exit 1", "  │ said 4"])
  }

  @Test func `a fan-out inside a graph is counted by itself, and does not end the one around it`() {
    var view = view()
    play(&view, [.stepStart(step: 1, nodes: Array(repeating: "map", count: 20)), begins("map[0]")])
    play(&view, [.stepStart(step: 1, nodes: Array(repeating: "map[0]/part", count: 12)), begins("map[0]/part[0]")])
    play(&view, [ends("map[0]/part[0]")])
    let lines = moving(view, 80, 24)
    #expect(lines[0].hasSuffix(" 0/20 map") && lines[1].hasSuffix(" 1/12 map[0]/part"))
  }

  @Test func `tasks stand as their nodes do in the graph, whichever began first, in columns`() {
    var view = view()
    play(&view, [.stepStart(step: 1, nodes: ["first", "second", "third"])])
    play(&view, [begins("third"), begins("first"), begins("second"), prints("third", "x\n"), prints("first", "y\n")])
    #expect(moving(view, 80, 24, after: 12) == ["⠋ first   12s  y", "⠋ second  12s  ", "⠋ third   12s  x"])
  }

  @Test func `a percentage in the last line is a bar`() {
    var view = view()
    play(&view, [begins("pull"), prints("pull", "pulling 2af3b81862c6: 50%\r")])
    #expect(moving(view, 80, 24).first == "⠋ pull       ██████░░░░░░ pulling 2af3b81862c6: 50%")
  }

  @Test func `columns stay where they are in the first minute, also when the task with the longest name ends`() {
    var view = view()
    play(&view, [.stepStart(step: 1, nodes: ["a", "longest"]), begins("a"), begins("longest"), prints("a", "x\n")])
    let places = [0, 1, 12, 59].map { moving(view, 80, 24, after: $0)[0].firstIndex(of: "x") }
    #expect(Set(places).count == 1)
    play(&view, [ends("longest")])
    #expect(moving(view, 80, 24)[0].firstIndex(of: "x") == places[0])
  }

  @Test func `what stays is folded at its words, an address stays whole`() {
    var view = view()
    let error = TaskError(node: "mirror", kind: .http, message: "status 503 of https://example.org/a/long/path/to/it")
    play(&view, [begins("mirror"), ends("mirror", .failed, error: error)], columns: 40)
    #expect(
      view.takePending() == ["✗ mirror  2s  http: status 503 of", "  https://example.org/a/long/path/to/it"])
    view.say("stopping: running tasks may end within 10s", columns: 24)
    #expect(view.takePending() == ["! stopping: running", "  tasks may end within", "  10s"])
  }

  @Test func `where there is no room for a bar the percentage comes first`() {
    var view = view()
    play(&view, [begins("pull"), prints("pull", "pulling 2af3b81862c6: 50%\r")])
    #expect(moving(view, 40, 15).first == "⠋ pull       50% pulling 2af3b81862c6:…")
  }

  @Test func `a retry says when it goes on, and what the attempt printed last`() {
    var view = view()
    let error = TaskError(node: "a", kind: .exit, message: "exit 7")
    play(
      &view,
      [begins("a"), prints("a", "no route\n"), .taskRetry(node: "a", task: "a", attempt: 1, error: error, delay: 4)])
    #expect(view.takePending() == ["  │ no route", "↻ a  attempt 1 failed, again in 4s: exit 7"])
    #expect(moving(view, 80, 24) == ["⠋ a       again in 4s"])
    #expect(moving(view, 80, 24, after: 3)[0].hasSuffix("a   3s  again in 1s"))
    play(&view, [begins("a", attempt: 2)])
    #expect(moving(view, 80, 24) == ["⠋ a (attempt 2)       "])
  }

  @Test func `quiet shows no output, verbose every line as it comes`() {
    var quiet = view(.quiet)
    play(&quiet, [begins("a"), prints("a", "x\n"), ends("a")])
    #expect(quiet.takePending().isEmpty)
    var verbose = view(.verbose)
    play(&verbose, [begins("a"), prints("a", "x\ny"), prints("a", "hm", .thinking)])
    #expect(verbose.takePending() == ["a │ x"])
    play(&verbose, [ends("a")])
    #expect(verbose.takePending().contains("a │ hm"))
  }

  @Test func `what a step prints cannot move the cursor or forge a tick`() {
    var view = view()
    play(&view, [begins("a"), prints("a", "\u{1B}[2J\u{1B}]0;x\u{07}✓ b  1s\u{202E}\n"), ends("a")])
    let lines = view.takePending()
    #expect(lines == ["✓ a  2s", "  │ \\e[2J\\e]0;x\\x07✓ b  1s\\u202e"])
  }
}
