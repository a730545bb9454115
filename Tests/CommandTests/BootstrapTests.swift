import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// bootstrap.graph from end to end, on the machine picture.
@Suite("Bootstrap", .serialized, .timeLimit(.minutes(5)))
struct BootstrapTests {
  /// What an uninterrupted first run changes, each once.
  static let effects: Set = [
    "terraform initialised", "node oppen-local-control-plane started", "cluster oppen-local created", "chart fetched",
    "model llama3.2:3b pulled", "namespace apps created", "namespace monitoring created",
    "release kube-prometheus-stack begun", "release kube-prometheus-stack deployed",
  ]

  /// The same where k3s makes the cluster.
  static let k3sEffects = effects.subtracting([
    "node oppen-local-control-plane started", "cluster oppen-local created",
  ]).union(["k3s installed", "cluster k3s created", "container oppen-local-probe run"])

  // MARK: - Whole runs

  @Test func `a first run makes everything and says where it is; a second changes nothing`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap()
      #expect(first.code == 0, "\(first.error)")
      let address = "http://127.0.0.1:\(picture.port)"
      for told in [
        "Cluster     oppen-local (kind)", "Namespaces  monitoring, apps", address, "To stop", "kind delete cluster",
        "graphrun teardown.graph", #"create kubernetes_namespace_v1.base["monitoring"]"#,
      ] {
        #expect(first.output.contains(told), "\(told) is not in \(first.output)")
      }
      #expect(picture.effects.count == Self.effects.count && Set(picture.effects) == Self.effects)
      let cluster = try #require(try picture.state()["clusters"]?["oppen-local"])
      #expect(cluster["namespaces"]?["monitoring"] != nil && cluster["namespaces"]?["apps"] != nil)
      #expect(cluster["releases"]?["kube-prometheus-stack"]?[0]?["status"] == "deployed")
      let health = try await picture.grafana()
      #expect(health.output.contains(#""database":"ok""#), "\(health.error)")
      try Self.expectNoPassword(of: cluster, in: picture, told: first)

      let calls = picture.calls.count
      let second = try await picture.bootstrap()
      #expect(second.code == 0, "\(second.error)")
      #expect(picture.effects.count == Self.effects.count, "\(picture.effects)")
      let changing = [
        "kind create", "kind delete", "docker start", "docker run", "ollama pull", "helm repo", "helm pull",
        "helm upgrade", "helm uninstall", "helm rollback", "terraform init", "terraform apply", "terraform import",
        "kubectl port-forward", "sudo",
      ]
      for call in picture.calls.dropFirst(calls) {
        let words = call.split(separator: " ").filter { !$0.hasPrefix("-") }.prefix(2).joined(separator: " ")
        #expect(!changing.contains { words.hasPrefix($0) }, "\(call) was called again")
      }
    }
  }

  private static func expectNoPassword(of cluster: JSON, in picture: Picture, told: Tool.Outcome) throws {
    let password = try #require(cluster["password"]?.stringValue)
    let secrets = [
      password, Data(password.utf8).base64EncodedString(), Data("admin:\(password)".utf8).base64EncodedString(),
    ]
    let kept = try files(in: picture.tool.folder, "state", "machine/state-home", "machine/home")
    #expect(kept.keys.contains { $0.hasSuffix("graphrun.sqlite") } && kept.count > 10)
    for secret in secrets {
      #expect(!told.output.contains(secret) && !told.error.contains(secret))
      for (name, bytes) in kept { #expect(bytes.range(of: Data(secret.utf8)) == nil, "the password is in \(name)") }
    }
  }

  @Test func `on a real Docker Engine the control plane is a labelled container`() async throws {
    try await Picture.up { picture in
      try await picture.startEngine()
      let first = try await picture.bootstrap()
      #expect(first.code == 0, "\(first.error)")
      let listed = try await picture.docker(
        "ps", "--filter", "label=io.x-k8s.kind.cluster=oppen-local", "--format", "{{.Names}}")
      #expect(listed == "oppen-local-control-plane\n")
    }
  }

  @Test func `with k3s the cluster is a service, installed with a yes, and taken away again`() async throws {
    try await Picture.up { picture in
      let asked = try await picture.bootstrap("--thread", "t", "--input", "cluster=k3s")
      #expect(asked.code == 3 && asked.output.contains("k3s is installed as a service"), "\(asked.error)")
      #expect(!picture.effects.contains("k3s installed"))
      let first = try await picture.graphrun(["resume", "t", "--answer", "true"])
      #expect(first.code == 0, "\(first.error)")
      #expect(first.output.contains("Running containers: oppen-local-probe"), "\(first.output)")
      #expect(first.output.contains("sudo k3s-uninstall.sh"))
      #expect(picture.effects.count == Self.k3sEffects.count && Set(picture.effects) == Self.k3sEffects)
      let arguments = try #require(try picture.state()["k3s"]?["arguments"]?.stringValue)
      for argument in [
        "--write-kubeconfig-mode 0644", "--disable traefik", "--kube-controller-manager-arg=bind-address=0.0.0.0",
        "--kube-scheduler-arg=bind-address=0.0.0.0", "--kube-proxy-arg=metrics-bind-address=0.0.0.0",
      ] {
        #expect(arguments.contains(argument), "\(arguments)")
      }

      // Stopped by hand, it is started again, not made again.
      try await picture("set", "k3s.state=inactive")
      let second = try await picture.bootstrap("--input", "cluster=k3s")
      #expect(second.code == 0, "\(second.error)")
      #expect(Set(picture.effects).subtracting(Self.k3sEffects) == ["service k3s start"])

      let away = try await picture.teardown("--yes", "--input", "cluster=k3s")
      #expect(away.code == 0 && away.output.contains("the container oppen-local-probe"), "\(away.error)")
      #expect(try picture.state()["clusters"]?["k3s"] == nil && picture.state()["containers"] == [:])
    }
  }

  @Test func `Helm 3 does the same, and is noted`() async throws {
    try await Picture.up { picture in
      try await picture("set", "helm=v3.21.4")
      let first = try await picture.bootstrap()
      #expect(first.code == 0 && first.output.contains("Note        Helm 3 gets no more"), "\(first.error)")
      #expect(Set(picture.effects) == Self.effects)
    }
  }

  // MARK: - What is there already

  @Test func `what others made is used or repaired only when a person says so`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.bootstrap("--thread", "t", "--until", "namespaces").code == 0)
      let release: JSON = [
        "revision": 1, "status": "pending-install", "description": "", "version": "88.5.3", "config": [:], "updated": 0,
      ]
      try await picture("set", "clusters.oppen-local.releases.kube-prometheus-stack=[\(release.text)]")
      let asked = try await picture.graphrun(["resume", "t"])
      #expect(asked.code == 3 && asked.output.contains("is pending-install since"), "\(asked.output)\(asked.error)")
      #expect(!picture.effects.contains { $0.hasPrefix("release ") })
      let repaired = try await picture.graphrun(["resume", "t", "--answer", "repair"])
      #expect(repaired.code == 0, "\(repaired.error)")

      let made = picture.effects
      let elsewhere = picture.tool.folder.appending(path: "elsewhere").path
      let foreign = try await picture.graphrun([
        "run", Picture.graph("cluster"), "--thread", "other", "--input", "workspace=\(elsewhere)",
      ])
      #expect(foreign.code == 3 && foreign.output.contains("that was not made here"), "\(foreign.error)")
      let declined = try await picture.graphrun(["resume", "other", "--answer", "stop"])
      #expect(declined.code == 1 && declined.error.contains("nothing more was changed"), "\(declined.error)")
      #expect(Set(picture.effects) == Set(made))
    }
  }

  @Test func `a cluster of others, once agreed to, gets its namespaces imported and is never deleted`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.graphrun(["run", Picture.graph("cluster"), "--thread", "theirs"]).code == 0)
      try await picture("set", "clusters.oppen-local.namespaces.monitoring=\(Self.namespace("monitoring").text)")
      let elsewhere = picture.tool.folder.appending(path: "elsewhere").path
      let asked = try await picture.bootstrap("--thread", "t", "--input", "workspace=\(elsewhere)")
      #expect(asked.code == 3, "\(asked.error)")
      let used = try await picture.graphrun(["resume", "t", "--answer", "use"])
      #expect(used.code == 0, "\(used.error)")
      #expect(picture.effects.contains("namespace monitoring imported"))
      #expect(!picture.effects.contains("namespace monitoring created"))
      let away = try await picture.teardown("--yes", "--input", "workspace=\(elsewhere)")
      #expect(away.code == 0 && away.output.contains("it was there before bootstrap.graph used it"), "\(away.error)")
      #expect(!picture.effects.contains("cluster oppen-local deleted"))
    }
  }

  @Test func `a stopped cluster is started, a half-built one of its own is made anew, a broken one is asked about`()
    async throws
  {
    try await Picture.up { picture in
      func run() async throws -> Tool.Outcome { try await picture.graphrun(["run", Picture.graph("cluster")]) }
      #expect(try await run().code == 0)
      _ = try await picture.docker("stop", Picture.controlPlane)
      #expect(try await run().code == 0)
      #expect(picture.effects.last == "container oppen-local-control-plane start")

      try await picture("set", "clusters.oppen-local.phase=preparing")
      try picture.tool.write("", to: "machine/state-home/graphrun/oppen-local/creating")
      #expect(try await run().code == 0)
      #expect(Self.lasting(picture.effects).filter { $0.hasPrefix("cluster") } == ["cluster oppen-local created"])

      try await picture("set", "clusters.oppen-local.ready_at=null")
      let quick = try picture.impatient("cluster", from: "within: 3m", to: "within: 12s")
      let asked = try await picture.graphrun(["run", quick, "--thread", "broken"])
      #expect(asked.code == 3 && asked.output.contains("cni plugin not initialized"), "\(asked.output)\(asked.error)")
      let made = try await picture.graphrun(["resume", "broken", "--answer", "recreate"])
      #expect(made.code == 0, "\(made.error)")
    }
  }

  @Test func `a plan that deletes is applied only when a person says so, and then exactly that`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.bootstrap("--until", "namespaces").code == 0)
      let graph = try picture.copy("namespaces")
      let main = "graphs/bootstrap/terraform/main.tf"
      try picture.tool.write(
        picture.tool.read(main).replacing(#"["monitoring", "apps"]"#, with: #"["monitoring"]"#), to: main)
      let asked = try await picture.graphrun(["run", graph, "--thread", "t"])
      #expect(
        asked.code == 3
          && asked.output.contains(#"would delete, with all that is in it: kubernetes_namespace_v1.base["apps"]"#),
        "\(asked.output)\(asked.error)")
      #expect(!picture.effects.contains("namespace apps deleted"))
      let stopped = try await picture.graphrun(["resume", "t", "--answer", "stop"])
      #expect(stopped.code == 1)
      let again = try await picture.graphrun(["run", graph, "--thread", "u"])
      #expect(again.code == 3)
      let agreed = try await picture.graphrun(["resume", "u", "--answer", "delete", "--until", "apply-namespaces"])
      #expect(agreed.code == 0, "\(agreed.error)")
      #expect(picture.effects.last == "namespace apps deleted")
    }
  }

  @Test func `targets that Prometheus cannot reach are named, and taken as they are only with a yes`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.bootstrap("--until", "namespaces").code == 0)
      try await picture("set", #"clusters.oppen-local.refused=["kube-proxy","kube-etcd"]"#)
      let quick = try picture.impatient("observability", from: "within: 2m", to: "within: 12s")
      let asked = try await picture.graphrun(["run", quick, "--thread", "t"])
      #expect(asked.code == 3, "\(asked.error)")
      for told in ["kube-proxy (down", "kube-etcd (down", "connection refused", "without the patches"] {
        #expect(asked.output.contains(told), "\(asked.output)")
      }
      let taken = try await picture.graphrun(["resume", "t", "--answer", "go-on"])
      #expect(taken.code == 0 && taken.output.contains("does not reach all parts"), "\(taken.output)\(taken.error)")
    }
  }

  static func namespace(_ name: String) -> JSON {
    ["name": .string(name), "uid": "1", "created": "2026-01-01T00:00:00Z", "phase": "Active", "labels": [:]]
  }

  /// The effects without those that were undone: half a cluster is deleted, half a release uninstalled.
  static func lasting(_ effects: [String]) -> [String] {
    effects.reduce(into: []) { lasting, effect in
      switch effect {
      case "cluster oppen-local deleted":
        lasting.removeAll { $0.hasPrefix("node ") || $0 == "cluster oppen-local created" }
      case "release kube-prometheus-stack uninstalled": lasting.removeAll { $0.hasPrefix("release ") }
      case "namespace apps imported", "namespace monitoring imported": break
      default: lasting.append(effect)
      }
    }
  }

  private static func files(in folder: URL, _ names: String...) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for name in names {
      let walk = FileManager.default.enumerator(at: folder.appending(path: name), includingPropertiesForKeys: [])
      while let file = walk?.nextObject() as? URL {
        if let bytes = try? Data(contentsOf: file) { found[file.path] = bytes }
      }
    }
    return found
  }
}
