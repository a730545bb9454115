import Foundation
import Subprocess
import SystemPackage
import Testing
import Yams

extension BootstrapTests {
  /// The graphs of this repository, and the files that bootstrap.graph hands to other tools.
  @Suite("Graphs and their files")
  struct Files {
    static let names = try? FileManager.default.contentsOfDirectory(atPath: Picture.graphs.path)
      .filter { $0.hasSuffix(".graph") }.sorted()

    @Test(arguments: names ?? [])
    func `every graph is valid and can be drawn`(name: String) async throws {
      let tool = try Tool()
      defer { tool.remove() }
      let graph = Picture.graphs.appending(path: name).path
      let valid = try await tool("validate", graph)
      #expect(valid.code == 0, "\(valid.error)")
      for (format, sign) in [("mermaid", "flowchart"), ("dot", "digraph"), ("text", "\(name.dropLast(6)): ")] {
        let drawn = try await tool("draw", graph, "--format", format)
        #expect(drawn.code == 0 && drawn.output.contains(sign), "\(drawn.output)\(drawn.error)")
      }
    }

    @Test(arguments: names ?? [])
    func `every graph has scenarios, and all pass`(name: String) async throws {
      let tool = try Tool()
      defer { tool.remove() }
      let played = try await tool("rehearse", Picture.graphs.appending(path: name).path)
      #expect(played.code == 0, "\(played.output)\(played.error)")
    }

    @Test func `the README shows bootstrap.graph as it is`() throws {
      let picture = try String(contentsOf: Picture.root.appending(path: "docs/bootstrap.svg"), encoding: .utf8)
      let graph = try #require(try compose(yaml: String(contentsOfFile: Picture.graph("bootstrap"), encoding: .utf8)))
      for name in try #require(graph["nodes"]?.mapping).keys {
        let drawn = (name.string ?? "").replacing("-", with: "&#45;")
        #expect(picture.contains(">\(drawn)</text>"), "draw docs/bootstrap.svg again: \(drawn)")
      }
      #expect(
        try String(contentsOf: Picture.root.appending(path: "README.md"), encoding: .utf8).contains(
          "docs/bootstrap.svg"))
    }

    @Test func `every known error has exactly one remedy, and that is the right one`() async throws {
      let tool = try Tool()
      defer { tool.remove() }
      let known = try String(
        contentsOf: Picture.root.appending(path: "Tests/Picture/known-errors.tsv"), encoding: .utf8
      ).split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
      #expect(known.count > 70 && known.allSatisfy { $0.count == 3 })
      try tool.write(known.map { $0[1] + "\n" }.joined(), to: "errors")
      let script = """
        . bootstrap/lib.sh
        while IFS= read -r line; do
          printf '%s\\n' "$line" >"$WORKSPACE/text"
          remedy "$WORKSPACE/text"
          echo "next"
        done <"$WORKSPACE/errors"
        """
      let done = try await run(
        .path("/bin/sh"), arguments: ["-eu", "-c", script],
        environment: .inherit.updating([
          "WORKSPACE": tool.folder.path, "NAME": "oppen-local", "MODEL": "llama3.2:3b", "PORT": "3000",
          "OLLAMA": "http://127.0.0.1:11434",
        ]), workingDirectory: FilePath(Picture.graphs.path), output: .string(limit: 1 << 20),
        error: .string(limit: 1 << 20))
      #expect(done.standardError == "")
      let told = done.standardOutput.components(separatedBy: "next\n").dropLast()
      try #require(told.count == known.count, "\(done.standardOutput)")
      for (row, remedies) in zip(known, told) {
        #expect(remedies.split(separator: "\n").count == 1, "\(row): \(remedies)")
        #expect(remedies.contains(row[2]), "\(row): \(remedies)")
      }
    }

    @Test func `the cluster is pinned, local, maps no ports, and opens its metrics`() throws {
      let cluster = try #require(try Self.yaml("kind-config.yaml"))
      #expect(cluster["kind"] == "Cluster" && cluster["apiVersion"] == "kind.x-k8s.io/v1alpha4")
      #expect(cluster["name"] == "oppen-local" && cluster["networking"]?["apiServerAddress"] == "127.0.0.1")
      let nodes = try #require(cluster["nodes"]?.array())
      #expect(nodes.count == 1 && nodes[0]["role"] == "control-plane" && nodes[0]["extraPortMappings"] == nil)
      #expect(nodes[0]["image"]?.string?.wholeMatch(of: /kindest\/node:v1\.\d+\.\d+@sha256:[0-9a-f]{64}/) != nil)
      // Unversioned, and arguments as a map: the only form that every kind takes.
      let patches = try #require(cluster["kubeadmConfigPatches"]?.array()).compactMap {
        try compose(yaml: $0.string ?? "")
      }
      #expect(patches.count == 2 && patches.allSatisfy { $0["apiVersion"] == nil })
      #expect(patches[0]["kind"] == "ClusterConfiguration")
      #expect(patches[0]["controllerManager"]?["extraArgs"]?["bind-address"] == "0.0.0.0")
      #expect(patches[0]["scheduler"]?["extraArgs"]?["bind-address"] == "0.0.0.0")
      #expect(patches[0]["etcd"]?["local"]?["extraArgs"]?["listen-metrics-urls"] == "http://0.0.0.0:2381")
      #expect(patches[1]["kind"] == "KubeProxyConfiguration" && patches[1]["metricsBindAddress"] == "0.0.0.0:10249")
    }

    @Test func `the chart's values keep the password out, and scrape everything`() throws {
      let values = try #require(try Self.yaml("values.yaml"))
      #expect(values["grafana"]?["defaultDashboardsEnabled"]?.bool == true)
      #expect(values["grafana"]?["adminPassword"] == nil && values["grafana"]?["admin"] == nil)
      let prometheus = try #require(values["prometheus"]?["prometheusSpec"])
      #expect(prometheus["retention"] == "24h" && prometheus["resources"]?["requests"]?["memory"] == "400Mi")
      for kind in ["serviceMonitor", "podMonitor", "rule"] {
        #expect(prometheus["\(kind)SelectorNilUsesHelmValues"]?.bool == false)
      }
      for part in ["alertmanager", "kubeControllerManager", "kubeScheduler", "kubeProxy", "kubeEtcd"] {
        #expect(values[part]?["enabled"]?.bool == true, "\(part)")
      }
      #expect(values["kubeEtcd"]?["service"]?["port"]?.int == 2381)
      #expect(values["kubeEtcd"]?["service"]?["targetPort"]?.int == 2381)
    }

    @Test func `on k3s the control plane is one process at the node's address, without etcd`() throws {
      let values = try #require(try Self.yaml("values-k3s.yaml"))
      #expect(values["kubeEtcd"]?["enabled"]?.bool == false)
      for part in ["kubeControllerManager", "kubeScheduler", "kubeProxy"] {
        #expect(values[part]?["endpoints"]?.array().map(\.string) == ["NODE_IP"], "\(part)")
      }
    }

    @Test(arguments: [
      #"backend "local""#, #"source  = "hashicorp/kubernetes""#, #"version = "~> 3.2""#, #"source  = "hashicorp/helm""#,
      #"version = "~> 3.1""#, #"variable "kubeconfig""#, #"variable "kube_context""#,
      #"default     = "kind-oppen-local""#,
      "kubernetes = {", "config_path    = var.kubeconfig", "config_context = var.kube_context",
      #"resource "kubernetes_namespace_v1" "base""#, #"toset(["monitoring", "apps"])"#,
      #""app.kubernetes.io/managed-by" = "terraform""#, "ignore_changes = [metadata[0].annotations]",
      #"output "namespaces""#,
    ])
    func `Terraform's configuration has`(text: String) throws {
      #expect(try Self.text("terraform/main.tf").contains(text))
    }

    @Test(.enabled("terraform is not installed") { await terraform("version") == 0 })
    func `Terraform's configuration is laid out as terraform fmt does`() async throws {
      #expect(await Self.terraform("fmt", "-check", Picture.graphs.appending(path: "bootstrap/terraform").path) == 0)
    }

    @Test(.enabled("terraform is not installed") { await terraform("version") == 0 })
    func `Terraform takes its configuration, where the providers can be had`() async throws {
      let tool = try Tool()
      defer { tool.remove() }
      try tool.write(try Self.text("terraform/main.tf"), to: "main.tf")
      let folder = "-chdir=\(tool.folder.path)"
      guard await Self.terraform(folder, "init", "-input=false", "-backend=false") == 0 else {
        try Test.cancel("Terraform's registry cannot be reached from here")
      }
      #expect(await Self.terraform(folder, "validate") == 0)
    }

    private static func terraform(_ arguments: String...) async -> Int? {
      let done = try? await run(
        .name("terraform"), arguments: Arguments(arguments), output: .discarded, error: .discarded)
      guard case .exited(let code) = done?.terminationStatus else { return nil }
      return Int(code)
    }

    private static func text(_ name: String) throws -> String {
      try String(contentsOf: Picture.graphs.appending(path: "bootstrap/\(name)"), encoding: .utf8)
    }

    private static func yaml(_ name: String) throws -> Node? { try compose(yaml: text(name)) }
  }
}
