import Foundation
import Graph
import Testing

/// Every step fails once with the text of the original, tells the remedy, and goes on after it.
@Suite("Bootstrap: faults", .serialized, .timeLimit(.minutes(8)))
struct BootstrapFaultTests {
  /// A command that fails, what the run must tell, and what is called right by the person.
  struct Fault: Sendable, CustomTestStringConvertible {
    var command: String
    var moment = "start"
    var text: String
    var remedy: String

    var testDescription: String { "\(command): \(text.prefix(60))" }

    /// What the pictured command does, `times` in a row (-1: always).
    func made(_ times: Int) -> [String: JSON] {
      [command: ["at": .string(moment), "times": .int(times), "exit": 1, "stderr": .string(text)]]
    }
  }

  /// In the order of the steps; those of one wave stand together.
  static let waves: [[Fault]] = [
    [
      Fault(
        command: "terraform init",
        text: """
          ╷
          │ Error: Failed to query available provider packages
          │ 
          │ Could not retrieve the list of available versions for provider hashicorp/helm: could not connect to
          │ registry.terraform.io: failed to request discovery document: context canceled
          ╵
          """, remedy: "the Terraform registry cannot be reached"),
      Fault(
        command: "helm repo update",
        text:
          "Error: failed to update the following repositories: [https://prometheus-community.github.io/helm-charts]",
        remedy: "the chart is also at oci://"),
      Fault(
        command: "ollama pull", text: "Error: could not connect to ollama server, run 'ollama serve' to start it",
        remedy: "start Ollama: "),
      Fault(
        command: "kind create", moment: "middle",
        text: "docker: Error response from daemon: Bind for 127.0.0.1:30300 failed: port is already allocated.",
        remedy: "something else listens on that port"),
    ],
    [
      Fault(
        command: "kind create", moment: "middle",
        text: "write /kind/manifests/default-cni.yaml: no space left on device",
        remedy: "the disk is full")
    ],
    [
      Fault(
        command: "kind create", moment: "middle",
        text:
          "failed to list nodes: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        remedy: "sudo systemctl start docker")
    ],
    [
      Fault(
        command: "kubectl get namespace kube-system", text: "Unable to connect to the server: EOF",
        remedy: "the disk is full or memory is short")
    ],
    [
      Fault(
        command: "terraform plan",
        text: "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: resource temporarily unavailable\n╵",
        remedy: "another Terraform works in")
    ],
    [
      Fault(
        command: "terraform apply", moment: "start",
        text: "╷\n│ Error: Saved plan is stale\n╵", remedy: "this step plans anew")
    ],
    [
      Fault(
        command: "terraform apply", moment: "middle",
        text:
          "╷\n│ Error: Post \"https://127.0.0.1:44444/api/v1/namespaces\": dial tcp 127.0.0.1:44444: connect: connection refused\n╵",
        remedy: "the cluster does not answer")
    ],
    [
      Fault(
        command: "helm list",
        text: "Error: kubernetes cluster unreachable: Get \"https://127.0.0.1:44444/version\": EOF",
        remedy: "the cluster does not answer")
    ],
    [
      Fault(
        command: "helm upgrade",
        text: "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        remedy: "a Helm that was killed left the release pending")
    ],
    [
      Fault(
        command: "helm upgrade", moment: "middle", text: "context deadline exceeded",
        remedy: "repeating the upgrade is safe")
    ],
    [
      Fault(
        command: "kubectl port-forward",
        text: """
          Unable to listen on port 3000: Listeners failed to create with the following errors: [unable to create \
          listener: Error listen tcp4 127.0.0.1:3000: bind: address already in use]
          error: unable to listen on any of the requested ports: [{3000 80}]
          """, remedy: "is taken: stop what listens there")
    ],
  ]

  @Test func `known faults are shown with their remedies, and after them the run goes on`() async throws {
    try await Picture.up { picture in
      for (index, wave) in Self.waves.enumerated() {
        try picture.fail(wave.reduce(into: [:]) { $0.merge($1.made(-1)) { one, _ in one } })
        let stopped = try await index == 0 ? picture.bootstrap("--thread", "t") : picture.graphrun(["resume", "t"])
        #expect(stopped.code == 1, "\(wave[0]): \(stopped.output)")
        let told = try #require(
          stopped.error.range(of: "failed: ").map { stopped.error[$0.lowerBound...] }, "\(stopped.error)")
        for fault in wave {
          let lines = told.split(separator: "\n")
          #expect(lines.contains { $0.contains("remedy: ") && $0.contains(fault.remedy) }, "\(fault): \(told)")
        }
        #expect(told.contains("resume t"))
      }
      picture.clearFaults()
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      #expect(Set(BootstrapTests.lasting(picture.effects)) == BootstrapTests.effects, "\(picture.effects)")
    }
  }

  /// What a moment's wait may mend mends itself.
  @Test func `what passes by itself is only tried again`() async throws {
    try await Picture.up { picture in
      var faults: [String: JSON] = [:]
      for fault in [Self.waves[0][0], Self.waves[0][1], Self.waves[0][2]] {
        faults.merge(fault.made(1)) { one, _ in one }
      }
      faults["kind create"] = [
        "at": "middle", "times": 1, "exit": 1,
        "stderr":
          "failed to pull image \"kindest/node:v1.36.1\": command \"docker pull\" failed with error: exit status 1",
      ]
      try picture.fail(faults)
      let ended = try await picture.bootstrap("--until", "cluster")
      #expect(ended.code == 0, "\(ended.output)\(ended.error)")
      #expect(ended.output.contains("failed to pull image"))
    }
  }

  @Test func `where Docker stops in the middle, what was begun is taken up again`() async throws {
    try await Picture.up { picture in
      try await picture("set", "delays.helm upgrade=160")
      let stopped = try await picture.graphrun(
        ["run", Picture.graph("bootstrap"), "--thread", "t", "--input", "grafana_port=\(picture.port)", "--json"],
        actingWhen: { $0["node"] == "install-monitoring" && $0["event"] == "task-output" },
        { try await picture("set", "docker.daemon=down", "containers.oppen-local-control-plane.State=exited") })
      #expect(stopped.code == 1, "\(stopped.output.suffix(3000))")
      #expect(stopped.output.contains("the cluster does not answer"))
      try await picture("set", "docker.daemon=up", "delays.helm upgrade=1")
      _ = try await picture.docker("start", Picture.controlPlane)
      let resumed = try await picture.graphrun(["resume", "t"])
      #expect(resumed.code == 0, "\(resumed.error)")
      #expect(picture.effects.last == "release kube-prometheus-stack deployed", "\(picture.effects)")
    }
  }

  @Test func `pods that do not start are named with why`() async throws {
    try await Picture.up { picture in
      #expect(try await picture.bootstrap("--until", "namespaces").code == 0)
      let name = "kube-prometheus-stack-grafana-6d9f7c5b8-x2v4q"
      try await picture("set", "clusters.oppen-local.pods.\(name)=[\"ImagePullBackOff\"]")
      let quick = try picture.impatient("observability", from: "within: 10m", to: "within: 12s")
      let stopped = try await picture.graphrun(["run", quick, "--thread", "t"])
      #expect(stopped.code == 1 && stopped.error.contains("\(name) (ImagePullBackOff)"), "\(stopped.error)")
      #expect(stopped.error.contains("remedy: for ImagePullBackOff look at the network"))
      try await picture("set", "clusters.oppen-local.pods={}")
      #expect(try await picture.graphrun(["resume", "t"]).code == 0)
    }
  }
}
