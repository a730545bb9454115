import Foundation
import Graph
import Subprocess
import Testing

/// prerequisites.graph: what is missing is named, and installed where a person agrees.
@Suite("Bootstrap: what must be there", .serialized, .timeLimit(.minutes(8)))
struct BootstrapMissingTests {
  private static func look(_ picture: Picture, _ arguments: String...) async throws -> Tool.Outcome {
    try await picture.graphrun(["run", Picture.graph("prerequisites"), "--thread", "t"] + arguments)
  }

  @Test func `without Docker it stops within seconds with the remedy, and then looks only at that again`()
    async throws
  {
    try await Picture.up { picture in
      try await picture("set", "docker.daemon=down")
      let clock = ContinuousClock()
      let begun = clock.now
      let stopped = try await picture.bootstrap("--thread", "t")
      #expect(clock.now - begun < .seconds(30))
      #expect(stopped.code == 3)
      #expect(stopped.output.contains("Cannot connect to the Docker daemon"), "\(stopped.output)")
      #expect(stopped.output.contains("install: sudo systemctl start docker"))
      #expect(stopped.output.contains("resume t --answer"))
      #expect(picture.effects == [])

      let before = picture.calls
      let looked = ["kubectl version", "helm version", "terraform version", "kind version", "uv --version"]
      try await picture("set", "docker.daemon=up")
      let resumed = try await picture.graphrun(["resume", "t", "--answer", "done", "--until", "prerequisites"])
      #expect(resumed.code == 0, "\(resumed.error)")
      for command in looked {
        #expect(before.count { $0.hasPrefix(command) } == 1)
        #expect(picture.calls.count { $0.hasPrefix(command) } == 1, "\(command) was checked again")
      }
    }
  }

  @Test func `one run names all that is missing, each with its remedy, and with a yes installs each once`()
    async throws
  {
    try await Picture.up { picture in
      try await picture("missing", "docker", "kubectl", "helm", "terraform", "kind", "ollama", "uv", "uvx")
      try await picture("set", "python=3.9.2", "inotify=[128,8192]")
      try await picture("ollama", "off")
      let stopped = try await Self.look(picture)
      #expect(stopped.code == 3)
      for (missing, remedy) in [
        ("docker is not installed", "https://get.docker.com"),
        ("kubectl is not installed", "https://dl.k8s.io/release"),
        ("helm is not installed", "get-helm-4"), ("terraform is not installed", "https://apt.releases.hashicorp.com"),
        ("kind is not installed", "https://kind.sigs.k8s.io/dl/"),
        ("uv is not installed", "https://astral.sh/uv/install.sh"),
        ("No Ollama server answers", "https://ollama.com/install.sh"),
        ("Python 3.11 or later is missing", "python3-venv"),
        ("The inotify limits are low (128 instances, 8192 watches)", "/etc/sysctl.d/99-kind.conf"),
      ] {
        #expect(stopped.output.contains(missing), "\(missing) is not in \(stopped.output)")
        #expect(stopped.output.contains(remedy), "\(remedy) is not in \(stopped.output)")
      }
      #expect(picture.effects == [])

      let installed = try await picture.graphrun(["resume", "t", "--answer", "install"])
      #expect(installed.code == 0, "\(installed.output)\(installed.error)")
      let tools = [
        "docker", "kubectl", "helm", "terraform", "kind", "ollama", "uv", "python3", "python3-venv", "zstd",
      ]
      #expect(picture.effects.sorted() == (tools.map { "\($0) installed" } + ["inotify limits raised"]).sorted())
      // The package manager takes one at a time, and was never asked by two at once.
      #expect(!installed.output.contains("Could not get lock"))
    }
  }

  @Test func `an installation that fails is shown with its remedy, and asked about again`() async throws {
    try await Picture.up { picture in
      try await picture("missing", "kind")
      try await picture("set", "sudo=password")
      #expect(try await Self.look(picture).code == 3)
      let failed = try await picture.graphrun(["resume", "t", "--answer", "install"])
      #expect(
        failed.code == 3 && failed.output.contains("kind was tried and failed: sudo: a password is required"),
        "\(failed.output)")
      #expect(failed.output.contains("run sudo -v in this terminal"))
      try await picture("set", "sudo=free")
      #expect(try await picture.graphrun(["resume", "t", "--answer", "install"]).code == 0)
    }
  }

  @Test func `killed while tools are installed, it goes on and installs each once`() async throws {
    try await Picture.up { picture in
      try await picture("missing", "kind", "terraform")
      try await picture("set", "delays.apt-get=600")
      let start = ["run", Picture.graph("prerequisites"), "--thread", "t", "--json"]
      #expect(try await picture.graphrun(start).code == 3)
      let killed = try await picture.graphrun(["resume", "t", "--answer", "install", "--json"]) {
        $0["event"] == "task-start" && $0["node"] == "install-package"
      }
      #expect(killed.status == .signaled(9))
      try await picture("set", "delays.apt-get=1")
      #expect(try await picture.graphrun(["resume", "t"]).code == 0)
      #expect(picture.effects.sorted() == ["kind installed", "terraform installed"])
    }
  }

  @Test(arguments: [
    ("docker.cgroup=1", "Docker runs on cgroup v1", "systemd.unified_cgroup_hierarchy=1"),
    ("docker.api=1.40", "The Docker API is older than 1.41", "upgrade Docker to 20.10"),
    ("docker.os=windows", "Docker runs Windows containers", "Switch to Linux containers"),
    ("docker.memory=4000000000", "Docker has less than 6 GB", "Settings > Resources"),
    ("docker.rootless=true docker.delegated=false", "Docker runs rootless and may not limit", "Delegate=yes"),
    ("release=4.4.0-19041-Microsoft", "This distribution runs in WSL 1", "wsl --set-version"),
    ("system=MINGW64_NT-10.0", "This shell is Windows' own", "wsl --install"),
    ("system=SunOS", "This operating system is none of", "run it on one of these"),
    ("python=3.9.2", "Python 3.11 or later is missing", "python3-venv"),
    ("release=6.6.0-microsoft-standard-WSL2 docker.cgroup=1", "Docker runs on cgroup v1", "cgroup_no_v1=all"),
  ])
  func `a machine that cannot hold the cluster is told so`(change: String, told: String, remedy: String) async throws {
    try await Picture.up { picture in
      for pair in change.split(separator: " ") { try await picture("set", String(pair)) }
      let stopped = try await Self.look(picture)
      #expect(
        stopped.code == 3 && stopped.output.contains(told) && stopped.output.contains(remedy),
        "\(stopped.output)\(stopped.error)")
      let declined = try await picture.graphrun(["resume", "t", "--answer", "stop"])
      #expect(declined.code == 1 && declined.error.contains("Stopped as was asked"), "\(declined.error)")
    }
  }

  @Test func `little room and few watches are advice, which a person may not want`() async throws {
    try await Picture.up { picture in
      try await picture("set", "disk=9000000", "inotify=[128,8192]")
      let asked = try await Self.look(picture)
      #expect(asked.code == 3 && asked.output.contains("Only 9 GB are free"), "\(asked.output)\(asked.error)")
      let taken = try await picture.graphrun(["resume", "t", "--answer", "go-on", "--json"])
      #expect(taken.code == 0, "\(taken.error)")
      #expect(try taken.lines().last?["outputs"]?["notes"]?.arrayValue?.count == 2)
      #expect(picture.effects == [])
    }
  }

  @Test func `an older node image lets cgroup v1 pass, and k3s wants systemd`() async throws {
    try await Picture.up { picture in
      try await picture("set", "docker.cgroup=1", "systemd=offline")
      let image =
        "node_image=kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
      #expect(try await Self.look(picture, "--input", image).code == 0)
      try await picture("set", "docker.cgroup=2")
      let k3s = try await picture.graphrun(["run", Picture.graph("prerequisites"), "--input", "cluster=k3s"])
      #expect(k3s.code == 3 && k3s.output.contains("systemd does not run here"), "\(k3s.output)")
    }
  }

  @Test func `on a Mac the remedies are brew's`() async throws {
    try await Picture.up { picture in
      try await picture("set", "system=Darwin")
      try await picture("present", "brew")
      try await picture("missing", "kind", "helm")
      let asked = try await Self.look(picture)
      #expect(asked.code == 3 && asked.output.contains("install: brew install kind"), "\(asked.output)")
      #expect(try await picture.graphrun(["resume", "t", "--answer", "install"]).code == 0)
      #expect(picture.effects.sorted() == ["helm installed", "kind installed"])
    }
  }

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
}
