import Foundation
import OrderedCollections

/// Reads `.graph` files: YAML 1.2 core, checked in one pass.
public struct GraphReader: Sendable {
  /// The node kinds a file may use.
  public var kinds: [NodeFormat]

  /// The reducers a file may use besides graphrun's own.
  public var reducers: [CustomReducer]

  /// Graphs of this program: what a store keeps of one of them is that graph.
  public var known: [StateGraph] = []

  public init(kinds: [NodeFormat] = NodeFormat.builtIn, reducers: [CustomReducer] = []) {
    self.kinds = kinds
    self.reducers = reducers
  }

  /// The graph that `text` was kept of; `nil` where it can no longer be read. Of one made in Swift that this program
  /// does not know it is the outline, which cannot run.
  public func stored(_ text: String, path: String?, files: [String: String]? = nil) -> StateGraph? {
    known.first { $0.source?.text == text } ?? StateGraph(outline: text) ?? read(text, path: path, files: files).graph
  }

  /// Reads and validates the file at `path`.
  ///
  /// - Throws: ``GraphFileError`` when the file cannot be read at all; mistakes in it are problems, not throws.
  public func read(contentsOf path: String) throws -> Reading {
    let bytes = try GraphFile.bytes(of: path)
    if let problem = GraphFile.encodingProblem(in: bytes) { return Reading(graph: nil, problems: [problem]) }
    return read(String(decoding: bytes, as: UTF8.self), path: URL(fileURLWithPath: path).standardizedFileURL.path)
  }

  /// Reads and validates `text` as if it were the file at `path` (absolute; `nil`: there is no file).
  ///
  /// - Parameter files: the texts of the files it includes, by path from its folder; `nil` takes them from the disk.
  public func read(_ text: String, path: String? = nil, files: [String: String]? = nil) -> Reading {
    var inclusions = Inclusions(files: files, root: path)
    let reading = read(text, path: path, as: nil, &inclusions)
    return Reading(graph: reading.graph, problems: reading.problems + inclusions.problems)
  }

  /// Reads the file that is called `name` from the folder of the graph that is read; `nil` is that graph itself.
  func read(_ text: String, path: String?, as name: String?, _ inclusions: inout Inclusions) -> Reading {
    let (root, problems) = YAMLReader.read(text)
    guard let root else { return Reading(graph: nil, problems: problems) }
    var parts = ShapeReader()
    parts.problems = problems
    parts.defaultInterpreter = root["defaults"]?["shell"].flatMap(ShapeReader.interpreter)
    let fields = parts.read(root, as: .object(GraphFormat(kinds: kinds, reducers: reducers).file)) ?? .map([:])
    let source = GraphSource(path: path, text: text)
    var draft = DraftBuilder.build(root, fields, parts, kinds: kinds, reducers: reducers, source: source)
    inclusions.include(in: &draft, as: name, with: self)
    let found = draft.parts.problems + Rules.all.flatMap { $0.problems(in: draft) }
    let reading = Reading(graph: draft.graph, found: found)
    return draft.isWhole ? reading : Reading(graph: nil, problems: reading.problems)
  }
}

/// What reading a file gave.
public struct Reading: Sendable {
  /// `nil` when there is an error among the problems.
  public var graph: StateGraph?

  /// Every mistake and warning, by position; those of included files after the graph's own.
  public var problems: [Problem]

  public init(graph: StateGraph?, problems: [Problem]) {
    self.graph = graph
    self.problems = problems
  }

  /// Puts what was `found` in order; what stands under an anchor is met once per alias and said once.
  init(graph: StateGraph, found: [Problem]) {
    problems = Problem.ordered(found)
    self.graph = problems.contains { $0.severity == .error } ? nil : graph
  }
}
