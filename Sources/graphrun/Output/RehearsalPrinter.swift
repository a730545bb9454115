import Graph
import GraphNodes
import GraphRuntime

/// Shows what scenarios came to: lines for people, JSON lines for programs.
struct RehearsalPrinter {
  var global: GlobalOptions

  /// The file of the scenarios.
  var path: String

  private var style: Style { Terminal.style(noColor: global.noColor) }
  private func say(_ text: String) { Sink.output.line(text) }

  func show(_ report: ScenarioReport) {
    if global.json { return say(report.json.text) }
    let name = SafeText.line(report.scenario.name)
    guard !report.passed else {
      if !global.quiet { say("\(style.green("✓")) \(name)") }
      if !report.unused.isEmpty { say(style.dim("    never asked for: \(report.unused.joined(separator: ", "))")) }
      return
    }
    say("\(style.red("✗")) \(name)  \(style.dim("\(path):\(report.scenario.position.line)"))")
    for difference in report.differences {
      for line in lines(of: difference) { say("    " + line) }
    }
  }

  private func lines(of difference: ScenarioReport.Difference) -> [String] {
    switch difference {
    case .refused(let message): return indented(message)
    case .unscripted(let missing): return [SafeText.line(missing.description)]
    case .status(let expected, let found, let error):
      return ["status: expected \(expected), found \(found.rawValue)"] + (error.map(lines) ?? [])
    case .path(let expected, let found): return ["path:"] + LineDifference(expected, found).lines(style)
    case .expectation(let source, let seen, let error):
      let values = seen.map { "\(SafeText.line($0.source)) is \(SafeText.line($0.value.text).cut(to: 200))" }
      let why = error.map(SafeText.line) ?? values.joined(separator: ", ")
      return ["does not hold: \(SafeText.line(source))"] + (why.isEmpty ? [] : ["  \(why)"])
    case .overtime(let limit): return ["it was stopped after \(spoken(limit.seconds)): does it end at all?"]
    }
  }

  private func lines(of error: TaskError) -> [String] {
    let place = (error.task ?? error.node?.rawValue).map { "\($0) " } ?? ""
    var lines = indented(error.message)
    lines[0] = "\(place)(\(error.kind.rawValue)): \(lines[0])"
    return lines.map { "  " + $0 }
  }

  private func indented(_ text: String) -> [String] {
    SafeText.lines(text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// - Parameter isWhole: all scenarios of the file ran, so that what never ran is worth telling.
  func show(_ summary: RehearsalSummary, isWhole: Bool) {
    if global.json { return say(summary.json.text) }
    let failed = summary.scenarios - summary.passed
    let verdict = failed == 0 ? style.green("all passed") : style.red("\(failed) did not pass")
    say("\(counted(summary.scenarios, "scenario")), \(verdict)")
    guard isWhole, !global.quiet else { return }
    let (nodes, routes) = (summary.idleNodes, summary.idleRoutes)
    let total = summary.nodes
    say(style.dim("nodes   \(total - nodes.count) of \(total)\(Self.never(nodes.map(\.rawValue)))"))
    let choices = summary.graph.choices.count
    guard choices > 0 else { return }
    say(style.dim("routes  \(choices - routes.count) of \(choices)\(Self.never(routes.map(summary.graph.spoken)))"))
  }

  private static func never(_ names: [String]) -> String {
    names.isEmpty ? "" : ", never: " + names.joined(separator: ", ")
  }
}

extension StateGraph {
  /// `node → target`, with how it is told from the node's other ways out.
  fileprivate func spoken(_ choice: RehearsalRoute) -> String {
    let way = "\(choice.node?.rawValue ?? "start") → \(targets(of: choice).joined(separator: " + "))"
    return choice.index == nil ? "\(way) (on-error)" : way
  }
}
