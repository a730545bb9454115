import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Makes a scenario of a stored thread and prints it, or adds it to a file.
struct ScenarioRecorder {
  /// The graph as it is now, which the scenario will be played with.
  var graph: StateGraph
  var global: GlobalOptions

  func record(_ thread: ThreadID, to output: String?) async throws {
    let store = try await global.requireStore()
    let header = try await ThreadView(store).header(thread)
    guard header.graphName == graph.name else {
      throw UsageError("thread \(thread) runs graph \(header.graphName), not \(graph.name)")
    }
    let known = try output.map(scenarios) ?? []
    let name = Self.free("as in thread \(thread)", known)
    let ran = try await ThreadView(store).graph(header) ?? graph
    let scenario = try await ThreadRecording(store, graph: ran).scenario(of: thread, named: name)
    let text = YAMLText.block([scenario]) + "\n"
    guard let output else { return Sink.output.write(text) }
    try add(text, to: output)
    if !global.quiet { Sink.output.line("added to \(output): \(name)") }
  }

  /// A scenario's name that is not in `known` yet.
  private static func free(_ name: String, _ known: [String]) -> String {
    guard known.contains(name) else { return name }
    let number = (2...).first { !known.contains("\(name) (\($0))") } ?? 2
    return "\(name) (\(number))"
  }

  /// The names in the file; none where there is no file yet.
  private func scenarios(in path: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let reading = try RehearsalReader(graph).read(contentsOf: path)
    for problem in reading.problems { Sink.error.line(SafeText.line(problem.description(in: path))) }
    guard let scenarios = reading.scenarios else { throw ExitStatus.usage }
    return scenarios.map(\.name)
  }

  /// Nothing is written where the file would not be valid then.
  private func add(_ text: String, to path: String) throws {
    var whole = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    if !whole.isEmpty { whole += whole.hasSuffix("\n") ? "\n" : "\n\n" }
    whole += text
    let reading = RehearsalReader(graph).read(whole)
    guard reading.scenarios != nil else {
      for problem in reading.problems { Sink.error.line(SafeText.line(problem.description(in: path))) }
      throw CommandFailure("the scenario does not fit into \(path); without --output it is printed", status: .usage)
    }
    do {
      try Data(whole.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CommandFailure("\(path): cannot be written: \(error.localizedDescription)")
    }
  }
}
