import ArgumentParser
import Foundation
import Graph
import GraphRuntime

/// Shows what tasks printed.
struct Log: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show what each task printed.",
    discussion: """
        graphrun log monday
        graphrun log monday --node build
        graphrun log monday --node 'count[6]'
        graphrun log monday --follow

      What a task prints is stored within about a second (durability exit: at the end of the run). Of an attempt
      that prints more than 256 KiB, the first 128 KiB are kept and the last, which are stored when it ends.
      """)

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("Only this node's or task's, and what ran inside of it.", valueName: "node"))
  var node: TaskPattern?
  @Option(help: ArgumentHelp("Only this super-step's.", valueName: "n")) var step: Int?
  @Flag(name: .shortAndLong, help: "Go on with what is printed, until the thread's run ends.") var follow = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  /// How often the store is looked at.
  private static let pace = Duration.milliseconds(200)

  /// So long the rest of a line may take while other tasks print; what is stored comes about every second.
  private static let patience = Duration.seconds(3)

  func run() async throws {
    let store = try await global.requireStore()
    let view = ThreadView(store)
    _ = try await view.header(thread)
    var printer = LogPrinter(
      style: Terminal.style(noColor: global.noColor), isJSON: global.json, patience: follow ? Self.patience : .zero)
    var known = 0
    while true {
      // Asked before reading: what was printed up to the end of the run is read once more after it.
      let runner = follow ? try await store.owner(of: thread) : nil
      let records = try await store.output(of: thread, after: known)
      known += records.count
      printer.show(records.filter(isMeant).byAttempt)
      if runner == nil { break }
      try await Task.sleep(for: Self.pace)
    }
    printer.finish()
    if printer.isEmpty, !global.json, !global.quiet { tellNothing(known > 0) }
    if follow, !global.json, !global.quiet { tellEnd(try await view.header(thread)) }
  }

  private func isMeant(_ record: OutputRecord) -> Bool {
    (node?.matches(record) ?? true) && (step == nil || record.step == step)
  }

  private func tellNothing(_ hasOthers: Bool) {
    Sink.error.line(
      hasOthers
        ? "nothing of that was printed; all that was: \(global.command("log", thread.rawValue))"
        : "thread \(thread) has printed nothing; its tasks: \(global.command("show", thread.rawValue))")
  }

  private func tellEnd(_ header: ThreadRecord) {
    let then =
      header.status == .done ? global.command("show", thread.rawValue) : global.command("resume", thread.rawValue)
    Sink.error.line("thread \(thread) is \(header.status.rawValue); then:  \(then)")
  }
}
