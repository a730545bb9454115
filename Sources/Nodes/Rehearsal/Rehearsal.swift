public import Graph
public import GraphRuntime
import Synchronization

/// Runs scenarios of a graph in memory: nothing outside is touched and nothing is waited for.
public struct Rehearsal: Sendable {
  public var graph: StateGraph
  public var kinds: NodeRegistry

  /// How long one scenario may take.
  public var limit: Duration = .seconds(60)

  public init(_ graph: StateGraph, kinds: NodeRegistry) {
    self.graph = graph
    self.kinds = kinds
  }

  public func report(on scenario: Scenario) async -> ScenarioReport {
    let stop = StopControl()
    return await withTaskGroup(of: ScenarioReport?.self) { group in
      group.addTask { await ScenarioRun(self, scenario, stop).report() }
      group.addTask { [limit] in
        guard (try? await Task.sleep(for: limit)) != nil else { return nil }
        stop.request()
        stop.request()
        return nil
      }
      var report: ScenarioReport?
      var isOver = false
      for await ended in group {
        guard let ended else {
          isOver = report == nil
          continue
        }
        report = ended
        group.cancelAll()
      }
      guard var report else { preconditionFailure("a scenario always gives a report") }
      if isOver { report.differences = [.overtime(limit)] }
      return report
    }
  }
}

/// One scenario on its way.
private struct ScenarioRun {
  let rehearsal: Rehearsal
  let scenario: Scenario
  let stop: StopControl
  let stage: Stage
  let engine: Engine
  let taken = TakenRoutes()
  private let thread: ThreadID = "rehearsal"

  init(_ rehearsal: Rehearsal, _ scenario: Scenario, _ stop: StopControl) {
    self.rehearsal = rehearsal
    self.scenario = scenario
    self.stop = stop
    let stage = Stage(scenario.scripts, stop: stop)
    self.stage = stage
    var environment = scenario.environment
    for name in rehearsal.graph.withSubgraphs.flatMap(\.secrets) { environment[name] = "stand-in for \(name)" }
    var engine = Engine(
      store: MemoryStore(), kinds: rehearsal.kinds.mapKinds { RehearsedKind(kind: $0, stage: stage) },
      environment: environment, clock: .rehearsal())
    engine.onRoute = { [taken] in taken.add(RehearsalRoute(node: $0, index: $1)) }
    self.engine = engine
  }

  func report() async -> ScenarioReport {
    var report = ScenarioReport(scenario: scenario)
    do {
      let end = try await run()
      report.status = end.status
      report.values = end.values
      report.error = end.error
      report.questions = end.interrupts
      try await follow(&report)
      report.coverage.nodes.subtract(stage.missing.map { NodeName(rawValue: $0.place) })
      report.differences = await differences(end, report)
    } catch {
      report.differences = [.refused("\(error)")]
    }
    report.unused = stage.unused
    report.coverage.routes.formUnion(taken.all)
    return report
  }

  /// Runs until nothing is left to do, or nobody answers.
  private func run() async throws -> RunEnd {
    let graph = rehearsal.graph
    var end = try await engine.start(graph, thread: thread, inputs: scenario.inputs, stop: stop)
    while end.status == .waiting {
      let answers = end.interrupts.compactMap { open in
        stage.answer(to: open).map { Answer(id: open.question.id, value: $0) }
      }
      guard !answers.isEmpty else { break }
      var options = RunOptions()
      options.maxSteps = max(0, graph.maxSteps - end.step)
      end = try await engine.resume(thread, graph: graph, answers: answers, options: options, stop: stop)
    }
    return end
  }

  /// Which way it went, as the store has it.
  private func follow(_ report: inout ScenarioReport) async throws {
    let store = engine.store
    let history = try await store.history(of: thread, namespace: "", before: nil, limit: nil)
    let head = try await store.thread(thread)?.head ?? 0
    let last = try await store.tasks(of: thread, namespace: "", checkpoint: head)
    for task in history.reversed().flatMap(\.ran) + last where task.hasRun {
      report.path.append(task.id.node)
      report.coverage.nodes.insert(task.id.nodeName)
      if task.handler != nil { report.coverage.routes.insert(RehearsalRoute(node: task.id.nodeName, index: nil)) }
    }
  }

  // MARK: What is not as expected

  private func differences(_ end: RunEnd, _ report: ScenarioReport) async -> [ScenarioReport.Difference] {
    let missing = stage.missing
    guard missing.isEmpty else { return missing.map(ScenarioReport.Difference.unscripted) }
    let expected = scenario.expectation
    var differences: [ScenarioReport.Difference] = []
    if expected.status != end.status.rawValue {
      differences.append(.status(expected: expected.status, found: end.status, error: end.error))
    }
    if let path = expected.path, path != report.path {
      differences.append(.path(expected: path, found: report.path))
    }
    for expression in expected.that {
      if let difference = await unmet(expression, end) { differences.append(difference) }
    }
    return differences
  }

  /// `nil` when it holds.
  private func unmet(_ expression: Expression, _ end: RunEnd) async -> ScenarioReport.Difference? {
    var scope = Scope(state: end.values)
    scope.variables["result"] = .object(end.outputs ?? end.values)
    scope.variables["error"] = end.error?.json(withResult: true)
    scope.variables["errors"] = .array(end.errors.map { $0.json(withResult: true) })
    do {
      return try await Evaluation.run { [scope] in
        guard try !expression.evaluate(in: scope).isTruthy else { return nil }
        let seen = ExpressionAnatomy.operands(of: expression.source).compactMap { source in
          (try? Expression(source).evaluate(in: scope)).map { ScenarioReport.Seen(source: source, value: $0) }
        }
        return .expectation(expression.source, seen: seen, error: nil)
      }
    } catch {
      let message = (error as? ExpressionError)?.message ?? "\(error)"
      return .expectation(expression.source, seen: [], error: message)
    }
  }
}

/// The routes that were taken, told from many tasks.
private final class TakenRoutes: Sendable {
  private let routes = Mutex<Set<RehearsalRoute>>([])
  var all: Set<RehearsalRoute> { routes.withLock(\.self) }
  func add(_ route: RehearsalRoute) { routes.withLock { _ = $0.insert(route) } }
}

extension RunClock {
  /// A clock on which waiting takes no time: whoever waits moves it on.
  fileprivate static func rehearsal() -> RunClock {
    let clock = MovedClock()
    return RunClock(
      now: { GraphRuntime.Timestamp(milliseconds: GraphRuntime.Timestamp.now.milliseconds + clock.offset) },
      chance: { 1.0.nextDown }, sleep: { clock.move($0) })
  }
}

private final class MovedClock: Sendable {
  private let milliseconds = Mutex(0)
  var offset: Int { milliseconds.withLock(\.self) }

  func move(_ duration: Duration) {
    milliseconds.withLock { $0 += Int((duration.seconds * 1000).rounded(.up)) }
  }
}
