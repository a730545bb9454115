import Foundation
import Graph
import Testing

/// list-containers.graph from end to end, on the machine picture.
@Suite("List containers", .timeLimit(.minutes(3)))
struct ListContainersTests {
  private static let model = "models=[\"llama3.2:3b\",\"gemma:2b\"]"

  private static func withContainer(_ body: @Sendable (Picture) async throws -> Void) async throws {
    try await Picture.up { picture in
      try await picture("set", model)
      try await picture.startContainer()
      try await body(picture)
    }
  }

  // MARK: - What was seen

  @Test(arguments: ["ollama", "openai"])
  func `the answer stands on what a Docker tool listed`(provider: String) async throws {
    try await Self.withContainer { picture in
      let url = "http://127.0.0.1:\(try #require(try picture.ollamaPort))" + (provider == "openai" ? "/v1" : "")
      let ended = try await picture.listContainers(
        "--thread", "t", "--input", "provider=\(provider)", "--input", "url=\(url)")
      #expect(ended.code == 0, "\(ended.error)")
      #expect(ended.output.contains(Picture.controlPlane))

      let values = try await picture.values(of: "t")
      let call = try #require(values["calls"]?[0])
      #expect(call["server"] == "docker" && call["tool"] == "list_containers" && call["status"] == "done")
      #expect(call["result"]?["structured"]?["result"]?[0]?["name"]?.stringValue == Picture.controlPlane)
      #expect(values["containers"]?[0]?["status"] == "running")
      #expect(values["answer"]?.stringValue?.contains(Picture.controlPlane) == true)
    }
  }

  @Test func `a container that is stopped is a failure that says what was seen, and a resume looks again`() async throws
  {
    try await Self.withContainer { picture in
      try await picture.startContainer("other")
      _ = try await picture.docker("stop", Picture.controlPlane)
      let stopped = try await picture.listContainers("--thread", "t")
      #expect(stopped.code == 1)
      #expect(
        stopped.error.contains("\(Picture.controlPlane) is not running. Docker lists: other (running)"),
        "\(stopped.error)")
      #expect(stopped.error.contains("remedy: docker start \(Picture.controlPlane)"))

      _ = try await picture.docker("start", Picture.controlPlane)
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      #expect(try await picture.values(of: "t")["containers"]?.arrayValue?.count == 2)
    }
  }

  @Test func `prose is no evidence: asked three times in vain, it asks for a model that looks`() async throws {
    try await Self.withContainer { picture in
      try await picture("set", "chat=prose")
      let asked = try await picture.listContainers("--thread", "t")
      #expect(asked.code == 3, "\(asked.error)")
      #expect(asked.output.contains("llama3.2:3b answered three times without having listed"), "\(asked.output)")
      #expect(asked.output.contains("It called: no tool"))
      try await picture("set", "chat=")
      try await picture("set", "models=[\"llama3.2:3b\",\"qwen3:4b\"]")
      let looked = try await picture.graphrun(["resume", "t", "--answer", "qwen3:4b"])
      #expect(looked.code == 0 && looked.output.contains("model: qwen3:4b"), "\(looked.output)\(looked.error)")
    }
  }

  @Test func `a model that did not look is told so, and asked again`() async throws {
    try await Self.withContainer { picture in
      try await picture("set", "chat=lazy")
      let ended = try await picture.listContainers("--thread", "t")
      #expect(ended.code == 0, "\(ended.output)\(ended.error)")
      #expect(try await picture.values(of: "t")["asked"] == 2)
    }
  }

  @Test func `an answer that does not name what the tool listed is a warning after three times`() async throws {
    try await Self.withContainer { picture in
      try await picture("set", "chat=invents")
      let ended = try await picture.listContainers()
      #expect(ended.code == 0, "\(ended.error)")
      #expect(
        ended.output.contains("did not name it in its answer: One container is running: nginx-web-1"), "\(ended.output)"
      )
    }
  }

  // MARK: - What is missing

  @Test func `one run names all that is missing, each with its remedy, and goes on after it`() async throws {
    try await Self.withContainer { picture in
      try await picture("missing", "uvx")
      try await picture("set", "docker.daemon=down")
      try await picture("ollama", "off")
      let stopped = try await picture.listContainers("--thread", "t")
      #expect(stopped.code == 1)
      for (missing, remedy) in [
        ("uvx is not installed", "https://astral.sh/uv/install.sh"),
        ("Cannot connect to the Docker daemon", "sudo systemctl start docker"),
        ("No ollama server answers", "sudo systemctl start ollama"),
      ] {
        #expect(stopped.error.contains(missing), "\(missing) is not in \(stopped.error)")
        #expect(stopped.error.contains(remedy), "\(remedy) is not in \(stopped.error)")
      }

      try await picture("present", "uvx")
      try await picture("set", "docker.daemon=up")
      try await picture("ollama", "on")
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
    }
  }

  @Test(arguments: [
    ("qwen9", "has no model qwen9", "ollama pull qwen9"),
    ("gemma:2b", "gemma:2b cannot use tools", "--set model=llama3.2:3b"),
  ])
  func `the server is asked whether it has the model and whether that can use tools`(
    model: String, told: String, remedy: String
  ) async throws {
    try await Self.withContainer { picture in
      let ended = try await picture.listContainers("--input", "model=\(model)")
      #expect(ended.code == 1)
      #expect(ended.error.contains(told) && ended.error.contains(remedy), "\(ended.error)")
    }
  }

  // MARK: - The real engine and the real server

  @Test(.timeLimit(.minutes(5)))
  func `the real Docker server lists what is on a real engine`() async throws {
    _ = try RealParts.python("modern")
    try await Picture.up { picture in
      try await picture.startEngine()
      try await picture("set", Self.model)
      try await picture.startContainer(isReal: true)
      let ended = try await picture.listContainers("--thread", "t")
      #expect(ended.code == 0, "\(ended.error)")
      let id = try await picture.docker("inspect", Picture.controlPlane, "--format", "{{.Id}}")
      let values = try await picture.values(of: "t")
      let listed = try #require(values["calls"]?[0]?["result"]?["structured"]?["result"]?[0])
      #expect(listed["id"]?.stringValue == id.trimmingCharacters(in: .newlines))
      #expect(listed["labels"]?["io.x-k8s.kind.cluster"] == "oppen-local")

      _ = try await picture.docker("stop", Picture.controlPlane)
      let stopped = try await picture.listContainers()
      #expect(stopped.code == 1)
      #expect(stopped.error.contains("is not running. Docker lists: no running container"), "\(stopped.error)")
    }
  }
}
