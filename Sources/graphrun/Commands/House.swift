import ArgumentParser
import Graph
import GraphNodes
import GraphRuntime

/// Removes a thread.
struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete",
    abstract: "Remove a thread for good, with all that is stored of it.",
    discussion: "Its background services are ended first. A thread that runs is refused: graphrun stop ends its run.")

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore(.readWrite)
    try await closing(store) {
      try await Engine(store: store, kinds: .builtIn).delete(thread)
      if global.json {
        let line: JSON = ["thread": .string(thread.rawValue), "status": "deleted"]
        return Sink.output.line(line.text)
      }
      Sink.output.line("thread \(thread): deleted")
    }
  }
}

/// Removes old checkpoints.
struct Prune: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove old checkpoints of finished threads.",
    discussion: """
        graphrun prune --keep 20
        graphrun prune --older-than 30d
        graphrun prune monday tuesday --finished

      At least one of the three is needed; where several are given, what goes must meet all. Threads that are not done stay \
      as they are. The newest checkpoint always stays, and so does one that a branch or another thread was forked from.
      """)

  @Argument(help: "The threads; else all.", completion: .thread) var threads: [ThreadID] = []
  @Option(help: ArgumentHelp("So many of a thread's newest checkpoints stay.", valueName: "n")) var keep: Int?
  @Option(help: ArgumentHelp("Checkpoints younger than this stay (30d, 12h …).", valueName: "time"))
  var olderThan: TypedDuration?
  @Flag(help: "All of a finished thread but its end may go.") var finished = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if keep == nil, olderThan == nil, !finished {
      throw ValidationError("say what may go: --keep N, --older-than TIME or --finished")
    }
    if let keep, keep < 1 { throw ValidationError("--keep must be at least 1: the newest checkpoint always stays") }
  }

  func run() async throws {
    let store = try await global.requireStore(.readWrite)
    try await closing(store) {
      let report = try await Engine(store: store, kinds: .builtIn).prune(
        Retention(keep: keep, age: olderThan?.duration), threads: threads.isEmpty ? nil : threads)
      if global.json {
        let line: JSON = [
          "threads": .int(report.threads), "checkpoints": .int(report.checkpoints), "bytes": .int(report.bytes),
        ]
        return Sink.output.line(line.text)
      }
      Sink.output.line(
        "\(counted(report.checkpoints, "checkpoint")) of \(counted(report.threads, "thread")) removed; \(ByteCount(report.bytes)) freed"
      )
    }
  }
}

/// The results that `cache` keeps.
struct Cache: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Forget cached results.", subcommands: [Clear.self])

  struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clear",
      abstract: "Forget the results that nodes with cache: keep, or those of one node.",
      discussion: "  graphrun cache clear\n  graphrun cache clear --node translate")

    @Option(help: ArgumentHelp("Only the results of nodes with this name.", valueName: "node")) var node: NodeName?
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() async throws {
      let store = try await global.requireStore(.readWrite)
      try await closing(store) {
        let count = try await store.clearCache(of: node)
        if global.json { return Sink.output.line(JSON.object(["results": .int(count)]).text) }
        Sink.output.line("\(counted(count, "cached result")) forgotten")
      }
    }
  }
}
