import Foundation
import Graph
import Synchronization

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
    try self.init(graph: String(contentsOf: example.graph, encoding: .utf8), name: example.graph.lastPathComponent)
  }

  init(graph text: String, name: String) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "conformance-\(UUID().uuidString)")
      .resolvingSymlinksInPath()
    graph = folder.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(text, to: name)
  }

  var state: String { folder.appending(path: "state").path }

  /// The text of a file; `nil` where there is none.
  func read(_ name: String) -> String? { try? String(contentsOf: folder.appending(path: name), encoding: .utf8) }

  func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: folder.appending(path: name)) }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// What `edit` and `write` do.
  func change(_ step: Step) throws {
    var text = try String(contentsOf: graph, encoding: .utf8)
    for (key, value) in step.texts {
      if step.action == .edit {
        guard text.contains(key) else { throw CaseError("the graph does not hold \(key)") }
        text.replace(key, with: value ?? "")
      } else if let value {
        try write(value, to: key)
      } else {
        try FileManager.default.removeItem(at: folder.appending(path: key))
      }
    }
    if step.action == .edit { try write(text, to: graph.lastPathComponent) }
  }
}

/// The ids of questions by the tasks that asked them, also of those that are answered.
final class Asked: Sendable {
  private let ids = Mutex<[String: String]>([:])

  /// Takes in what is open in a `show`.
  func meet(_ snapshot: JSON) -> [String: String] {
    ids.withLock { ids in
      Self.collect(snapshot, below: "", into: &ids)
      return ids
    }
  }

  /// A question inside a subgraph goes by the way to it: `s[0]/q`.
  private static func collect(_ shown: JSON, below: String, into ids: inout [String: String]) {
    for task in shown["tasks"]?.arrayValue ?? [] {
      guard let label = task["task"]?.stringValue else { continue }
      if let id = task["interrupt"]?["id"]?.stringValue { ids[below + label] = id }
      if let inner = task["subgraph"] { collect(inner, below: "\(below)\(label)/", into: &ids) }
    }
  }
}
