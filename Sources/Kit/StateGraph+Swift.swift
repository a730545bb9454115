public import Graph
import GraphNodes
import OrderedCollections

/// A part of a graph as ``StateGraph/init(_:version:description:maxSteps:_:)`` takes it.
public protocol GraphElement {
  func add(to draft: inout GraphDraft)
}

/// A graph that is being put together.
public struct GraphDraft {
  public internal(set) var graph: StateGraph

  /// What is wrong with it so far.
  public var mistakes: [String] = []

  var functions: OrderedDictionary<String, SwiftBody> = [:]
}

@resultBuilder
public enum GraphBuilder {
  public static func buildExpression(_ element: some GraphElement) -> [any GraphElement] { [element] }
  public static func buildExpression(_ elements: [any GraphElement]) -> [any GraphElement] { elements }
  public static func buildBlock(_ parts: [any GraphElement]...) -> [any GraphElement] { Array(parts.joined()) }
  public static func buildOptional(_ part: [any GraphElement]?) -> [any GraphElement] { part ?? [] }
  public static func buildEither(first part: [any GraphElement]) -> [any GraphElement] { part }
  public static func buildEither(second part: [any GraphElement]) -> [any GraphElement] { part }
  public static func buildArray(_ parts: [[any GraphElement]]) -> [any GraphElement] { Array(parts.joined()) }
}

extension StateGraph {
  /// A graph made in code: its channels, nodes and where it starts, in the order that writes will land in.
  ///
  /// - Parameter version: to be changed with what the code does. A thread keeps the outline of the graph it runs, this
  ///   version in it; two graphs of one outline are taken for the same, as code cannot be compared.
  /// - Throws: ``GraphMistakes`` with everything that is wrong with it.
  public init(
    _ name: String, version: String = "1", description: String? = nil, maxSteps: Int = StateGraph.defaultMaxSteps,
    @GraphBuilder _ elements: () -> [any GraphElement]
  ) throws {
    var draft = GraphDraft(
      graph: StateGraph(name: name, description: description, maxSteps: maxSteps, start: Routes([]), nodes: [:]))
    for element in elements() { element.add(to: &draft) }
    if name.isEmpty { draft.mistakes.append("the graph has no name") }
    draft.mistakes += draft.functions.keys.map { "function \($0): only a graph file has nodes that name functions" }
    draft.mistakes += draft.graph.mistakes()
    guard draft.mistakes.isEmpty else { throw GraphMistakes(graph: name, mistakes: draft.mistakes) }
    self = draft.graph
    source = GraphSource(path: nil, text: outline(version: version))
  }

  /// The graph of a file, with the functions that its `swift` nodes name.
  ///
  /// - Parameter reader: knows the node kinds and reducers of one's own that the file uses.
  /// - Throws: ``GraphFileError`` where it cannot be read, ``GraphMistakes`` with everything that is wrong with it.
  public init(
    contentsOf path: String, reader: GraphReader = GraphReader(),
    @GraphBuilder _ functions: () -> [any GraphElement] = { [] }
  ) throws {
    let reading = try reader.read(contentsOf: path)
    guard let graph = reading.graph else {
      throw GraphMistakes(
        graph: path, mistakes: reading.problems.filter { $0.severity == .error }.map { "\($0.position): \($0.message)" }
      )
    }
    self = try Self.attaching(functions(), to: graph, named: path)
  }

  private static func attaching(
    _ elements: [any GraphElement], to graph: StateGraph, named path: String
  ) throws -> StateGraph {
    var draft = GraphDraft(graph: StateGraph(name: graph.name, start: graph.start, nodes: [:]))
    for element in elements { element.add(to: &draft) }
    if !draft.graph.nodes.isEmpty || !draft.graph.channels.isEmpty || draft.graph.start != graph.start {
      draft.mistakes.append("nodes, channels and the start are the file's; give functions for its swift nodes")
    }
    var graph = graph
    var unused = Set(draft.functions.keys)
    for node in graph.nodes.values where node.kind == SwiftNode.kind {
      guard case .literal(.string(let function))? = node.fields["function"], let body = draft.functions[function] else {
        draft.mistakes.append(
          "node \(node.name): its function is none of \(draft.functions.keys.joined(separator: ", "))")
        continue
      }
      unused.remove(function)
      graph.nodes[node.name]?.code = NodeCode(body)
    }
    draft.mistakes += unused.sorted().map { "function \($0): no node of the file names it" }
    guard draft.mistakes.isEmpty else { throw GraphMistakes(graph: path, mistakes: draft.mistakes) }
    return graph
  }
}

/// What is wrong with a graph, all of it.
public struct GraphMistakes: Error, Sendable, Hashable, CustomStringConvertible {
  public var graph: String
  public var mistakes: [String]

  public var description: String {
    mistakes.count == 1
      ? "graph \(graph): \(mistakes[0])" : "graph \(graph):\n" + mistakes.map { "  - \($0)" }.joined(separator: "\n")
  }
}
