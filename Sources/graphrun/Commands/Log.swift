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
        graphrun log monday --follow
      """)

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("Only this node's, and what ran inside of it.", valueName: "node")) var node: NodeName?
  @Option(help: ArgumentHelp("Only this super-step's.", valueName: "n")) var step: Int?
  @Flag(name: .shortAndLong, help: "Go on with what is printed, until the thread's run ends.") var follow = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  /// How often the store is looked at.
  private static let pace = Duration.milliseconds(200)

  func run() async throws {
    let store = try await global.requireStore()
    let view = ThreadView(store)
    _ = try await view.header(thread)
    var printer = LogPrinter(style: Terminal.style(noColor: global.noColor), isJSON: global.json)
    var known = 0
    while true {
      // Asked before reading: what was printed up to the end of the run is read once more after it.
      let runner = follow ? try await store.owner(of: thread) : nil
      let records = try await store.output(of: thread, after: known)
      known += records.count
      printer.show(records.filter(isMeant))
      if runner == nil { break }
      try await Task.sleep(for: Self.pace)
    }
    printer.finish()
    if printer.isEmpty, !global.json, !global.quiet { tellNothing(known > 0) }
    if follow, !global.json, !global.quiet { tellEnd(try await view.header(thread)) }
  }

  private func isMeant(_ record: OutputRecord) -> Bool {
    let isNodes = node.map { $0 == record.node || Namespace(record.namespace).nodes.contains($0) } ?? true
    return isNodes && (step == nil || record.step == step)
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

/// Lines of tasks under their names; a line that comes in pieces is shown once it is whole.
struct LogPrinter {
  let style: Style
  let isJSON: Bool
  private var heading = ""
  private var open = ""
  private(set) var isEmpty = true

  init(style: Style, isJSON: Bool) {
    self.style = style
    self.isJSON = isJSON
  }

  mutating func show(_ records: [OutputRecord]) {
    if !records.isEmpty { isEmpty = false }
    for record in records {
      if isJSON { Sink.output.line(record.json.text) } else { show(record) }
    }
  }

  /// What has begun ends.
  mutating func finish() {
    if !open.isEmpty { Sink.output.line("  " + SafeText.line(open)) }
    open = ""
  }

  private mutating func show(_ record: OutputRecord) {
    let attempt = record.attempt > 1 ? ", attempt \(record.attempt)" : ""
    let stream = record.stream == .stdout ? "" : ", \(record.stream.rawValue)"
    let title = "\(Namespace(record.namespace).shown(record.task)) (step \(record.step)\(attempt)\(stream))"
    if title != heading {
      finish()
      heading = title
      Sink.output.line(style.bold(title))
    }
    var lines = (open + record.text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    open = lines.popLast() ?? ""
    for line in lines { Sink.output.line("  " + SafeText.line(line.last == "\r" ? String(line.dropLast()) : line)) }
  }
}
