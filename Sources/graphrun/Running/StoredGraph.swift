import Foundation
import Graph
import GraphRuntime

/// Which graph a thread goes on with: its file as it is now, or the text the thread has.
struct StoredGraph {
  var global: GlobalOptions
  var store: SQLiteStore

  /// - Parameter isBranching: the thread goes on even if it is done.
  /// - Throws: ``ExitStatus/usage`` when the edited file is not valid.
  func graph(of header: ThreadRecord, original: Bool, isBranching: Bool = false) async throws -> StateGraph {
    guard let record = try await store.graph(header.graphHash) else {
      throw StoreError.damaged("thread \(header.id): the text of its graph is missing")
    }
    guard StateGraph(outline: record.text) == nil else {
      throw UsageError(
        "thread \(header.id) runs \(header.graphName), a graph made in Swift; go on with it in the program that has it")
    }
    let reader = GraphReader()
    func stored() throws -> StateGraph {
      let reading = reader.read(record, path: header.graphPath)
      return try GraphLookup().graph(of: reading, shownAs: "\(header.id) (stored graph)", quiet: true)
    }
    guard !original, header.status != .done || isBranching, let path = header.graphPath else { return try stored() }
    let reading: Reading
    do {
      reading = try reader.read(contentsOf: path)
    } catch {
      note("\(error); going on with the graph as the thread has it")
      return try stored()
    }
    if reading.graph?.record.hash == record.hash { return try stored() }
    guard let edited = reading.graph else {
      _ = try? GraphLookup().graph(of: reading, shownAs: path, quiet: true)
      note("to go on with the graph as it was: \(global.command("resume", header.id.rawValue, "--original"))")
      throw ExitStatus.usage
    }
    note("\(path), or a file that it includes, changed since the thread began:")
    for line in try GraphChange.differences(from: stored(), to: edited) { note("  \(line)") }
    return edited
  }

  private func note(_ text: String) { Sink.error.line(SafeText.line(text)) }
}
