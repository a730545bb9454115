import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Starts a thread, or gives a finished one a new input.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Start a thread of a graph (the default command).",
    discussion: """
      FILE is looked up as given, then in graphs/, with or without .graph. Values are JSON if they parse, else strings.

        graphrun review.graph --input topic=bees --input 'tags=["a","b"]'
        graphrun run review --inputs topics.json --thread monday
        graphrun run review --thread monday --input topic=ants

      The last gives a finished thread a new input. While you write a graph,

        graphrun run review --watch

      checks it and plays its scenarios each time you save it; nothing runs.
      """)

  @Argument(help: "The graph.", completion: .graphFile)
  var file: String

  @Option(
    help: ArgumentHelp("Name of the thread (letters, digits, . _ and -); else one is made.", valueName: "id"),
    completion: .thread)
  var thread: ThreadID?

  @Option(help: ArgumentHelp("An input; may be repeated.", valueName: "key=value"))
  var input: [Assignment] = []

  @Option(
    help: ArgumentHelp("Inputs as a JSON object in a file; - is standard input.", valueName: "file.json"),
    completion: .file(extensions: ["json"]))
  var inputs: String?

  @Option(help: "When work reaches the disk: each super-step, behind, or at the end.")
  var durability = Durability.sync

  @Flag(help: "Give up what is unfinished on the thread first.")
  var abandon = false

  @Flag(help: "For authors: on each save check the graph and play its scenarios; nothing runs.")
  var watch = false

  @OptionGroup(title: "Running") var running: RunningOptions
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    guard watch, thread != nil || !input.isEmpty || inputs != nil || abandon else { return }
    throw ValidationError("--watch runs nothing: leave out --thread, --input, --inputs and --abandon")
  }

  func run() async throws {
    if watch { return try await AuthorWatch(name: file, global: global).run() }
    let graph = try GraphLookup().graph(named: file, quiet: global.quiet)
    let inputs = try self.allInputs()
    let store = try await global.openStore()
    let thread = self.thread ?? ThreadID(newFor: graph.name)
    let runner = Engine(store: store, kinds: .builtIn)
    let session = RunSession(global, runner: runner, graph: graph, thread: thread, options: running.runOptions)
    try await closing(store) {
      try await session.run { options, stop, observe in
        try await runner.start(
          graph, thread: thread, inputs: inputs, durability: durability, abandon: abandon, options: options, stop: stop,
          observe: observe)
      }
    }
  }

  private func allInputs() throws -> JSONObject {
    var all = JSONObject()
    if let inputs {
      let data = try InputFile.contents(of: inputs)
      do throws(JSONTextError) {
        guard let object = try JSON(parsing: data).objectValue else {
          throw JSONTextError(line: 1, column: 1, message: "not a JSON object")
        }
        all = object
      } catch {
        throw UsageError("\(inputs):\(error.line):\(error.column): \(error.message)")
      }
    }
    for (key, value) in try Assignment.object(input) { all[key] = value }
    return all
  }
}

/// Runs `body` and lets go of `store` and of what the nodes share.
func closing(_ store: SQLiteStore, _ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch {
    await NodeRegistry.shutDown()
    try? await store.close()
    throw error
  }
  await NodeRegistry.shutDown()
  try await store.close()
}

extension ThreadID {
  /// A new name that says which graph it runs.
  init(newFor graph: String) {
    let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
    let plain = graph.unicodeScalars.map { Self.allows($0, at: 1) ? Character($0) : "-" }
    let start = String(plain.drop { $0 == "-" || $0 == "." || $0 == "_" }.prefix(100))
    let end = String((0..<5).compactMap { _ in alphabet.randomElement() })
    self.init(rawValue: start.isEmpty ? "thread-\(end)" : "\(start)-\(end)")
  }
}
