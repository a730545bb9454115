import Foundation
import Graph
import GraphNodes
import GraphRuntime
import Synchronization

/// Plays through the library, on a store of any kind.
struct LibraryPlayer: Player {
  let stage: Stage
  let store: any Checkpointer
  let environment: [String: String]
  private let asked = Asked()

  init(stage: Stage, store: any Checkpointer, environment: [String: String]) {
    (self.stage, self.store, self.environment) = (stage, store, environment)
  }

  private var engine: Engine {
    let own = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    return Engine(store: store, kinds: NodeRegistry(BuiltInNodes.all), environment: own)
  }
  private var view: ThreadView { ThreadView(store) }

  func play(_ step: Step) async throws -> Played {
    do {
      return try await perform(step)
    } catch let refusal as RunRefusal {
      return Played(exit: 2, message: "\(refusal)")
    } catch let error as InvalidGraph {
      return Played(exit: 2, message: error.problems.map { "\($0.message) \($0.hint ?? "")" }.joined(separator: "\n"))
    } catch StoreError.busy(let owner) {
      return Played(exit: 4, message: "\(StoreError.busy(owner))")
    }
  }

  func snapshot(_ thread: String) async throws -> JSON { try await view.snapshot(ThreadID(rawValue: thread)).json }
  func history(_ thread: String) async throws -> [JSON] {
    try await view.history(ThreadID(rawValue: thread)).map(\.json)
  }

  private struct InvalidGraph: Error { var problems: [Problem] }

  private func perform(_ step: Step) async throws -> Played {
    let thread = ThreadID(rawValue: step.thread)
    switch step.action {
    case .edit, .write: try stage.change(step)
    case .run: return try await run(step, thread)
    case .resume: return try await resume(step, thread)
    case .fork, .set: return try await change(step, thread)
    case .show: return Played(exit: 0, lines: [try await view.snapshot(thread, at: step["at"]?.intValue).json])
    case .history:
      let lines = try await view.history(thread, before: step["before"]?.intValue, limit: step["limit"]?.intValue)
      return Played(exit: 0, lines: lines.map(\.json))
    case .log: return Played(exit: 0, lines: try await store.output(of: thread).map(\.json))
    case .threads: return Played(exit: 0, lines: try await view.headers().map(\.json))
    case .validate: return try validate()
    case .diff, .call: throw CaseError("\(step.action) is the command line's: only: command")
    }
    return Played(exit: 0)
  }

  private func run(_ step: Step, _ thread: ThreadID) async throws -> Played {
    let told = Told()
    let end = try await engine.start(
      try fileGraph(), thread: thread, inputs: step.object("input"),
      durability: step["durability"]?.stringValue.flatMap(Durability.init) ?? .sync, abandon: step.isSet("abandon"),
      options: options(step), observe: told.hear)
    return Played(end, told)
  }

  private func resume(_ step: Step, _ thread: ThreadID) async throws -> Played {
    let told = Told()
    let header = try await view.header(thread)
    let graph =
      step.isSet("original") || (header.status == .done && step["from"] == nil)
      ? try await storedGraph(thread) : try fileGraph()
    let end = try await engine.resume(
      thread, graph: graph, from: step["from"]?.intValue, update: StateUpdate(values: step.object("set")),
      answers: try await answers(step), options: options(step), observe: told.hear)
    return Played(end, told)
  }

  private func change(_ step: Step, _ thread: ThreadID) async throws -> Played {
    let graph = try await storedGraph(thread)
    let node = step["as"]?.stringValue.map(NodeName.init(rawValue:))
    let update = StateUpdate(values: step.object("set"), node: node)
    let header =
      step.action == .fork
      ? try await engine.fork(thread, at: step["at"]?.intValue ?? 0, update: update, graph: graph)
      : try await engine.update(thread, update, graph: graph)
    let parent = try await view.snapshot(thread, at: header.head).record.parent
    let line: JSON = [
      "checkpoint": .int(header.head), "parent": parent.map(JSON.int) ?? .null, "step": .int(header.step),
      "next": .array(header.next.map(\.json)),
    ]
    return Played(exit: 0, lines: [line])
  }

  private func answers(_ step: Step) async throws -> [Answer] {
    if let answer = step["answer"] { return [Answer(value: answer)] }
    let ids = asked.meet(try await snapshot(step.thread))
    return step.object("answers").map { Answer(id: ids[$0.key] ?? $0.key, value: $0.value) }
  }

  private func options(_ step: Step) -> RunOptions {
    var options = RunOptions()
    options.maxSteps = step["max-steps"]?.intValue
    options.until = step["until"]?.stringValue.map(NodeName.init(rawValue:))
    options.approveAll = step.isSet("yes")
    return options
  }

  private func fileGraph() throws -> StateGraph {
    let reading = try GraphReader().read(contentsOf: stage.graph.path)
    guard let graph = reading.graph else { throw InvalidGraph(problems: reading.problems) }
    return graph
  }

  private func storedGraph(_ thread: ThreadID) async throws -> StateGraph {
    guard let graph = try await view.graph(try await view.header(thread)) else { throw CaseError("no stored graph") }
    return graph
  }

  private func validate() throws -> Played {
    let reading = try GraphReader().read(contentsOf: stage.graph.path)
    let problems = reading.problems.map { problem -> JSON in
      [
        "severity": .string(problem.severity.rawValue), "line": .int(problem.position.line),
        "column": .int(problem.position.column), "message": .string(problem.message),
        "hint": problem.hint.map(JSON.string) ?? .null,
      ]
    }
    let line: JSON = ["ok": .bool(reading.graph != nil), "problems": .array(problems)]
    return Played(exit: reading.graph == nil ? 2 : 0, lines: [line])
  }
}

/// The events of a run.
private final class Told: Sendable {
  private let events = Mutex<[JSON]>([])
  var all: [JSON] { events.withLock { $0 } }
  var hear: Engine.Observer { { event in self.events.withLock { $0.append(event.json) } } }
}

extension Played {
  fileprivate init(_ end: RunEnd, _ told: Told) {
    let exit: Int =
      switch end.status {
      case .done, .stopped, .running: 0
      case .failed: 1
      case .waiting: 3
      }
    self.init(exit: exit, lines: told.all.last?["event"] == "run-end" ? told.all : told.all + [.object(end.json)])
  }
}
