import ArgumentParser
import Foundation
import Graph
import GraphNodes
import GraphRuntime
import Synchronization

/// Calls a tool of an MCP server.
struct CallTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Call a tool of an MCP server.",
    usage: "graphrun call <server|url> <tool> [<key=value> ...] [--graph <file>] [--yes]\n"
      + "graphrun call <tool> [<key=value> ...] -- <command> ...",
    discussion: """
        graphrun call docker list_containers all=true
        graphrun call docker stop_container container_id=web --yes
        graphrun call docker run_container --args @container.json --graph review.graph
        graphrun call list_containers -- uvx mcp-server-docker

      A server is one of ./mcp.json or ./.mcp.json, or of --graph. A value is JSON if it parses and the tool takes it, \
      else a string. A tool that its server does not mark as only reading is called after a question, or with --yes. \
      Exit codes: 0 done, 1 the tool or its server failed, 2 wrong usage, nothing was called.
      """)

  @Argument(help: ArgumentHelp("The server, or its URL.", valueName: "server")) var server: String
  @Argument(help: ArgumentHelp("The tool.", valueName: "tool")) var tool: String?
  @Argument(help: ArgumentHelp("The tool's arguments.", valueName: "key=value")) var values: [String] = []
  @Option(help: ArgumentHelp("All arguments as a JSON object, or @FILE that holds it.", valueName: "json"))
  var args: String?
  @Option(help: ArgumentHelp("The graph that has the server.", valueName: "file"), completion: .graphFile) var graph:
    String?
  @Option(help: ArgumentHelp("An input of the graph; may be repeated.", valueName: "key=value")) var input:
    [Assignment] =
      []
  @Option(help: ArgumentHelp("How long the call may take (10m).", valueName: "time")) var timeout: TypedDuration?
  @Flag(name: .shortAndLong, help: "Call it without a question.") var yes = false
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let words = try self.words()
    let choice = try ServerChoice(
      words.server, graph: graph, command: words.command, inputs: input, mayBeGraph: false, quiet: global.quiet)
    let call = ToolCalling(
      global: global, tool: words.tool, typed: try TypedArguments(words.values, whole: args),
      limit: timeout?.duration ?? .seconds(600), isAllowed: yes)
    let isDone = try await Interruptible.run {
      try await closing(choice.desk) { try await call.call(choice.servers()[0].get().within(timeout?.duration)) }
    }
    await NodeRegistry.shutDown()
    if !isDone { throw ExitStatus.failed }
  }

  /// What was typed, sorted. The parser takes what follows `--` for more arguments; how many that are it does not say.
  private func words() throws -> (server: String?, tool: String, values: [String], command: [String]) {
    let typed = CommandLine.arguments
    let count = typed.firstIndex(of: "--").map { typed.count - $0 - 1 } ?? 0
    let all = [server] + [tool].compactMap(\.self) + values
    let command = Array(all.suffix(count))
    var words = Array(all.dropLast(count))
    let server = command.isEmpty ? words.removeFirst() : nil
    guard let tool = words.first else {
      throw UsageError("which tool? graphrun tools \(server ?? "-- \(command.joined(separator: " "))") lists them")
    }
    return (server, tool, Array(words.dropFirst()), command)
  }
}

/// Arguments as a person gives them.
struct TypedArguments: Sendable {
  private let whole: JSONObject
  private let single: [Assignment]

  init(_ words: [String], whole: String?) throws {
    single = try words.map { word in
      guard let assignment = Assignment(argument: word) else {
        throw UsageError("\"\(word)\" is no key=value; give KEY=VALUE, or all of them as a JSON object with --args")
      }
      return assignment
    }
    self.whole = try whole.map(Self.object) ?? [:]
  }

  private static func object(_ text: String) throws -> JSONObject {
    var bytes = Array(text.utf8)
    if text.hasPrefix("@") {
      let path = String(text.dropFirst())
      guard let data = FileManager.default.contents(atPath: path) else {
        throw UsageError("--args: cannot read \(path)")
      }
      bytes = Array(data)
    }
    do {
      guard let object = try JSON(parsing: bytes).objectValue else { throw UsageError("--args: no JSON object") }
      return object
    } catch let error as JSONTextError {
      throw UsageError("--args: \(error.message)")
    }
  }

  /// The arguments as `tool` takes them.
  func arguments(of tool: ServerTool) throws -> JSONObject {
    var arguments = whole
    for assignment in single { arguments[assignment.key] = try value(assignment, tool) }
    let objections = tool.objections(to: arguments)
    guard objections.isEmpty else {
      throw UsageError(
        "\(tool.name) cannot be called so: " + objections.prefix(5).joined(separator: "; ")
          + "; graphrun tools lists what it takes")
    }
    return arguments
  }

  /// JSON if it is JSON, but text where the tool takes only that.
  private func value(_ assignment: Assignment, _ tool: ServerTool) throws -> JSON {
    let (name, text) = (assignment.key, JSON.string(assignment.text))
    do {
      let value = try TypedValue.read(assignment.text, for: name)
      return !tool.takes(value, as: name) && tool.takes(text, as: name) ? text : value
    } catch {
      guard tool.takes(text, as: name) else { throw error }
      return text
    }
  }
}

/// One call, asked for where it may change something.
private struct ToolCalling: Sendable {
  let global: GlobalOptions
  let tool: String
  let typed: TypedArguments
  let limit: Duration
  let isAllowed: Bool

  /// False when the tool failed.
  func call(_ server: ServerDesk.Server) async throws -> Bool {
    note("\(server.name): \(server.place)")
    let wait = WaitLine(global)
    wait.show("starting \(server.name)")
    defer { wait.clear() }
    do {
      let tool = try await server.tool(tool)
      let arguments = try typed.arguments(of: tool)
      wait.clear()
      try await ask(tool, arguments)
      wait.show("\(tool.name) …")
      let result = try await server.call(tool, arguments: arguments, timeout: limit) { report in
        wait.clear()
        note(report)
      }
      wait.clear()
      for warning in server.takeWarnings() { note("warning: \(warning)") }
      show(result, of: server)
      return !result.isError
    } catch let trouble as ServerTrouble {
      throw trouble.isUsage ? UsageError(trouble.message) : CommandFailure(trouble.message)
    }
  }

  private func ask(_ tool: ServerTool, _ arguments: JSONObject) async throws {
    guard !isAllowed, !tool.isReadOnly else { return }
    guard Terminal.canAsk, !global.json else {
      throw UsageError("\(tool.name) is not marked as only reading, so it is called only with --yes")
    }
    let hints = tool.hints.isEmpty ? "" : " (\(tool.hints.joined(separator: ", ")))"
    Sink.output.line("\(SafeText.line(tool.name))\(hints) with \(SafeText.lines(JSON.object(arguments).prettyText))")
    Keyboard.forget()
    while true {
      Sink.output.write("Call it? y/n > ")
      let isOver = Mutex(false)
      let typed = await withTaskCancellationHandler {
        await Keyboard.keyOrLine(["y", "n"]) { isOver.withLock(\.self) }
      } onCancel: {
        isOver.withLock { $0 = true }
      }
      Sink.output.line("")
      guard let typed, typed != .key("n") else { throw CommandFailure("not called") }
      if typed == .key("y") { return }
    }
  }

  private func show(_ result: ServerDesk.Server.Result, of server: ServerDesk.Server) {
    if global.json {
      Sink.output.line(result.json.text)
    } else if !result.text.isEmpty {
      (result.isError ? Sink.error : Sink.output).line(SafeText.lines(result.text))
    }
    guard result.isError, !server.lastWords.isEmpty else { return }
    Sink.error.line("\(SafeText.line(server.name)) said:")
    for line in SafeText.lines(server.lastWords).split(separator: "\n") { Sink.error.line("  \(line)") }
  }

  private func note(_ text: String) {
    if !global.quiet { Sink.error.line(SafeText.line(text)) }
  }
}
