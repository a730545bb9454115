import Foundation
import Graph
import Testing

/// A small real model, real kubectl and Helm's library; `make test-real` gets them. What a model says in its own words is
/// never compared: that it called the tool, and that its answer has the name, is what the graph itself holds it to.
@Suite(
  "Real model", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: RealParts.areAllWanted, "make test-real runs these"))
struct RealModelTests {
  private static let model = "smollm2:135m"

  /// A machine with a real engine and a running container, and the address of a real model's server.
  private static func machine(_ body: @Sendable @escaping (Picture, String) async throws -> Void) async throws {
    _ = try RealParts.python("modern")
    try await Picture.up { picture in
      try await picture.startEngine()
      try await picture.startContainer(isReal: true)
      try await RealParts.serving("ollama_shim.py", "0", with: "model") { try await body(picture, $0) }
    }
  }

  @Test(arguments: ["ollama", "openai"])
  func `a real model lists the container; once it is stopped the run fails and says what it saw`(
    provider: String
  ) async throws {
    try await Self.machine { picture, address in
      let url = provider == "openai" ? address + "/v1" : address
      let inputs = ["--input", "provider=\(provider)", "--input", "url=\(url)", "--input", "model=\(Self.model)"]
      let graph = Picture.graphs.appending(path: "list-containers.graph").path
      let ended = try await picture.graphrun(["run", graph, "--thread", "t"] + inputs)
      #expect(ended.code == 0, "\(ended.output)\(ended.error)")
      let values = try await picture.values(of: "t")
      #expect(values["calls"]?.arrayValue?.allSatisfy { $0["tool"] == "list_containers" } == true)
      let listed = try #require(values["calls"]?[0]?["result"]?["structured"]?["result"]?[0])
      #expect(listed["name"]?.stringValue == Picture.controlPlane && listed["status"] == "running")
      #expect(values["answer"]?.stringValue?.contains(Picture.controlPlane) == true)

      _ = try await picture.docker("stop", Picture.controlPlane)
      let stopped = try await picture.graphrun(["run", graph] + inputs)
      #expect(stopped.code == 1)
      #expect(
        stopped.error.contains("\(Picture.controlPlane) is not running. Docker lists: no running container"),
        "\(stopped.error)")
    }
  }

  @Test(arguments: ["ollama", "openai"])
  func `a real model's structured answer fits its schema, and a tool is chosen`(provider: String) async throws {
    let schema: JSON = [
      "type": "object", "properties": ["colour": ["enum": ["red", "green"]]], "required": ["colour"],
    ]
    func node(_ more: JSONObject) -> JSON {
      var fields = more
      fields["provider"] = .string(provider)
      fields["model"] = .string(Self.model)
      fields["url"] = "${{ .url }}"
      fields["private"] = true
      return .object(fields)
    }
    let tools: JSON = [["name": "list_containers", "description": "List containers", "parameters": ["type": "object"]]]
    let graph: JSON = [
      "graph": "ask", "inputs": ["url": ["type": "string"]], "state": ["colour": [:], "message": [:]], "start": "pick",
      "nodes": [
        "pick": [
          "llm": node(["prompt": "Pick a colour.", "format": schema]), "save": ["colour": "$result.json.colour"],
          "next": "look",
        ],
        "look": [
          "llm": node(["prompt": "List all containers.", "tools": tools]), "save": ["message": "$result.message"],
        ],
      ],
    ]
    let tool = try Tool(["ask.graph": graph.text])
    defer { tool.remove() }
    try await RealParts.serving("ollama_shim.py", "0", with: "model") { address in
      let url = provider == "openai" ? address + "/v1" : address
      let ended = try await tool("run", "ask.graph", "--json", "--input", "url=\(url)")
      #expect(ended.code == 0, "\(ended.output)\(ended.error)")
      let values = try ended.lines().last?["values"]
      #expect(["red", "green"].contains(values?["colour"]))
      #expect(values?["message"]?["tool_calls"]?[0]?["function"]?["name"] == "list_containers")
    }
  }

  @Test func `a release on a cluster with real kubectl and Helm, of which a second run repeats nothing`() async throws {
    let kubectl = try RealParts.program("kubectl", of: "kubernetes")
    let helm: JSON = [.string(try RealParts.python("kubernetes")), "-B", .string(RealParts.file("helm.py"))]
    let tool = try Tool()
    defer { tool.remove() }
    for name in ["web", "web.graph"] {
      try FileManager.default.copyItem(atPath: RealParts.file(name), toPath: tool.folder.appending(path: name).path)
    }
    try await RealParts.serving("kube_api.py", "0", with: "kubernetes") { address in
      try tool.write(Self.kubeconfig(address), to: "config")
      func release(_ replicas: Int) async throws -> [JSON] {
        let ended = try await tool.call([
          "run", "web.graph", "--json", "--input", "api=\(address)", "--input", "kubectl=\(kubectl)", "--input",
          "helm=\(helm.text)",
          "--input", "replicas=\(replicas)",
        ])
        #expect(ended.code == 0, "\(ended.output)\(ended.error)")
        return try ended.lines()
      }
      #expect(try await release(2).last?["values"]?["ready"] == 2)
      let again = try await release(2)
      #expect(!again.contains { $0["event"] == "task-output" }, "it did something again")
      #expect(try await release(3).last?["values"]?["ready"] == 3)
    }
  }

  private static func kubeconfig(_ address: String) -> String {
    let config: JSON = [
      "apiVersion": "v1", "kind": "Config", "current-context": "rig", "users": [["name": "rig", "user": [:]]],
      "clusters": [["name": "rig", "cluster": ["server": .string(address)]]],
      "contexts": [["name": "rig", "context": ["cluster": "rig", "user": "rig"]]],
    ]
    return config.text
  }
}
