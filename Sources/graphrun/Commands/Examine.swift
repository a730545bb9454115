import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Looks whether all is there.
struct Examine: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this machine and the store; with a graph, also what that needs.",
    discussion: """
        graphrun doctor                    this machine, the store, what it holds
        graphrun doctor --verify           and every row that is stored
        graphrun doctor --salvage          save what is whole of a damaged store
        graphrun doctor review.graph       and secrets, programs, models and MCP servers of a graph

      What is wrong comes with its remedy. Exit code 1 when a check fails. With --json, a line per check: \
      {check, ok, found?, remedy?}; a check that is ok and has a remedy could be better.
      """)

  @Argument(help: "The graph.", completion: .graphFile) var file: String?
  @Flag(help: "Read every row of the store.") var verify = false
  @Flag(help: "Move a damaged store aside, and put what is whole of it into a new one.") var salvage = false
  @Option(help: ArgumentHelp("An input of the graph; may be repeated.", valueName: "key=value")) var input:
    [Assignment] =
      []
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if salvage, file != nil || verify { throw ValidationError("--salvage goes by itself: graphrun doctor --salvage") }
    if file == nil, !input.isEmpty { throw ValidationError("--input is for a graph: graphrun doctor FILE --input …") }
  }

  func run() async throws {
    if salvage { return try await saveWhatIsWhole() }
    let graph = try graphChecks()
    let checks = checks(graph)
    let (global, printer) = (global, FindingPrinter(global))
    let failed = try await Interruptible.run {
      let wait = WaitLine(global)
      defer { wait.clear() }
      var failed = 0
      do {
        try await Doctor(checks).run { finding in
          if finding.state == .failed { failed += 1 }
          wait.clear()
          printer.show(finding)
        } waiting: { names in
          if names.isEmpty { wait.clear() } else { wait.show("looking at " + names.joined(separator: ", ")) }
        }
      } catch {
        await graph?.close()
        throw error
      }
      await graph?.close()
      return failed
    }
    await NodeRegistry.shutDown()
    printer.sum(failed)
    if failed > 0 { throw ExitStatus.failed }
  }

  private func saveWhatIsWhole() async throws {
    let report = try await SQLiteStore.salvage(global.folder)
    let printer = FindingPrinter(global)
    guard let place = report.place else {
      return printer.show(.ok("salvage", "the store is whole, so nothing was changed"))
    }
    printer.show(.ok("salvage", "the damaged store is in \(place), what is whole of it in \(global.folder)"))
    for thread in report.threads { printer.show(finding(thread)) }
    if !report.isComplete { throw ExitStatus.failed }
  }

  private func finding(_ thread: SalvageReport.Thread) -> Finding {
    let name = "thread \(thread.id)"
    let saved = counted(thread.checkpoints, "checkpoint")
    guard !thread.lost.isEmpty else { return .ok(name, "\(saved), all of it") }
    let look =
      thread.checkpoints > 0 ? global.command("show", thread.id.rawValue) : "graphrun import of an earlier export"
    return .failed(name, "\(saved); lost: \(thread.lost.joined(separator: "; "))", remedy: look)
  }

  private func graphChecks() throws -> GraphChecks? {
    guard let file else { return nil }
    let graph = try GraphLookup().graph(named: file, quiet: global.quiet)
    return try GraphChecks(
      graph, inputs: Assignment.object(input), environment: ProcessInfo.processInfo.environment)
  }

  private func checks(_ graph: GraphChecks?) -> [Check] {
    let environment = ProcessInfo.processInfo.environment
    let global = global
    let store = StoreChecks(folder: global.folder, isThorough: verify) { global.command($0) }
    let folder = FileManager.default.currentDirectoryPath
    return MachineChecks(environment: environment).checks + store.checks
      + (graph?.checks ?? ToolChecks(environment: environment, folder: folder).checks)
  }
}

/// Shows findings.
private struct FindingPrinter: Sendable {
  let global: GlobalOptions
  let style: Style

  init(_ global: GlobalOptions) {
    self.global = global
    style = Terminal.style(noColor: global.noColor)
  }

  func show(_ finding: Finding) {
    if global.json { return Sink.output.line(finding.json.text) }
    guard !global.quiet || finding.state == .failed else { return }
    let mark =
      switch finding.state {
      case .ok: style.green("ok    ")
      case .advice: style.yellow("advice")
      case .failed: style.red("failed")
      }
    let found = finding.found.map { ": " + SafeText.lines($0).replacing("\n", with: "\n        ") } ?? ""
    Sink.output.line("\(mark)  \(style.bold(SafeText.line(finding.check)))\(found)")
    if let remedy = finding.remedy { Sink.output.line("        remedy: " + style.cyan(SafeText.line(remedy))) }
  }

  func sum(_ failed: Int) {
    guard !global.json, !global.quiet || failed > 0 else { return }
    Sink.output.line(failed == 0 ? "all is well" : "\(failed) check\(failed == 1 ? "" : "s") failed")
  }
}
