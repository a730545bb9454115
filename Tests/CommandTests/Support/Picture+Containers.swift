import Foundation
import Graph
import Testing

extension Picture {
  static let controlPlane = "oppen-local-control-plane"

  /// Gives the machine a running container, on its Docker Engine where it has a real one.
  func startContainer(_ name: String = controlPlane, isReal: Bool = false) async throws {
    guard !isReal else {
      let label = "io.x-k8s.kind.cluster=oppen-local"
      let idle = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"
      let started = try await docker(
        "run", "-d", "--name", name, "--label", label, "kindest/node:v1.36.1", "/bin/sh", "-c", idle)
      #expect(!started.isEmpty, "\(name) did not start")
      return
    }
    let row: JSON = [
      "ID": "a18b71a34710260f", "State": "running", "Image": "kindest/node:v1.36.1", "port": 46443, "created": 0,
      "started": 0,
      "labels": ["io.x-k8s.kind.cluster": "oppen-local"],
    ]
    try await self("set", "containers.\(name)=\(row.text)")
  }

  /// Starts list-containers.graph.
  func listContainers(_ arguments: String...) async throws -> Tool.Outcome {
    try await graphrun(["run", Self.graphs.appending(path: "list-containers.graph").path] + arguments)
  }

  /// A thread's values as they are now.
  func values(of thread: String) async throws -> JSON {
    let shown = try await graphrun(["show", thread, "--json"])
    return try #require(try JSON(parsing: shown.output)["values"], "\(shown.error)")
  }

  /// Gives the machine a real Docker Engine; where none can be had the test is cancelled.
  func startEngine() async throws {
    let engine = try await self("docker-engine")
    if engine.code == 3 { try Test.cancel("\(engine.error)") }
    try #require(engine.code == 0, "\(engine.error)")
  }
}
