import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Checks a graph and plays its scenarios each time one of its files is saved; nothing runs.
struct AuthorWatch {
  let name: String
  let global: GlobalOptions

  private static let pace = Duration.milliseconds(200)

  /// Until the program is ended.
  func run() async throws {
    let path = try GraphLookup.path(of: name)
    var files = Files([path])
    while true {
      let check = GraphCheck(path)
      if let graph = check.reading.graph { files.paths = paths(of: graph, at: path) }
      let seen = files.saved
      heading()
      check.show(global)
      if let graph = check.reading.graph { await rehearse(graph, path) }
      if !global.json { Sink.output.line(style.dim("waiting for a change of \(path); Ctrl-C ends this")) }
      while files.saved == seen { try await Task.sleep(for: Self.pace) }
      // An editor may write in several goes.
      var now = files.saved
      repeat {
        now = files.saved
        try await Task.sleep(for: Self.pace)
      } while files.saved != now
    }
  }

  private var style: Style { Terminal.style(noColor: global.noColor) }

  private func heading() {
    if !global.json {
      Sink.output.line(style.bold("\(Date.now.formatted(.iso8601.time(includingFractionalSeconds: false))) \(name)"))
    }
  }

  /// Scenarios that cannot be read are told as the graph's mistakes are.
  private func rehearse(_ graph: StateGraph, _ path: String) async {
    do {
      let source = try ScenarioSource(graphPath: path, wanted: nil)
      _ = try await source.play(graph, global)
    } catch let error as UsageError {
      Sink.error.line(SafeText.line("\(error)"))
    } catch {
      // Told already.
    }
  }

  private func paths(of graph: StateGraph, at path: String) -> [String] {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    return [path, RehearsalReader.path(besideGraph: path)]
      + graph.record.files.keys.sorted().map { folder.appending(path: $0).path }
  }

  /// Files, and when they were saved.
  private struct Files {
    var paths: [String]

    init(_ paths: [String]) { self.paths = paths }

    struct Save: Equatable {
      var date: Date?
      var size: Int?
    }

    var saved: [Save] {
      paths.map { path in
        let facts = try? FileManager.default.attributesOfItem(atPath: path)
        return Save(date: facts?[.modificationDate] as? Date, size: (facts?[.size] as? NSNumber)?.intValue)
      }
    }
  }
}
