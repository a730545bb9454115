public import Graph
public import GraphRuntime
import OrderedCollections

/// What came of a scenario.
public struct ScenarioReport: Sendable {
  public var scenario: Scenario

  /// How the thread ended; `nil` when it could not begin.
  public var status: ThreadStatus?

  /// The nodes that ran, in order.
  public var path: [String] = []
  public var values: JSONObject = [:]

  /// Why the thread failed.
  public var error: TaskError?
  public var questions: [OpenQuestion] = []

  /// In what it is not as expected.
  public var differences: [Difference] = []

  /// Nodes with a script that nothing asked for.
  public var unused: [String] = []

  /// What of the graph it came by.
  public var coverage = RehearsalCoverage()

  public var passed: Bool { differences.isEmpty }

  public enum Difference: Sendable, Hashable {
    /// The thread could not begin, or could not go on with an answer.
    case refused(String)

    /// A node needs the world, and nothing is said of it.
    case unscripted(Missing)
    case status(expected: String, found: ThreadStatus, error: TaskError?)
    case path(expected: [String], found: [String])

    /// What does not hold, with what was seen of it; or why it cannot be told.
    case expectation(String, seen: [Seen], error: String?)

    /// It took longer than a rehearsal may.
    case overtime(Duration)
  }

  /// A part of an expectation and its value.
  public struct Seen: Sendable, Hashable {
    public var source: String
    public var value: JSON
  }

  /// A task without a script.
  public struct Missing: Sendable, Hashable, CustomStringConvertible {
    /// Which task, as it is shown: `node`, `node[2]` in a fan-out, `outer/node` in a subgraph.
    public var place: String
    public var kind: String

    /// Attempts that there was a script for.
    public var given: Int

    public var description: String {
      guard given > 0 else { return "\(place) (\(kind)) has no script; say under nodes what it gives, or how it fails" }
      return "attempt \(given + 1) of \(place) (\(kind)) has no script; its list has \(given)"
    }
  }
}

/// The way out of a node.
public struct RehearsalRoute: Sendable, Hashable {
  /// `nil` is the graph's start.
  public var node: NodeName?

  /// The route's place in `next`; `nil` is `on-error`.
  public var index: Int?
}

/// What of a graph rehearsals came by.
public struct RehearsalCoverage: Sendable {
  public var nodes: Set<NodeName> = []
  public var routes: Set<RehearsalRoute> = []

  public init() {}

  public mutating func add(_ other: RehearsalCoverage) {
    nodes.formUnion(other.nodes)
    routes.formUnion(other.routes)
  }
}

extension StateGraph {
  /// Every way out that may be taken or not, in the order of the file.
  public var choices: [(choice: RehearsalRoute, route: Route?)] {
    func routes(_ routes: Routes?, of node: NodeName?) -> [(RehearsalRoute, Route?)] {
      guard let routes = routes?.routes, routes.count > 1 else { return [] }
      return routes.enumerated().map { (RehearsalRoute(node: node, index: $0), $1) }
    }
    return routes(start, of: nil)
      + nodes.values.flatMap { node in
        routes(node.next, of: node.name)
          + (node.onError == nil ? [] : [(RehearsalRoute(node: node.name, index: nil), nil)])
      }
  }
}
