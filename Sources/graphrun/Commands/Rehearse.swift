import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Runs a graph's scenarios.
struct Rehearse: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: "Run a graph's scenarios in memory: scripted results, nothing outside is touched.",
    discussion: """
      Scenarios are in NAME.rehearsal.yaml beside the graph. SCENARIO is the name of one, or another file of them.

        graphrun rehearse review
        graphrun rehearse review "nobody answers"
        graphrun rehearse review --record monday --output graphs/review.rehearsal.yaml

      The last makes a scenario of what a thread really did, and adds it to a file.

      Exit code 0 when all pass, 1 when one does not, 2 when a file is not valid. With --json, a line per scenario and \
      one for all: docs/rehearsing.md.
      """)

  @Argument(help: "The graph.", completion: .graphFile) var file: String
  @Argument(help: "A scenario's name, or a file of scenarios.") var scenario: String?
  @Option(help: ArgumentHelp("Make a scenario of this thread instead.", valueName: "thread"), completion: .thread)
  var record: ThreadID?
  @Option(help: ArgumentHelp("Add what is recorded to this file.", valueName: "file"), completion: .file())
  var output: String?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if output != nil, record == nil { throw ValidationError("--output is for what --record makes") }
    if record != nil, scenario != nil { throw ValidationError("--record makes a scenario, and plays none") }
  }

  func run() async throws {
    let graph = try GraphLookup().graph(named: file, quiet: true)
    if let record { return try await ScenarioRecorder(graph: graph, global: global).record(record, to: output) }
    let source = try ScenarioSource(graphPath: try GraphLookup.path(of: file), wanted: scenario)
    if try await !source.play(graph, global) { throw ExitStatus.failed }
  }
}

/// Where the scenarios are that a person asks for.
struct ScenarioSource {
  /// The file that has them.
  var path: String

  /// Which of them; `nil` is all.
  var name: String?

  init(graphPath: String, wanted: String?) throws {
    path = RehearsalReader.path(besideGraph: graphPath)
    let exists = FileManager.default.fileExists(atPath: path)
    guard let wanted else {
      if exists { return }
      throw UsageError(
        "there are no scenarios: no file \(path); write it, or make one of a thread: graphrun rehearse \(graphPath) --record THREAD"
      )
    }
    if FileManager.default.fileExists(atPath: wanted) {
      path = wanted
    } else {
      name = wanted
      if !exists { throw UsageError("no scenario \"\(wanted)\": there is no file \(path), and none of that name") }
    }
  }

  /// Plays the scenarios asked for and tells of each; whether all passed.
  ///
  /// - Throws: as ``scenarios(for:_:)``.
  func play(_ graph: StateGraph, _ global: GlobalOptions) async throws -> Bool {
    let chosen = try scenarios(for: graph, global)
    let rehearsal = Rehearsal(graph, kinds: .builtIn)
    let printer = RehearsalPrinter(global: global, path: path)
    var reports: [ScenarioReport] = []
    for scenario in chosen {
      let report = await rehearsal.report(on: scenario)
      printer.show(report)
      reports.append(report)
    }
    printer.show(RehearsalSummary(graph, reports), isWhole: name == nil)
    return reports.allSatisfy(\.passed)
  }

  /// - Throws: ``ExitStatus/usage`` when the file is not valid, ``UsageError`` when it has not the one asked for.
  func scenarios(for graph: StateGraph, _ global: GlobalOptions) throws -> [Scenario] {
    let reading = try RehearsalReader(graph).read(contentsOf: path)
    if global.json, reading.scenarios == nil {
      let line: JSON = [
        "file": .string(path), "ok": false, "problems": .array(reading.problems.map { $0.json(readFrom: path) }),
      ]
      Sink.output.line(line.text)
    } else {
      for problem in reading.problems { Sink.error.line(SafeText.line(problem.description(in: path))) }
    }
    guard let scenarios = reading.scenarios else { throw ExitStatus.usage }
    guard let name else { return scenarios }
    let chosen = scenarios.filter { $0.name == name }
    guard chosen.isEmpty else { return chosen }
    let hint = Suggestion.hint(for: name, in: scenarios.map(\.name)).map { " (\($0))" } ?? ""
    throw UsageError("\(path) has no scenario \"\(name)\"\(hint)")
  }
}
