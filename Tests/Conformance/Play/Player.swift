import Foundation
import Graph

/// Does with a case's thread what its steps say.
protocol Player: Sendable {
  func play(_ step: Step) async throws -> Played

  /// `show` and `history` (newest first) of a thread, as `--json` gives them.
  func snapshot(_ thread: String) async throws -> JSON
  func history(_ thread: String) async throws -> [JSON]
}

/// What a step came to.
struct Played: Sendable {
  /// As the command line exits, or would.
  var exit: Int

  /// The last JSON line, or the only one: `run-end`, a snapshot.
  var answer: JSON { lines.last ?? .null }
  var lines: [JSON] = []

  /// What is said to people.
  var message = ""
}

/// A folder of its own for one play of a case, with the graph in it.
struct Stage: Sendable {
  let folder: URL
  let graph: URL

  init(_ example: Case) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "conformance-\(UUID().uuidString)")
      .resolvingSymlinksInPath()
    graph = folder.appending(path: example.graph.lastPathComponent)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: example.graph, to: graph)
  }

  var state: String { folder.appending(path: "state").path }

  /// The text of a file; `nil` where there is none.
  func read(_ name: String) -> String? { try? String(contentsOf: folder.appending(path: name), encoding: .utf8) }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// What `edit` and `write` do.
  func change(_ step: Step) throws {
    var text = try String(contentsOf: graph, encoding: .utf8)
    for (key, value) in step.texts {
      if step.action == .edit {
        guard text.contains(key) else { throw CaseError("the graph does not hold \(key)") }
        text.replace(key, with: value ?? "")
      } else if let value {
        try Data(value.utf8).write(to: folder.appending(path: key))
      } else {
        try FileManager.default.removeItem(at: folder.appending(path: key))
      }
    }
    if step.action == .edit { try Data(text.utf8).write(to: graph) }
  }
}
