import ArgumentParser
import Graph
import GraphRuntime

/// Shows a state.
struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show a thread's state and tasks, now or at a checkpoint.",
    discussion: "  graphrun show monday\n  graphrun show monday@3 --json")

  @Argument(help: ArgumentHelp("The thread, and which checkpoint.", valueName: "thread[@n]"), completion: .thread)
  var thread: CheckpointReference
  @Flag(help: "Long values whole, on a terminal too.") var full = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore()
    let snapshot = try await ThreadView(store).snapshot(thread.thread, at: thread.number)
    if global.json { return Sink.output.line(snapshot.json.text) }
    let size = Terminal.isLive ? Terminal.size : nil
    let panes = SnapshotPanes(
      snapshot, style: Terminal.style(noColor: global.noColor), columns: size?.columns, longest: full ? nil : size?.rows
    ) { global.command("resume", snapshot.header.id.rawValue, "--answer", $0) }
    for line in panes.lines { Sink.output.line(line) }
  }
}
