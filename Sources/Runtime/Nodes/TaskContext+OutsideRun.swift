import Foundation
package import Graph
package import OrderedCollections

extension StateGraph {
  /// What expressions see before anything has run: inputs and channels with their defaults, `$env`, and those secrets
  /// that are set.
  ///
  /// - Throws: ``RunRefusal`` where an input is unknown or does not fit. One that is missing has no value.
  package func restingScope(inputs: JSONObject, environment: [String: String]) throws(RunRefusal) -> Scope {
    let known = self.inputs.map(\.name)
    let writes = inputs.map { ChannelWrite(ChannelName(rawValue: $0.key), $0.value) }
    if let unknown = writes.first(where: { !known.contains($0.channel) }) {
      throw .undeclaredInput(unknown.channel.rawValue, known: known)
    }
    var scope = Scope()
    do {
      let id = TaskID.outside(checkpoint: 1)
      let entries = writes.map { StateFold.Entry(task: -1, id: id, writer: "input", write: $0) }
      let fold = StateFold(channels: channels, thread: "any")
      scope.state = try fold.apply(entries, to: StateFold.initial(channels).values).values
    } catch {
      throw .badInputs(error.all.map(\.message).joined(separator: "\n"))
    }
    var named = JSONObject()
    for name in self.environment { named[name] = environment[name].map(JSON.string) ?? .null }
    var secrets = JSONObject()
    for name in self.secrets { secrets[name] = environment[name].map(JSON.string) }
    scope.variables = ["env": .object(named), "secrets": .object(secrets)]
    return scope
  }

  /// Folder that relative names in the graph start from.
  package var folder: String {
    guard let path = source?.path else { return FileManager.default.currentDirectoryPath }
    return URL(fileURLWithPath: path).deletingLastPathComponent().path
  }
}

extension TaskContext {
  /// A context outside of every run, to evaluate what a graph says: nothing is printed or stored.
  package static func outsideRun(
    _ node: Node, scope: Scope, servers: OrderedDictionary<String, Field> = [:], folder: String,
    environment: [String: String]
  ) -> TaskContext {
    TaskContext(
      PlannedNode(node), scope: scope, id: TaskID(due: DueMark(checkpoint: 0), node: node.name), attempt: 1,
      answers: [:],
      surroundings: TaskSurroundings(
        servers: servers, folder: folder, environment: environment, stopGrace: { .seconds(5) }, clock: .system),
      services: NoServices())
  }
}

private struct NoServices: TaskServices {
  let resources = RunResources()

  func print(_ text: String, to stream: OutputStream) {}
  func notes(of owner: NoteOwner) async throws -> JSONObject { [:] }
  func note(_ name: String, _ value: JSON, of owner: NoteOwner) async throws -> JSON { value }
  func key(call: String) -> String { "" }
  func mask(_ value: JSON) -> JSON { value }
  func record(_ service: ServiceProcess) async throws {}
  func forgetService(key: String) async throws {}
  func recorded(for node: NodeName) async throws -> [ServiceRecord] { [] }
}
