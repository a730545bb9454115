import ArgumentParser
import Graph
import GraphRuntime

/// Lists the threads.
struct Threads: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "threads", abstract: "List the threads, newest change first.")

  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    guard let store = try await global.openStoreIfAny() else {
      if !global.json { Sink.error.line("no threads: there is no store in \(global.folder) yet") }
      return
    }
    let headers = try await ThreadView(store).headers()
    if global.json {
      for header in headers { Sink.output.line(header.json.text) }
      return
    }
    let rows = headers.map { header in
      [
        header.id.rawValue, SafeText.line(header.graphName), header.status.rawValue, "step \(header.step)",
        header.updated.iso8601.spokenTime, header.next.spoken,
      ]
    }
    Table(["THREAD", "GRAPH", "STATUS", "STEP", "CHANGED", "NEXT"], rows).show(global)
  }
}

extension [NodeName] {
  /// The names, each once, with how often.
  var spoken: String {
    var counts: [(name: NodeName, count: Int)] = []
    for name in self {
      if let place = counts.firstIndex(where: { $0.name == name }) {
        counts[place].count += 1
      } else {
        counts.append((name, 1))
      }
    }
    return counts.map { $0.count > 1 ? "\($0.name) ×\($0.count)" : "\($0.name)" }.joined(separator: ", ")
  }
}

extension String {
  /// An RFC 3339 time to the second, for people.
  var spokenTime: String { prefix(19).replacing("T", with: " ") + "Z" }
}
