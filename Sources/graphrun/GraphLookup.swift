import Foundation
import Graph

/// Finds and reads the graph a person named.
struct GraphLookup {
  var reader = GraphReader()

  /// The file meant by `name`: as given, then in `graphs/`, each with and without `.graph`.
  ///
  /// - Throws: ``UsageError`` naming where it was looked for.
  static func path(of name: String) throws -> String {
    var candidates = [name]
    if !name.hasSuffix(".graph") { candidates.append(name + ".graph") }
    if !name.hasPrefix("/") { candidates += candidates.map { "graphs/" + $0 } }
    for candidate in candidates {
      var isFolder: ObjCBool = false
      let exists = unsafe FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder)
      if exists, !isFolder.boolValue { return candidate }
    }
    throw UsageError(
      "no graph \"\(name)\"; looked for \(candidates.joined(separator: ", ")); graphrun new begins one")
  }

  /// The graph in the file that `name` means; problems are told on stderr.
  ///
  /// - Throws: ``ExitStatus/usage`` when the graph is not valid.
  func graph(named name: String, quiet: Bool) throws -> StateGraph {
    let path = try Self.path(of: name)
    return try graph(of: reader.read(contentsOf: path), shownAs: path, quiet: quiet)
  }

  func graph(of reading: Reading, shownAs path: String, quiet: Bool) throws -> StateGraph {
    let shown = reading.problems.filter { !quiet || $0.severity == .error }
    for problem in shown { Sink.error.line(SafeText.line(problem.description(in: path))) }
    guard let graph = reading.graph else { throw ExitStatus.usage }
    return graph
  }
}
