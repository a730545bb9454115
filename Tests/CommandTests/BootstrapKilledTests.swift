import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing
import Yams

/// `kill -9` in the middle of every step that changes something, then resumed: each thing is done once.
@Suite("Bootstrap: killed", .serialized, .timeLimit(.minutes(8)))
struct BootstrapKilledTests {
  /// A moment to be killed at: `node` has started, or has printed `text`. What it waits for then holds for minutes, so
  /// that only its end by another can be the end of it.
  struct Moment: Sendable, CustomTestStringConvertible {
    var node: String
    var text: String?
    var hold: String?

    var testDescription: String { text.map { "\(node), at \($0)" } ?? node }

    func isReached(_ event: JSON) -> Bool {
      guard event["node"]?.stringValue == node else { return false }
      guard let text else { return event["event"] == "task-start" }
      return event["event"] == "task-output" && event["text"]?.stringValue?.contains(text) == true
    }
  }

  /// In the order in which the steps come. A step whose `check` holds by then is only looked at.
  static let moments = [
    Moment(node: "init-terraform", hold: "terraform init"), Moment(node: "fetch-chart", hold: "helm repo update"),
    Moment(node: "pull-model", text: "pulling manifest", hold: "ollama pull"),
    Moment(node: "create-cluster", text: "✓ Preparing nodes", hold: "kind create"), Moment(node: "claim-cluster"),
    Moment(node: "look", hold: "ollama token"),
    Moment(node: "apply-namespaces", text: "Creating...", hold: "terraform apply"),
    Moment(node: "install-monitoring", text: "Installing it now", hold: "helm upgrade"),
    Moment(node: "forward-grafana"), Moment(node: "report"),
  ]

  /// Steps that print only, or that have something to do only where there is something to mend: tested below, and with
  /// what must be there.
  static let elsewhere: Set = [
    "show-plan",
    "import-namespaces", "export-kubeconfig", "use-cluster", "install-k3s", "wake-cluster", "delete-cluster",
    "start-probe", "repair-release", "install-package", "install-tool",
  ]

  @Test func `the table has every step that changes something`() throws {
    var steps: Set<String> = []
    for graph in [
      "bootstrap", "prerequisites", "cluster", "namespaces", "observability", "grafana", "list-containers",
    ] {
      let text = try String(contentsOfFile: Picture.graph(graph), encoding: .utf8)
      for (name, node) in try #require(try compose(yaml: text)?["nodes"]?.mapping) {
        if node["shell"] != nil || node["agent"] != nil { steps.insert(try #require(name.string)) }
      }
    }
    #expect(steps == Set(Self.moments.map(\.node)).union(Self.elsewhere))
  }

  @Test func `in the middle of every step, one after the other, on one thread`() async throws {
    try await Picture.up { picture in
      for hold in Self.moments.compactMap(\.hold) { try await picture("set", "delays.\(hold)=1600") }
      for (index, moment) in Self.moments.enumerated() {
        let killed =
          try await index == 0
          ? picture.bootstrap("t") { moment.isReached($0) }
          : picture.graphrun(["resume", "t", "--json"]) { moment.isReached($0) }
        #expect(killed.status == .signaled(SIGKILL), "\(moment): \(killed.output.suffix(2000))")
        if let hold = moment.hold { try await picture("set", "delays.\(hold)=1") }
      }
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      let lasting = BootstrapTests.lasting(picture.effects)
      #expect(Set(lasting) == BootstrapTests.effects, "\(picture.effects)")
      #expect(lasting.count == BootstrapTests.effects.count, "\(picture.effects)")
      #expect(try await picture.grafana().output.contains(#""database":"ok""#))
    }
  }

  /// What is repaired, woken, imported or installed as a service, killed in the middle as well.
  @Test func `while k3s is installed and its probe started`() async throws {
    try await Picture.up { picture in
      let start = ["run", Picture.graph("cluster"), "--thread", "t", "--input", "cluster=k3s", "--yes", "--json"]
      try await picture("set", "delays.kind create=600")
      let first = try await picture.graphrun(start) {
        $0["event"] == "task-start" && $0["node"] == "install-k3s" && picture.waits { $0.contains("k3s installed") }
      }
      #expect(first.status == .signaled(SIGKILL))
      try await picture("set", "delays.kind create=1")
      // The yes of --yes was for that run.
      #expect(try await picture.graphrun(["resume", "t"]).code == 3)
      let second = try await picture.graphrun(["resume", "t", "--answer", "true", "--json"]) {
        $0["event"] == "task-start" && $0["node"] == "start-probe"
      }
      #expect(second.status == .signaled(SIGKILL), "\(second.output.suffix(2000))")
      #expect(try await picture.graphrun(["resume", "t"]).code == 0)
      #expect(picture.effects.count { $0 == "cluster k3s created" } == 1, "\(picture.effects)")
      #expect(picture.effects.count { $0 == "container oppen-local-probe run" } == 1)
    }
  }

  @Test func `while a stopped cluster is woken, what exists is imported, and a pending release undone`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.graphrun(["run", Picture.graph("cluster")]).code == 0)
      _ = try await picture.docker("stop", Picture.controlPlane)
      let workspace = picture.tool.folder.appending(path: "machine/state-home/graphrun/oppen-local")
      try FileManager.default.removeItem(at: workspace.appending(path: "kubeconfig"))
      for name in ["monitoring", "apps"] {
        try await picture("set", "clusters.oppen-local.namespaces.\(name)=\(BootstrapTests.namespace(name).text)")
      }
      let pending: JSON = [
        "revision": 1, "status": "pending-install", "description": "", "version": "88.5.3", "config": [:],
        "updated": 0,
      ]
      try await picture("set", "clusters.oppen-local.releases.kube-prometheus-stack=[\(pending.text)]")
      for (index, node) in ["wake-cluster", "export-kubeconfig", "import-namespaces"].enumerated() {
        let due: @Sendable (JSON) -> Bool = { $0["event"] == "task-start" && $0["node"]?.stringValue == node }
        let killed =
          try await index == 0
          ? picture.bootstrap("t", killedWhen: due) : picture.graphrun(["resume", "t", "--json"], killedWhen: due)
        #expect(killed.status == .signaled(SIGKILL), "\(node): \(killed.output.suffix(2000))")
      }
      let asked = try await picture.graphrun(["resume", "t"])
      #expect(asked.code == 3, "\(asked.error)")
      let killed = try await picture.graphrun(["resume", "t", "--answer", "repair", "--json"]) {
        $0["event"] == "task-start" && $0["node"] == "repair-release"
      }
      #expect(killed.status == .signaled(SIGKILL))
      let ended = try await picture.graphrun(["resume", "t"])
      #expect(ended.code == 0, "\(ended.error)")
      for once in [
        "container oppen-local-control-plane start", "namespace apps imported", "namespace monitoring imported",
        "release kube-prometheus-stack uninstalled", "release kube-prometheus-stack deployed",
      ] {
        #expect(picture.effects.count { $0 == once } == 1, "\(once): \(picture.effects)")
      }
    }
  }

  @Test func `in the middle of every step of teardown`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap()
      #expect(first.code == 0, "\(first.error)")
      let made = picture.effects.count
      for (index, node) in [
        "stop-forward", "uninstall-release", "destroy-namespaces", "delete-cluster", "remove-files",
      ].enumerated() {
        let arguments =
          index == 0 ? ["run", Picture.graph("teardown"), "--thread", "away", "--yes"] : ["resume", "away"]
        let killed = try await picture.graphrun(arguments + ["--json"]) {
          $0["event"] == "task-start" && $0["node"]?.stringValue == node
        }
        #expect(killed.status == .signaled(SIGKILL), "\(node): \(killed.output.suffix(2000))")
      }
      let ended = try await picture.graphrun(["resume", "away"])
      #expect(ended.code == 0, "\(ended.error)")
      #expect(Array(picture.effects.dropFirst(made)) == TeardownTests.undone, "\(picture.effects)")
      let workspace = picture.tool.folder.appending(path: "machine/state-home/graphrun/oppen-local").path
      #expect(!FileManager.default.fileExists(atPath: workspace))
    }
  }
}
