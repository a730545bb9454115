import Foundation
import Graph
import Subprocess
import SystemPackage
import Testing

/// bootstrap.graph from end to end, on the machine picture.
@Suite("Bootstrap", .serialized, .timeLimit(.minutes(3)))
struct BootstrapTests {
  /// What an uninterrupted first run changes, each once.
  static let effects: Set = [
    "terraform initialised", "node oppen-local-control-plane started", "cluster oppen-local created", "chart fetched",
    "model llama3.2:3b pulled", "namespace apps created", "namespace monitoring created",
    "release kube-prometheus-stack begun", "release kube-prometheus-stack deployed",
  ]

  // MARK: - Whole runs

  @Test func `a first run makes everything and says where it is; a second changes nothing`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap()
      #expect(first.code == 0, "\(first.error)")
      let address = "http://127.0.0.1:\(picture.port)"
      for told in [
        "Cluster     oppen-local", "Namespaces  monitoring, apps", address, "To stop", "kind delete cluster",
      ] {
        #expect(first.output.contains(told), "\(told) is not in \(first.output)")
      }
      #expect(picture.effects.count == Self.effects.count && Set(picture.effects) == Self.effects)
      let cluster = try #require(try picture.state()["clusters"]?["oppen-local"])
      #expect(cluster["namespaces"]?["monitoring"] != nil && cluster["namespaces"]?["apps"] != nil)
      #expect(cluster["releases"]?["kube-prometheus-stack"]?[0]?["status"] == "deployed")
      let health = try await picture.grafana()
      #expect(health.output.contains(#""database":"ok""#), "\(health.error)")

      let password = try #require(cluster["password"]?.stringValue)
      let secrets = [
        password, Data(password.utf8).base64EncodedString(), Data("admin:\(password)".utf8).base64EncodedString(),
      ]
      let kept = try Self.files(in: picture.tool.folder, "state", "machine/state-home", "machine/home")
      #expect(kept.keys.contains { $0.hasSuffix("graphrun.sqlite") } && kept.count > 10)
      for secret in secrets {
        #expect(!first.output.contains(secret) && !first.error.contains(secret))
        for (name, bytes) in kept { #expect(bytes.range(of: Data(secret.utf8)) == nil, "the password is in \(name)") }
      }

      let second = try await picture.bootstrap()
      #expect(second.code == 0, "\(second.error)")
      #expect(picture.effects.count == Self.effects.count, "\(picture.effects)")
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

  // MARK: - What is missing

  @Test func `without Docker it stops at once with the remedy, and goes on after it`() async throws {
    try await Picture.up { picture in
      try await picture("set", "docker.daemon=down")
      let clock = ContinuousClock()
      let begun = clock.now
      let stopped = try await picture.bootstrap("--thread", "t")
      #expect(clock.now - begun < .seconds(15))
      #expect(stopped.code == 1)
      #expect(stopped.error.contains("Cannot connect to the Docker daemon"))
      #expect(stopped.error.contains("remedy: sudo systemctl start docker"))
      #expect(stopped.error.contains("graphrun resume t"))
      #expect(picture.effects == [])

      try await picture("set", "docker.daemon=up")
      let looked = ["kubectl version", "helm version", "terraform version", "kind version", "uv --version"]
      let before = picture.calls
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      for command in looked {
        #expect(before.count { $0.hasPrefix(command) } == 1)
        #expect(picture.calls.count { $0.hasPrefix(command) } == 1, "\(command) was checked again")
      }
    }
  }

  @Test func `one run names all that is missing, each with its remedy`() async throws {
    try await Picture.up { picture in
      try await picture("missing", "kubectl", "helm", "terraform", "kind", "uv")
      try await picture("set", "python=3.9.2", "docker.cgroup=1")
      try await picture("ollama", "off")
      let stopped = try await picture.bootstrap()
      #expect(stopped.code == 1)
      for (missing, remedy) in [
        ("kubectl is not installed", "https://dl.k8s.io/release"), ("helm is not installed", "get-helm-4"),
        ("terraform is not installed", "https://apt.releases.hashicorp.com"),
        ("kind is not installed", "https://kind.sigs.k8s.io/dl/"),
        ("uv is not installed", "https://astral.sh/uv/install.sh"),
        ("No Ollama server answers", "sudo systemctl start ollama"),
        ("Python 3.11 or later is missing", "python3-venv"),
        ("cgroup v1", "systemd.unified_cgroup_hierarchy=1"),
      ] {
        #expect(stopped.error.contains(missing), "\(missing) is not in \(stopped.error)")
        #expect(stopped.error.contains(remedy), "\(remedy) is not in \(stopped.error)")
      }
    }
  }

  // MARK: - Killed

  /// A moment to be killed at: `node` has started, or has printed `text`. It then holds for minutes, so that only its
  /// end by another can be the end of it.
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

  @Test(arguments: [
    Moment(node: "create-cluster", text: "Preparing nodes", hold: "kind create"),
    Moment(node: "pull-model", text: "pulling manifest", hold: "ollama pull"),
    Moment(node: "ask-model", hold: "ollama token"),
    Moment(node: "apply-namespaces", text: "Creating...", hold: "terraform apply"),
    Moment(node: "install-monitoring", text: "Installing it now", hold: "helm upgrade"),
    Moment(node: "forward-grafana"),
  ])
  func `killed while a step runs, it goes on and does each thing once`(moment: Moment) async throws {
    try await Picture.up { picture in
      if let hold = moment.hold { try await picture("set", "delays.\(hold)=600") }
      let killed = try await picture.bootstrap("t") { moment.isReached($0) }
      #expect(killed.status == .signaled(SIGKILL), "\(killed.output.suffix(2000))")
      if let hold = moment.hold { try await picture("set", "delays.\(hold)=1") }

      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      let lasting = Self.lasting(picture.effects)
      #expect(Set(lasting) == Self.effects && lasting.count == Self.effects.count, "\(picture.effects)")
      #expect(try await picture.grafana().output.contains(#""database":"ok""#))
    }
  }

  /// The effects without those that were undone: half a cluster is deleted, half a release uninstalled.
  private static func lasting(_ effects: [String]) -> [String] {
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

  // MARK: - Faults

  /// Commands that fail with the original's text, and the remedies that must be told.
  struct Fault: Sendable, CustomTestStringConvertible {
    var commands: [String: JSON]
    var remedies: [String]

    var testDescription: String { commands.keys.sorted().joined(separator: ", ") }

    init(_ command: String, at moment: String = "start", _ text: String, remedy: String) {
      commands = [command: Self.fault(text, at: moment)]
      remedies = [remedy]
    }

    init(_ commands: [String: String], remedies: [String]) {
      self.commands = commands.mapValues { Self.fault($0, at: "start") }
      self.remedies = remedies
    }

    private static func fault(_ text: String, at moment: String) -> JSON {
      ["at": .string(moment), "times": -1, "exit": 1, "stderr": .string(text)]
    }
  }

  @Test(arguments: [
    [
      Fault(
        [
          "terraform init": """
          ╷
          │ Error: Failed to query available provider packages
          │ 
          │ Could not retrieve the list of available versions for provider hashicorp/helm: could not connect to
          │ registry.terraform.io: failed to request discovery document: context canceled
          ╵
          """,
          "helm repo update":
            "Error: failed to update the following repositories: [https://prometheus-community.github.io/helm-charts]",
          "ollama pull": "Error: could not connect to ollama server, run 'ollama serve' to start it",
        ],
        remedies: ["the Terraform registry cannot be reached", "the chart is also at oci://", "start Ollama: "])
    ],
    [
      Fault(
        "kind create", at: "middle",
        "docker: Error response from daemon: Bind for 127.0.0.1:30300 failed: port is already allocated.",
        remedy: "something else listens on that port"),
      Fault(
        "helm upgrade", "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        remedy: "a Helm that was killed left the release pending"),
      Fault("helm upgrade", at: "middle", "context deadline exceeded", remedy: "repeating the upgrade is safe"),
      Fault(
        "kubectl port-forward",
        """
        Unable to listen on port 3000: Listeners failed to create with the following errors: [unable to create \
        listener: Error listen tcp4 127.0.0.1:3000: bind: address already in use]
        error: unable to listen on any of the requested ports: [{3000 80}]
        """, remedy: "is taken: stop what listens there"),
    ],
  ])
  func `known faults are shown with their remedies, and after them the run goes on`(faults: [Fault]) async throws {
    try await Picture.up { picture in
      for (index, fault) in faults.enumerated() {
        try picture.fail(fault.commands)
        let stopped = try await index == 0 ? picture.bootstrap("--thread", "t") : picture.graphrun(["resume", "t"])
        #expect(stopped.code == 1)
        let told = try #require(stopped.error.range(of: "failed: ").map { stopped.error[$0.lowerBound...] }, "\(fault)")
        for remedy in fault.remedies {
          #expect(told.split(separator: "\n").contains { $0.contains("remedy: ") && $0.contains(remedy) }, "\(told)")
        }
        #expect(told.contains("graphrun resume t"))
      }
      picture.clearFaults()
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      #expect(Set(Self.lasting(picture.effects)) == Self.effects, "\(picture.effects)")
    }
  }

  // MARK: - Questions

  @Test func `where Grafana's port is taken it asks for another before anything is made`() async throws {
    try await Picture.up { picture in
      let taken = try #require(try picture.ollamaPort)
      let asked = try await picture.bootstrap("--thread", "t", "--input", "grafana_port=\(taken)")
      #expect(asked.code == 3)
      #expect(asked.output.contains("Something else listens on port \(taken)"), "\(asked.output)\(asked.error)")
      #expect(picture.effects == [])
      let resumed = try await picture.graphrun(["resume", "t", "--answer", "\(picture.port)"])
      #expect(resumed.code == 0, "\(resumed.error)")
      #expect(try await picture.grafana().code == 0)
    }
  }

  @Test func `what others made is used or repaired only when a person says so`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.bootstrap("--thread", "t", "--until", "namespaces-active").code == 0)
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
      let foreign = try await picture.bootstrap("--thread", "other", "--input", "workspace=\(elsewhere)")
      #expect(foreign.code == 3 && foreign.output.contains("that was not made here"), "\(foreign.error)")
      let declined = try await picture.graphrun(["resume", "other", "--answer", "stop"])
      #expect(declined.code == 1 && declined.error.contains("nothing more was changed"), "\(declined.error)")
      #expect(picture.effects == made)
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
