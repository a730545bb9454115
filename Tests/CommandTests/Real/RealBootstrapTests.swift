import Foundation
import Graph
import Testing

/// bootstrap.graph on all that can be real at once: Docker's engine, the Docker MCP server, a small model, kubectl, Helm's
/// library, Terraform and Prometheus. The API server, kind and Grafana are stand-ins (Tests/Real/README.md).
@Suite(
  "Bootstrap on real parts", .serialized, .timeLimit(.minutes(15)),
  .enabled(if: RealParts.areAllWanted, "make test-real runs these"))
struct RealBootstrapTests {
  @Test func `a first run ends done, and a second only looks`() async throws {
    _ = try RealParts.python("modern")
    try await Picture.up { picture in
      try await picture.startEngine()
      let parts = try await picture("real-parts")
      if parts.code == 3 { try Test.cancel("\(parts.error)") }
      try #require(parts.code == 0, "\(parts.error)")
      let graph = try picture.copy("bootstrap")
      let main = try String(contentsOfFile: RealParts.file("namespaces.tf"), encoding: .utf8)
      try picture.tool.write(main, to: "graphs/bootstrap/terraform/main.tf")

      try await RealParts.serving("ollama_shim.py", "0", with: "model") { address in
        let start = [
          "run", graph, "--input", "grafana_port=\(picture.port)", "--input", "ollama=\(address)", "--input",
          "model=smollm2:135m",
        ]
        let first = try await picture.graphrun(start + ["--thread", "t"])
        #expect(first.code == 0, "\(first.output.suffix(4000))\(first.error)")
        #expect(first.output.contains(#"create terraform_data.base["monitoring"]"#))
        #expect(first.output.contains("STATUS: deployed"))
        #expect(first.output.contains("→ docker.list_containers"))
        let second = try await picture.graphrun(start + ["--json"])
        #expect(second.code == 0, "\(second.output.suffix(4000))")
        let again: Set = [
          "create-cluster", "init-terraform", "fetch-chart", "apply-namespaces", "install-monitoring",
          "forward-grafana",
        ]
        let ran = try second.lines().filter { $0["event"] == "task-start" }.compactMap { $0["node"]?.stringValue }
        #expect(again.isDisjoint(with: ran), "\(ran)")
      }
    }
  }
}
