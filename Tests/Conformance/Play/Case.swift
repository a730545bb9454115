import Foundation
import Graph
import Testing

@testable import struct Graph.YAMLReader

/// A graph, the rule it shows, and what is done with it, each step with what must come of it.
struct Case: Sendable, CustomTestStringConvertible {
  /// `03.01-state-is-channels/append`
  var name: String
  var graph: URL
  private(set) var rule = ""
  private(set) var environment: [String: String] = [:]

  /// Played through the command line alone: it kills or signals the runner, which here would be the test itself.
  private(set) var isCommandOnly = false
  private(set) var steps: [Step] = []

  /// Why the case cannot be played.
  private(set) var mistake: String?

  var testDescription: String { name }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Cases")

  /// All cases, or those whose name holds `GRAPHRUN_CASE`.
  static let all: [Case] = {
    let wanted = ProcessInfo.processInfo.environment["GRAPHRUN_CASE"] ?? ""
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
    return (files ?? []).filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }.compactMap { file in
      let name =
        "\(file.deletingLastPathComponent().lastPathComponent)/\(file.deletingPathExtension().lastPathComponent)"
      guard wanted.isEmpty || name.contains(wanted) else { return nil }
      return Case(name, file)
    }
  }()

  private init(_ name: String, _ file: URL) {
    self.name = name
    graph = file.deletingPathExtension().appendingPathExtension("graph")
    do {
      try read(try String(contentsOf: file, encoding: .utf8))
    } catch {
      mistake = "\(file.path): \(error)"
    }
  }

  private mutating func read(_ text: String) throws {
    let (root, problems) = YAMLReader.read(text)
    guard let plan = root?.json, problems.isEmpty else { throw CaseError("\(problems.map(\.message))") }
    try plan.allow(["rule", "environment", "only", "steps"])
    guard let rule = plan["rule"]?.stringValue, let steps = plan["steps"]?.arrayValue else {
      throw CaseError("a case has a rule and steps")
    }
    self.rule = rule
    environment = (plan["environment"]?.objectValue ?? [:]).reduce(into: [:]) { $0[$1.key] = $1.value.stringValue }
    isCommandOnly = plan["only"] == "command"
    self.steps = try steps.map(Step.init)
  }
}

/// A mistake in a case.
struct CaseError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

extension JSON {
  /// - Throws: ``CaseError`` for a key that is not among `keys`: a misspelled expectation must not hold.
  func allow(_ keys: Set<String>) throws {
    guard case .object(let object) = self else { throw CaseError("not a map: \(text)") }
    for key in object.keys where !keys.contains(key) { throw CaseError("no key is called \(key)") }
  }
}
