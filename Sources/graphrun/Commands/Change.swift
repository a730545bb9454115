import ArgumentParser
import Graph
import GraphRuntime

/// Grows a branch from a checkpoint.
struct Fork: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fork",
    abstract: "Branch off at a checkpoint; nothing runs.",
    discussion: """
        graphrun fork monday@3 --set topic=ants
        graphrun resume monday
        graphrun fork monday@3 --thread tuesday

      The last leaves monday as it is: tuesday is a new thread, with the checkpoints that led to monday@3.
      """)

  @Argument(help: ArgumentHelp("Where to branch off.", valueName: "thread@n"), completion: .thread)
  var from: CheckpointReference
  @Option(help: ArgumentHelp("A channel's value; may be repeated.", valueName: "key=value")) var set: [Assignment] = []
  @Option(help: ArgumentHelp("As if this node had written them: its edges are followed.", valueName: "node")) var `as`:
    NodeName?
  @Option(help: ArgumentHelp("Make the branch a thread of its own (letters, digits, . _ and -).", valueName: "new"))
  var thread: ThreadID?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let update = StateUpdate(values: try Assignment.object(set), node: `as`)
    let number = try from.required("fork")
    try await Changing(global: global, thread: from.thread).change { runner, graph in
      if let thread {
        return try await runner.fork(from.thread, at: number, as: thread, update: update, graph: graph)
      }
      return try await runner.fork(from.thread, at: number, update: update, graph: graph)
    }
  }
}

/// Changes the state at the head.
struct SetValues: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Change a thread's state; nothing runs.",
    discussion: "  graphrun set monday --set topic=ants")

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("A channel's value; may be repeated.", valueName: "key=value")) var set: [Assignment] = []
  @Option(help: ArgumentHelp("As if this node had written them: its edges are followed.", valueName: "node")) var `as`:
    NodeName?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func validate() throws {
    if set.isEmpty, `as` == nil { throw ValidationError("nothing to change: give --set key=value or --as node") }
  }

  func run() async throws {
    let update = StateUpdate(values: try Assignment.object(set), node: `as`)
    try await Changing(global: global, thread: thread).change { runner, graph in
      try await runner.update(thread, update, graph: graph)
    }
  }
}

/// What `fork` and `set` share.
private struct Changing {
  var global: GlobalOptions
  var thread: ThreadID

  func change(_ body: @Sendable (Engine, StateGraph) async throws -> ThreadRecord) async throws {
    let store = try await global.requireStore(.readWrite)
    try await closing(store) {
      let before = try await ThreadView(store).header(thread)
      let graph = try await StoredGraph(global: global, store: store).graph(of: before, original: true)
      let header = try await body(Engine(store: store, kinds: .builtIn), graph)
      let parent = try await store.checkpoint(header.head, of: header.id, namespace: "")?.record.parent
      if global.json {
        let line: JSON = [
          "thread": .string(header.id.rawValue), "checkpoint": .int(header.head),
          "parent": parent.map(JSON.int) ?? .null, "step": .int(header.step),
          "next": .array(header.next.map(\.json)),
        ]
        return Sink.output.line(line.text)
      }
      let next = header.next.isEmpty ? "nothing is due" : "next: \(header.next.spoken)"
      Sink.output.line(
        "thread \(header.id): checkpoint \(header.head) from \(parent.map { "\($0)" } ?? "none"), \(next)")
      if !header.next.isEmpty { Sink.output.line("then:  " + global.command("resume", header.id.rawValue)) }
    }
  }
}
