import ArgumentParser
import Foundation
import Graph

/// Checks graphs.
struct Validate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check graphs: every mistake at once, as file:line:column.",
    discussion: "  graphrun validate graphs/*.graph")

  @Argument(help: "The graphs.", completion: .graphFile) var files: [String]
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let style = Terminal.style(noColor: global.noColor)
    var isSound = true
    for file in files {
      let (path, reading) = read(file)
      if reading.graph == nil { isSound = false }
      if global.json {
        Sink.output.line(json(path, reading).text)
      } else {
        show(reading, path, style)
      }
    }
    if !isSound { throw ExitStatus.usage }
  }

  /// A file that cannot be read is a problem of its own.
  private func read(_ file: String) -> (path: String, reading: Reading) {
    do {
      let path = try GraphLookup.path(of: file)
      return (path, try GraphReader().read(contentsOf: path))
    } catch {
      let problem = Problem(at: SourcePosition(line: 1, column: 1), "\(error)")
      return (file, Reading(graph: nil, problems: [problem]))
    }
  }

  private func json(_ path: String, _ reading: Reading) -> JSON {
    let problems = reading.problems.map { $0.json(readFrom: path) }
    return ["file": .string(path), "ok": .bool(reading.graph != nil), "problems": .array(problems)]
  }

  private func show(_ reading: Reading, _ path: String, _ style: Style) {
    if reading.graph != nil, !global.quiet { Sink.output.line("\(SafeText.line(path)): ok") }
    var lines: [Substring] = []
    var file: String?
    for problem in reading.problems where !global.quiet || problem.severity == .error {
      Sink.error.line(SafeText.line(problem.description(in: path)))
      if Terminal.isLive, file != problem.path(from: path) {
        file = problem.path(from: path)
        lines = source(problem.path(from: path))
      }
      if lines.indices.contains(problem.position.line - 1) {
        show(lines[problem.position.line - 1], column: problem.position.column, style)
      }
    }
  }

  private func source(_ path: String) -> [Substring] {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    } ?? []
  }

  private func show(_ line: Substring, column: Int, _ style: Style) {
    let before = SafeText.line(String(line.prefix(column - 1)))
    guard before.columns < Terminal.size.columns - 4 else { return }
    Sink.error.line("    " + SafeText.line(String(line)).cut(to: Terminal.size.columns - 5))
    Sink.error.line("    " + String(repeating: " ", count: before.columns) + style.red("^"))
  }
}

extension Problem {
  /// `{severity,line,column,message,hint?,file?}`; `file` where it is in another than the one at `path`.
  func json(readFrom path: String) -> JSON {
    var object: JSONObject = [
      "severity": .string(severity.rawValue), "line": .int(position.line), "column": .int(position.column),
      "message": .string(message),
    ]
    if let hint { object["hint"] = .string(hint) }
    if file != nil { object["file"] = .string(self.path(from: path)) }
    return .object(object)
  }
}

/// Draws a graph.
struct Draw: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case mermaid, dot, svg, text
  }

  static let configuration = CommandConfiguration(
    abstract: "Draw a graph.",
    discussion: "  graphrun draw review.graph --format svg > review.svg")

  @Argument(help: "The graph.", completion: .graphFile) var file: String
  @Option(help: "The notation; svg needs Graphviz.") var format = Format.text
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let graph = try GraphLookup().graph(named: file, quiet: true)
    let picture =
      switch format {
      case .mermaid: graph.mermaid
      case .dot: graph.dot
      case .text: graph.text
      case .svg: try await Graphviz.svg(of: graph.dot)
      }
    Sink.output.write(picture.hasSuffix("\n") ? picture : picture + "\n")
  }
}

/// Prints the JSON Schema of graph files, or of rehearsal files.
struct Schema: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the JSON Schema of .graph files, for editors.",
    discussion: """
        graphrun schema > graph.schema.json
        graphrun schema --rehearsal > rehearsal.schema.json
      """)

  @Flag(help: "That of .rehearsal.yaml files.") var rehearsal = false

  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    Sink.output.line((rehearsal ? RehearsalFormat.jsonSchema : GraphFormat.jsonSchema).prettyText)
  }
}
