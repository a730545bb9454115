import ArgumentParser
import Graph
import GraphRuntime

/// Shows a thread's checkpoints.
struct History: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Show a thread's checkpoints, newest first; as a tree where it has branches.",
    discussion: """
        graphrun history monday --limit 10
        graphrun history monday --before 20
        graphrun history monday --all

      TOOK is what the super-step's tasks took, CHANGED the channels that were written. In the tree, ┊ is where a
      line leads to checkpoints that are gone: what those grew from is not known any more.
      """)

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("At most so many.", valueName: "n")) var limit: Int?
  @Option(help: ArgumentHelp("Only checkpoints before this one.", valueName: "n")) var before: Int?
  @Flag(help: "Those of the graphs inside its tasks too.") var all = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit cannot be negative; without it all are shown") }
  }

  func run() async throws {
    let store = try await global.requireStore()
    let view = ThreadView(store)
    let lines =
      all
      ? try await view.historyWithSubgraphs(thread, before: before, limit: limit)
      : try await view.history(thread, before: before, limit: limit)
    if global.json {
      for line in lines { Sink.output.line(line.json.text) }
      return
    }
    let gaps = try await view.gaps(thread)
    HistoryTable(lines, head: try await view.header(thread).head, gaps: gaps).table.show(global)
    guard limit == nil, before == nil else { return }
    for gap in gaps { Sink.output.line(Self.told(gap)) }
  }

  private static func told(_ gap: CheckpointGap) -> String {
    let numbers = gap.numbers
    let which =
      numbers.count == 1 ? "checkpoint \(numbers.lowerBound)" : "\(numbers.lowerBound) to \(numbers.upperBound)"
    return "without \(which): \(gap.reason.told)"
  }
}
