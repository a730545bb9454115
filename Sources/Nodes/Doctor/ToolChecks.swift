import GraphRuntime

/// What graphs often need, as information: nothing here makes `doctor` fail.
package struct ToolChecks: Sendable {
  private let environment: [String: String]
  private let folder: String

  package init(environment: [String: String], folder: String) {
    self.environment = environment
    self.folder = folder
  }

  package var checks: [Check] {
    let programs = Programs(environment: environment, folder: folder)
    return [Check("docker", one: { try await DockerEngine(programs: programs).finding(isNeeded: false) })]
      + Tool.common.map { tool in Check(tool.name, one: { try await tool.finding(programs, isNeeded: false) }) }
      + [Check("ollama", one: ollama)]
  }

  private func ollama() async throws -> Finding {
    do {
      let server = try OllamaServer(environment: environment)
      let version = try await server.version()
      let names = try await server.models().prefix(10).map(\.name).joined(separator: ", ")
      return .ok("ollama", "\(version) at \(server.endpoint.base.text): \(names.isEmpty ? "no models" : names)")
    } catch let failure as NodeFailure {
      return .advice("ollama", ModelChecks.cause(failure), remedy: ModelChecks.remedy(for: failure))
    }
  }
}
