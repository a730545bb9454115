import Foundation
import OrderedCollections

/// The graph files that a graph includes: each read and checked once, cycles and depth bounded.
struct Inclusions {
  /// Graphs inside graphs, and files and bytes in all.
  static let deepest = 16
  static let mostFiles = 256
  static let mostBytes = 16 << 20

  /// Where the files come from.
  private enum Source {
    /// What a thread keeps.
    case stored([String: String])
    case folder(String)

    /// The text that includes them is no file itself.
    case nowhere
  }

  private let source: Source

  /// Absolute path of the folder that all names start from, for what is relative to a file in it.
  private let folder: String?

  /// Mistakes and warnings of the included files, in the order they were read.
  private(set) var problems: [Problem] = []

  private var known: [String: Draft.Inclusion] = [:]

  /// How deep graphs are nested from a file on, itself included.
  private var heights: [String: Int] = [:]

  /// The files being read, each included by the one before it.
  private var chain: [String]
  private var bytes = 0

  /// - Parameters:
  ///   - files: what a thread keeps; `nil` reads from the disk.
  ///   - root: absolute path of the graph that includes them.
  init(files: [String: String]?, root: String?) {
    let url = root.map { URL(fileURLWithPath: $0) }
    folder = url?.deletingLastPathComponent().path
    chain = [url?.lastPathComponent ?? "this graph"]
    source = files.map(Source.stored) ?? folder.map(Source.folder) ?? .nowhere
  }

  /// Reads what the `graph` nodes of `draft` name. `name` is what its own file is called, from the folder.
  mutating func include(in draft: inout Draft, as name: String?, with reader: GraphReader) {
    let parent = name.map(Self.parent) ?? ""
    for node in draft.graph.nodes.values where node.kind == NodeFormat.graphKind {
      guard let file = node.fields["file"]?.string, draft.inclusions[file] == nil,
        FileRule.mistake(in: file, of: draft.graph.source?.path) == nil
      else { continue }
      let inclusion = inclusion(of: Self.normalized("\(parent)/\(file)"), named: file, from: parent, with: reader)
      draft.inclusions[file] = inclusion
      guard case .graph(let graph) = inclusion else { continue }
      draft.graph.subgraphs[file] = graph
      draft.graph.source?.include(graph, as: Self.normalized(file))
    }
  }

  private mutating func inclusion(
    of name: String, named file: String, from parent: String, with reader: GraphReader
  ) -> Draft.Inclusion {
    if let known = known[name], chain.count + heights[name, default: 0] <= Self.deepest + 1 { return known }
    if let start = chain.firstIndex(of: name) {
      let circle = (chain[start...] + [name]).joined(separator: " → ")
      return .refused("\(shown(file)) includes itself: \(circle)", hint: "a graph cannot run inside itself")
    }
    guard chain.count <= Self.deepest, known[name] == nil else {
      return .refused("graphs are nested more than \(Self.deepest) deep here", hint: nil)
    }
    let inclusion: Draft.Inclusion
    do throws(Refusal) {
      let text = try text(of: name, named: file, from: parent)
      inclusion = read(text, name, with: reader)
    } catch {
      inclusion = .refused("the graph \(shown(file)) \(error.reason)", hint: error.hint)
    }
    known[name] = inclusion
    heights[name] = height(from: name, inclusion)
    return inclusion
  }

  private mutating func read(_ text: String, _ name: String, with reader: GraphReader) -> Draft.Inclusion {
    chain.append(name)
    defer { chain.removeLast() }
    let reading = reader.read(text, path: folder.map { "\($0)/\(name)" }, as: name, &self)
    problems += reading.problems.map { problem in
      var problem = problem
      problem.file = name
      return problem
    }
    return reading.graph.map(Draft.Inclusion.graph) ?? .mistaken
  }

  private func height(from name: String, _ inclusion: Draft.Inclusion) -> Int {
    guard case .graph(let graph) = inclusion else { return 1 }
    let parent = Self.parent(of: name)
    return 1 + (graph.subgraphs.keys.map { heights[Self.normalized("\(parent)/\($0)"), default: 0] }.max() ?? 0)
  }

  private struct Refusal: Error {
    var reason: String
    var hint: String?
  }

  private mutating func text(of name: String, named file: String, from parent: String) throws(Refusal) -> String {
    guard known.count < Self.mostFiles else { throw Refusal(reason: "is one of more than \(Self.mostFiles) files") }
    let text: String
    switch source {
    case .nowhere: throw Refusal(reason: "is relative to a file, and this graph is none")
    case .stored(let files):
      guard let stored = files[name] else { throw Refusal(reason: "is not kept with the thread") }
      text = stored
    case .folder(let folder): text = try Self.read(file, below: ContainedFile(root: folder, folders: [parent]))
    }
    bytes += text.utf8.count
    guard bytes <= Self.mostBytes else {
      throw Refusal(reason: "makes more than \(Self.mostBytes) bytes of files together")
    }
    return text
  }

  private static func read(_ file: String, below folder: ContainedFile) throws(Refusal) -> String {
    var folder = folder
    folder.folders.removeAll(where: \.isEmpty)
    let bytes: [UInt8]
    do {
      bytes = try folder.bytes(of: file)
    } catch {
      throw Refusal(reason: error.reason, hint: "name a graph file in this graph's folder or below it")
    }
    if let problem = GraphFile.encodingProblem(in: bytes) { throw Refusal(reason: "cannot be read: \(problem)") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Without `.` and empty parts, so that one file has one name.
  private static func normalized(_ path: String) -> String {
    path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  private static func parent(of name: String) -> String {
    name.split(separator: "/").dropLast().joined(separator: "/")
  }
}

extension GraphSource {
  /// Adds the file `name` from this graph's folder, which is `graph`, and what that one includes.
  fileprivate mutating func include(_ graph: StateGraph, as name: String) {
    guard let included = graph.source else { return }
    files[name] = included.text
    let folder = name.split(separator: "/").dropLast().map { "\($0)/" }.joined()
    for (file, text) in included.files { files[folder + file] = text }
  }
}

extension GraphFileError {
  fileprivate var reason: String {
    switch self {
    case .missing: "is not there"
    case .noFile: "is no regular file"
    case .outside: "leads out of the folder of the graph that names it"
    case .unreadable(_, let reason): "cannot be read: \(reason)"
    }
  }
}

extension Draft {
  /// Whether everything that the graph includes is sound.
  var isWhole: Bool {
    inclusions.values.allSatisfy { if case .graph = $0 { true } else { false } }
  }
}
