import ArgumentParser
import Foundation
import Graph
import GraphRuntime

/// Begins a graph.
struct New: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Begin a graph from a template, with its scenarios.",
    discussion: """
      Writes NAME.graph and NAME.rehearsal.yaml into graphs/ if there is such a folder, else here. Nothing is overwritten.

        graphrun new review --template approval

      Templates:
        blank     one node, to begin with
        shell     programs and scripts: output, retries, what is done already
        agent     a language model with tools, held to what it looked at
        approval  a person decides, and approves before anything happens
        map       the same work for each of many things, joined in their order
        verify    what must be so, looked at side by side, with remedies
      """)

  @Argument(help: "What the graph is called.") var name: String
  @Option(help: ArgumentHelp("What to begin with.", valueName: "template")) var template = GraphTemplate.blank
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let name = try checkedName()
    var isFolder: ObjCBool = false
    let hasFolder =
      unsafe FileManager.default.fileExists(atPath: "graphs", isDirectory: &isFolder) && isFolder.boolValue
    let files = NewFiles(folder: hasFolder ? "graphs/" : "", name: name, template: template)
    try files.write()
    if global.json {
      return Sink.output.line(JSON.object(["files": .array(files.own.map { .string($0.path) })]).text)
    }
    for file in files.own { Sink.output.line("wrote \(file.path)") }
    Sink.output.line("then:  \(global.command("rehearse", name))      plays its scenarios; nothing outside is touched")
    Sink.output.line("       \(global.command("run", name))           runs it")
  }

  /// - Throws: ``UsageError`` for what could be a path, or is no name.
  private func checkedName() throws -> String {
    let name = self.name.hasSuffix(".graph") ? String(self.name.dropLast(6)) : self.name
    guard ThreadID.isValid(name), name.count <= 64 else {
      throw UsageError(
        "\"\(SafeText.line(self.name))\" is no name for a graph: a letter or digit first, then letters, digits, ., _ and -; "
          + "at most 64; choose another")
    }
    return name
  }
}

/// What a new graph consists of.
struct NewFiles {
  /// The graph and its scenarios.
  var own: [(path: String, text: String)]

  /// What editors check them with; shared by all graphs of the folder.
  var schemas: [(path: String, text: String)]

  init(folder: String, name: String, template: GraphTemplate) {
    own = [
      (folder + name + ".graph", template.graph(named: name)),
      (folder + name + ".rehearsal.yaml", template.rehearsal(named: name)),
    ]
    schemas = [
      (folder + ".schema/graph.json", GraphFormat.jsonSchema.prettyText + "\n"),
      (folder + ".schema/rehearsal.json", RehearsalFormat.jsonSchema.prettyText + "\n"),
    ]
  }

  /// Writes all of it, or nothing where a file of that name is there.
  func write() throws {
    if let taken = own.first(where: { Self.exists($0.path) }) {
      throw UsageError("\(taken.path) is there already; choose another name, or remove it")
    }
    var written: [String] = []
    do {
      for file in own + schemas.filter({ !Self.exists($0.path) }) {
        try Self.create(file.path, file.text)
        written.append(file.path)
      }
    } catch {
      for path in written { try? FileManager.default.removeItem(atPath: path) }
      throw CommandFailure("cannot write: \(error.localizedDescription)")
    }
  }

  /// Also a link that leads nowhere takes the name.
  private static func exists(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: path)) != nil
  }

  private static func create(_ path: String, _ text: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url, options: .withoutOverwriting)
  }
}
