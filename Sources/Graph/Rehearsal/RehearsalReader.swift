import Foundation
import OrderedCollections

/// Reads `.rehearsal.yaml` files: the scenarios of one graph, held to it.
public struct RehearsalReader: Sendable {
  public var graph: StateGraph

  public init(_ graph: StateGraph) {
    self.graph = graph
  }

  /// What reading a file gave.
  public struct Reading: Sendable {
    /// `nil` when there is an error among the problems.
    public var scenarios: [Scenario]?

    /// Every mistake and warning, by position.
    public var problems: [Problem]
  }

  /// The file beside the graph at `path` that has its scenarios.
  public static func path(besideGraph path: String) -> String {
    (path.hasSuffix(".graph") ? String(path.dropLast(6)) : path) + ".rehearsal.yaml"
  }

  /// - Throws: ``GraphFileError`` when the file cannot be read at all; mistakes in it are problems, not throws.
  public func read(contentsOf path: String) throws -> Reading {
    let bytes = try GraphFile.bytes(of: path)
    if let problem = GraphFile.encodingProblem(in: bytes) { return Reading(scenarios: nil, problems: [problem]) }
    return read(String(decoding: bytes, as: UTF8.self))
  }

  public func read(_ text: String) -> Reading {
    let (root, problems) = YAMLReader.read(text)
    guard let root else { return Reading(scenarios: nil, problems: problems) }
    var parts = ShapeReader()
    parts.problems = problems
    let fields = parts.read(root, as: RehearsalFormat.file)?.items ?? []
    var builder = ScenarioBuilder(parts: parts)
    let scenarios = zip(root.items ?? [], fields).map { builder.scenario($0, $1) }
    let rules = RehearsalRules(graph: graph, root: root, uses: builder.parts.uses)
    let found = Problem.ordered(builder.parts.problems + rules.problems)
    return Reading(scenarios: found.contains { $0.severity == .error } ? nil : scenarios, problems: found)
  }
}

extension Problem {
  /// By position; what stands under an anchor is met once per alias and said once.
  static func ordered(_ found: [Problem]) -> [Problem] {
    var met: Set<Problem> = []
    return found.filter { met.insert($0).inserted }
      .enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }.map(\.element)
  }
}
