import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// Lists what MCP servers offer.
struct ListTools: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tools", abstract: "List the tools of MCP servers.",
    usage: "graphrun tools [<file|server|url>] [--graph <file>] [--server <name>] [-- <command> ...]",
    discussion: """
        graphrun tools review.graph                 of all servers of a graph
        graphrun tools review.graph --server docker of one
        graphrun tools docker                       of one in ./mcp.json or ./.mcp.json
        graphrun tools https://example.org/mcp
        graphrun tools -- uvx mcp-server-docker     of one that this command starts

      An argument with a * is required. Descriptions are the server's; control characters in them are made visible.
      """)

  @Argument(help: "A graph, a server, or its URL; without it the servers here.", completion: .graphFile)
  var source: String?
  @Option(help: ArgumentHelp("The graph that has the server.", valueName: "file"), completion: .graphFile) var graph:
    String?
  @Option(help: ArgumentHelp("Only this server.", valueName: "name")) var server: String?
  @Option(help: ArgumentHelp("An input of the graph; may be repeated.", valueName: "key=value")) var input:
    [Assignment] =
      []
  @Argument(parsing: .postTerminator, help: .hidden) var command: [String] = []
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let choice = try ServerChoice(
      source, graph: graph, command: command, inputs: input, mayBeGraph: graph == nil, quiet: global.quiet)
    let (listing, only) = (ToolListing(global), server)
    let isWhole = try await Interruptible.run {
      try await closing(choice.desk) { try await listing.list(choice.servers(only: only)) }
    }
    await NodeRegistry.shutDown()
    if !isWhole { throw ExitStatus.failed }
  }
}

/// Shows the tools of servers.
private struct ToolListing: Sendable {
  private let global: GlobalOptions
  private let style: Style

  init(_ global: GlobalOptions) {
    self.global = global
    style = Terminal.style(noColor: global.noColor)
  }

  /// A server with its tools, or why there are none to show.
  private typealias Answer = Result<(server: ServerDesk.Server, tools: [ServerTool]), ServerTrouble>

  /// Asks all `servers` side by side and shows them in order; false when one could not be asked.
  func list(_ servers: [ServerChoice.Found]) async throws -> Bool {
    let wait = WaitLine(global)
    let starting = servers.compactMap { try? $0.get() }.map { "\($0.name) (\($0.place))" }
    wait.show("starting " + starting.joined(separator: ", "))
    defer { wait.clear() }
    return try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      for (index, server) in servers.enumerated() {
        group.addTask {
          do {
            let server = try server.get()
            return (index, .success((server, try await server.tools())))
          } catch let trouble as ServerTrouble {
            return (index, .failure(trouble))
          }
        }
      }
      var (found, next, isWhole): ([Int: Answer], Int, Bool) = ([:], 0, true)
      while let (index, answer) = try await group.next() {
        found[index] = answer
        while let answer = found[next] {
          wait.clear()
          if !show(answer, isFirst: next == 0) { isWhole = false }
          next += 1
        }
      }
      return isWhole
    }
  }

  private func show(_ answer: Answer, isFirst: Bool) -> Bool {
    switch answer {
    case .failure(let trouble):
      Sink.error.line("graphrun: " + SafeText.lines(trouble.message))
      return false
    case .success((let server, let tools)):
      for warning in server.takeWarnings() where !global.quiet { Sink.error.line("warning: " + SafeText.line(warning)) }
      if global.json {
        for tool in tools { Sink.output.line(tool.json.text) }
        return true
      }
      if !isFirst { Sink.output.line("") }
      let version = server.version.map { " (protocol \($0))" } ?? ""
      Sink.output.line("\(style.bold(SafeText.line(server.name))): \(SafeText.line(server.place))\(version)")
      if tools.isEmpty { Sink.output.line("  no tools") }
      for tool in tools { show(tool) }
      return true
    }
  }

  private func show(_ tool: ServerTool) {
    let hints = tool.hints.isEmpty ? "" : style.dim("  [\(tool.hints.joined(separator: ", "))]")
    Sink.output.line("")
    Sink.output.line("  \(style.cyan(SafeText.line(tool.name)))\(hints)")
    if let text = tool.description ?? tool.title, !global.quiet {
      for line in SafeText.lines(text).split(separator: "\n") { Sink.output.line("    \(line)") }
    }
    let names = tool.parameters.map { SafeText.line($0.name) + ($0.isRequired ? "*" : "") }
    let width = names.map(\.columns).max() ?? 0
    for (name, parameter) in zip(names, tool.parameters) {
      let space = String(repeating: " ", count: width - name.columns)
      let standard = parameter.standard.flatMap { $0 == .null ? nil : " = \($0.text)" } ?? ""
      let text = parameter.description.map { "  " + $0 } ?? ""
      Sink.output.line("      \(name)\(space)  " + SafeText.line(parameter.type + standard + text))
    }
  }
}
