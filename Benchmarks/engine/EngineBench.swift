import Foundation
import Graph
import GraphRuntime
import OrderedCollections

/// Runs one workload in this process and prints `{"seconds": …, …}`: what `Benchmarks/engine.py` compares.
///
///     engine-bench WORKLOAD STORE SIZE FOLDER
///
/// STORE is `none` (a store in memory, which gets the end of a run only), `sync`, `async` or `exit`.
@main
struct EngineBench {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 4, let workload = Workload(rawValue: arguments[1]), let size = Int(arguments[3]) else {
      FileHandle.standardError.write(Data("usage: engine-bench WORKLOAD STORE SIZE FOLDER\n".utf8))
      exit(2)
    }
    let start = ContinuousClock.now
    let store: any Checkpointer =
      arguments[2] == "none" ? MemoryStore() : try await SQLiteStore.open(folder: arguments[4])
    let bench = Bench(
      store: store, durability: Durability(rawValue: arguments[2]) ?? .exit, size: size, start: start)
    let seconds = try await bench.run(workload)
    try await store.close()
    print(#"{"seconds": \#(seconds)}"#)
  }
}

enum Workload: String {
  /// A node that follows itself SIZE times and counts.
  case loop
  /// The same, adding an item of 200 bytes to a list each time.
  case append
  /// The same with a message to a list of messages.
  case messages
  /// SIZE tasks in one super-step, then one that joins them.
  case fanOut = "fan-out"
  /// 500 super-steps beside a value of SIZE bytes that does not change.
  case bigValue = "big-value"
  /// SIZE threads of 10 super-steps, all at once.
  case threads
  /// A thread of SIZE checkpoints that is not done, left in FOLDER.
  case prepare
  /// One super-step more of what `prepare` left, the store opened for it.
  case resume
}

/// A node that does what its `does` field says; as little as a node can do.
struct Busy: NodeKind {
  let name = "busy"
  let isInstant = true

  func effectClass(of node: Node) -> EffectClass { .pure }

  func run(_ task: TaskContext) async throws -> NodeResult {
    guard case .literal(.string(let does))? = task.node.fields["does"] else { return .writes([]) }
    let count = task.scope.state["count"]?.intValue ?? 0
    let counted = ChannelWrite("count", .int(count + 1))
    switch does {
    case "append": return .writes([counted, ChannelWrite("list", .string(Bench.item(count)))])
    case "messages":
      return .writes([
        counted,
        ChannelWrite("list", ["role": "user", "id": .string("\(count)"), "content": .string(Bench.item(count))]),
      ])
    case "one": return .writes([ChannelWrite("total", 1)])
    default: return .writes([counted])
    }
  }
}

struct Bench: Sendable {
  let durability: Durability
  let size: Int

  /// When the program began.
  let start: ContinuousClock.Instant
  private let engine: Engine

  init(store: any Checkpointer, durability: Durability, size: Int, start: ContinuousClock.Instant) {
    self.durability = durability
    self.size = size
    self.start = start
    engine = Engine(store: store, kinds: NodeRegistry([Busy()]))
  }

  static func item(_ number: Int) -> String {
    let label = "\(number) "
    return label + String(repeating: "x", count: 200 - label.utf8.count)
  }

  func run(_ workload: Workload) async throws -> Double {
    switch workload {
    case .loop: return try await timed(try loop(size, []), inputs: [:])
    case .append:
      return try await timed(try loop(size, [ChannelDefinition("list", reducer: .append)], "append"), inputs: [:])
    case .messages:
      return try await timed(try loop(size, [ChannelDefinition("list", reducer: .messages)], "messages"), inputs: [:])
    case .bigValue:
      let big: JSON = .string(String(repeating: "y", count: size))
      return try await timed(try loop(500, [ChannelDefinition("big", isInput: true)]), inputs: ["big": big])
    case .fanOut: return try await timed(try fanOut(), inputs: [:])
    case .threads: return try await threads()
    case .prepare:
      return try await stopped { try await engine.start($0, thread: "t", durability: durability, options: $1) }
    case .resume: return try await stopped(steps: 1) { try await engine.resume("t", graph: $0, options: $1) }
    }
  }

  /// A loop that does not come to its end.
  private func stopped(
    steps: Int? = nil, _ begin: (StateGraph, RunOptions) async throws -> RunEnd
  ) async throws -> Double {
    var options = RunOptions()
    options.maxSteps = steps ?? size
    options.maxCheckpoints = 1_000_000
    let end = try await begin(try loop(10_000_000, []), options)
    guard end.status == .failed, end.error?.kind == .limit else { fatalError("\(end.status)") }
    return (ContinuousClock.now - start) / .seconds(1)
  }

  private func timed(_ graph: StateGraph, inputs: JSONObject) async throws -> Double {
    try await warmUp()
    let start = ContinuousClock.now
    try await run(graph, thread: "t", inputs: inputs)
    return (ContinuousClock.now - start) / .seconds(1)
  }

  private func run(_ graph: StateGraph, thread: ThreadID, inputs: JSONObject = [:]) async throws {
    var options = RunOptions()
    options.maxSteps = 1_000_000
    let end = try await engine.start(graph, thread: thread, inputs: inputs, durability: durability, options: options)
    guard end.status == .done else { fatalError("\(end.status): \(end.error?.message ?? "")") }
  }

  /// Leaves what a process does once out of the measurement.
  private func warmUp() async throws {
    let engine = Engine(store: MemoryStore(), kinds: engine.kinds)
    _ = try await engine.start(try loop(2, []), thread: "warm-up", durability: durability)
  }

  private func threads() async throws -> Double {
    try await warmUp()
    let graph = try loop(10, [])
    let start = ContinuousClock.now
    try await withThrowingTaskGroup { group in
      for number in 0..<size {
        group.addTask { try await run(graph, thread: ThreadID(rawValue: "t\(number)")) }
      }
      try await group.waitForAll()
    }
    return (ContinuousClock.now - start) / .seconds(1)
  }

  private func loop(_ steps: Int, _ channels: [ChannelDefinition], _ does: String = "count") throws -> StateGraph {
    let more = Route(when: try Expression(".count < \(steps)"), to: .nodes(["node"]))
    return graph(
      [ChannelDefinition("count", initial: 0)] + channels, start: ["node"],
      [node("node", does, next: Routes([more, Route(to: .nodes([]))]))])
  }

  private func fanOut() throws -> StateGraph {
    let each = Route(each: try Expression(".items"), to: .nodes(["one"]))
    let items = JSON.array((0..<size).map(JSON.int))
    return graph(
      [
        ChannelDefinition("items", initial: items), ChannelDefinition("total", reducer: .sum),
        ChannelDefinition("count", initial: 0),
      ],
      start: ["split"],
      [
        node("split", "count", next: Routes([each])), node("one", "one"),
        node("join", "count", after: ["one"]),
      ])
  }

  private func node(_ name: NodeName, _ does: String, after: [NodeName] = [], next: Routes? = nil) -> Node {
    Node(name, kind: "busy", fields: ["does": .literal(.string(does))], after: after, next: next)
  }

  private func graph(_ channels: [ChannelDefinition], start: [NodeName], _ nodes: [Node]) -> StateGraph {
    StateGraph(
      name: "bench", channels: OrderedDictionary(uniqueKeysWithValues: channels.map { ($0.name, $0) }),
      start: Routes(to: start), nodes: OrderedDictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0) }))
  }
}
