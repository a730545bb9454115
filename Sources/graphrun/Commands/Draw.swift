import ArgumentParser
import Graph
import GraphRuntime

/// Draws a graph, or a thread's progress on it.
struct Draw: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case mermaid, dot, svg, text
  }

  static let configuration = CommandConfiguration(
    commandName: "draw",
    abstract: "Draw a graph; of a thread, with how far it is.",
    discussion: """
        graphrun draw review.graph --format svg > review.svg
        graphrun draw monday
        graphrun draw monday@3 --format mermaid

      A graph and a thread of one name: --thread means the thread.
      """)

  @Argument(help: ArgumentHelp("The graph, or a thread.", valueName: "file or thread[@n]"), completion: .graphFile)
  var name: String
  @Flag(help: "The name is a thread's.") var thread = false
  @Option(help: "The notation; svg needs Graphviz.") var format = Format.text
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    if !thread, let path = try? GraphLookup.path(of: name) {
      return try await draw(GraphLookup().graph(named: path, quiet: true), nil)
    }
    let stored = try await progress()
    try await draw(stored.graph, stored.progress, title: stored.title)
  }

  /// - Throws: ``UsageError`` when there is no such thread either.
  private func progress() async throws -> ThreadProgress {
    guard let reference = CheckpointReference(argument: name), let store = try await global.openStoreIfAny() else {
      throw missing
    }
    do {
      return try await ThreadProgress(reference, in: store)
    } catch RunRefusal.unknownThread {
      throw missing
    }
  }

  private var missing: UsageError {
    let threads = global.command("threads")
    return UsageError("no graph and no thread \"\(name)\"; \(threads) lists the threads, a graph is given by its file")
  }

  private func draw(_ graph: StateGraph, _ progress: GraphProgress?, title: String? = nil) async throws {
    let picture =
      switch format {
      case .mermaid: graph.mermaid(progress)
      case .dot: graph.dot(progress)
      case .text: (title.map { $0 + "\n" } ?? "") + dressed(graph.text(progress))
      case .svg: try await Graphviz.svg(of: graph.dot(progress))
      }
    Sink.output.write(picture.hasSuffix("\n") ? picture : picture + "\n")
  }

  /// Marks in their colours.
  private func dressed(_ text: String) -> String {
    let style = Terminal.style(noColor: global.noColor)
    guard style.hasColor else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard let state = GraphProgress.State.allCases.first(where: { line.hasPrefix($0.mark + " ") }) else {
        return String(line)
      }
      return style.dressed(state.mark, as: state) + line.dropFirst(state.mark.count)
    }.joined(separator: "\n")
  }
}

extension Style {
  fileprivate func dressed(_ text: String, as state: GraphProgress.State) -> String {
    switch state {
    case .done: green(text)
    case .failed: red(text)
    case .waiting: yellow(text)
    case .running, .due: cyan(text)
    case .skipped: dim(text)
    }
  }
}
