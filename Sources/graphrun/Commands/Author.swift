import ArgumentParser
import Foundation
import Graph

/// Checks graphs.
struct Validate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check graphs: every mistake at once, as file:line:column.",
    discussion: "  graphrun validate graphs/*.graph")

  @Argument(help: "The graphs.", completion: .graphFile) var files: [String]
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    var isSound = true
    for file in files {
      let check = GraphCheck(file)
      if check.reading.graph == nil { isSound = false }
      check.show(global)
    }
    if !isSound { throw ExitStatus.usage }
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

/// Prints the JSON Schema of graph files, or of rehearsal files.
struct Schema: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
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
