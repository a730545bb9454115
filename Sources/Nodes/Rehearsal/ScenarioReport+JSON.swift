public import Graph
import GraphRuntime
import OrderedCollections

extension ScenarioReport {
  /// `{scenario,ok,status?,path,differences,error?,interrupts?,unused?}`.
  public var json: JSON {
    var object: JSONObject = ["scenario": .string(scenario.name), "ok": .bool(passed)]
    if let status { object["status"] = .string(status.rawValue) }
    object["path"] = .array(path.map(JSON.string))
    object["differences"] = .array(differences.map(\.json))
    if let error { object["error"] = error.json() }
    if !questions.isEmpty { object["interrupts"] = .array(questions.map(\.json)) }
    if !unused.isEmpty { object["unused"] = .array(unused.map(JSON.string)) }
    return .object(object)
  }
}

extension ScenarioReport.Difference {
  /// `{in,…}`: `in` says what differs.
  var json: JSON {
    switch self {
    case .refused(let message): return ["in": "start", "message": .string(message)]
    case .unscripted(let missing):
      return ["in": "script", "node": .string(missing.place), "message": .string(missing.description)]
    case .status(let expected, let found, let error):
      var object: JSONObject = ["in": "status", "expected": .string(expected), "found": .string(found.rawValue)]
      if let error { object["error"] = error.json() }
      return .object(object)
    case .path(let expected, let found):
      return [
        "in": "path", "expected": .array(expected.map(JSON.string)), "found": .array(found.map(JSON.string)),
      ]
    case .expectation(let source, let seen, let error):
      var object: JSONObject = ["in": "that", "expression": .string(source)]
      object["seen"] = .object(JSONObject(seen.map { ($0.source, $0.value) }))
      if let error { object["message"] = .string(error) }
      return .object(object)
    case .overtime(let limit): return ["in": "time", "seconds": .number(limit.seconds)]
    }
  }
}

/// What scenarios of a graph came to together.
public struct RehearsalSummary: Sendable {
  public var graph: StateGraph
  public var scenarios: Int
  public var passed: Int
  public var coverage: RehearsalCoverage

  public init(_ graph: StateGraph, _ reports: [ScenarioReport]) {
    self.graph = graph
    scenarios = reports.count
    passed = reports.count(where: \.passed)
    coverage = reports.reduce(into: RehearsalCoverage()) { $0.add($1.coverage) }
  }

  /// All nodes of the graph.
  public var nodes: Int { graph.nodes.count }

  /// Nodes that ran in no scenario.
  public var idleNodes: [NodeName] { graph.nodes.keys.filter { !coverage.nodes.contains($0) } }

  /// Ways out that no scenario took.
  public var idleRoutes: [RehearsalRoute] { graph.choices.map(\.choice).filter { !coverage.routes.contains($0) } }

  /// `{graph,scenarios,passed,nodes:{of,never},routes:{of,never:[{node?,to,when?}]}}`.
  public var json: JSON {
    let choices = graph.choices
    let never = choices.filter { !coverage.routes.contains($0.choice) }.map { choice, route -> JSON in
      var object: JSONObject = [
        "node": choice.node?.json ?? "start", "to": .array(graph.targets(of: choice).map(JSON.string)),
      ]
      if let condition = route?.when { object["when"] = .string(condition.source) }
      if choice.index == nil { object["on-error"] = true }
      return .object(object)
    }
    return [
      "graph": .string(graph.name), "scenarios": .int(scenarios), "passed": .int(passed),
      "nodes": ["of": .int(nodes), "never": .array(idleNodes.map(\.json))],
      "routes": ["of": .int(choices.count), "never": .array(never)],
    ]
  }
}

extension StateGraph {
  /// Where a way out leads; `end` where it ends the branch.
  public func targets(of choice: RehearsalRoute) -> [String] {
    let node = choice.node.flatMap { nodes[$0] }
    guard let index = choice.index else { return [node?.onError?.rawValue].compactMap(\.self) }
    let routes = node.map { $0.next ?? Routes([]) } ?? start
    guard routes.routes.indices.contains(index) else { return [] }
    let names = Routes([routes.routes[index]]).targets.map(\.rawValue)
    return names.isEmpty ? ["end"] : names
  }
}
