import Graph
import GraphRuntime

/// A program that graphs often need: how to ask for its version, and how to get it.
struct Tool: Sendable {
  /// Any of these will do.
  var names: [String]
  var version: [String]

  /// What of the answer is the version.
  var read: @Sendable (String) -> String? = { Tool.number(in: $0) }
  var linux: String
  var macos: String

  var name: String { names[0] }

  /// What to type to get it on `system`.
  func remedy(on system: HostSystem) -> String { system.kind == .macos ? macos : linux }

  func finding(_ programs: Programs, isNeeded: Bool) async throws -> Finding {
    guard let program = names.first(where: { programs.path(of: $0) != nil }) else {
      return missing(isNeeded: isNeeded)
    }
    guard let answer = try await programs.run(program, version), answer.isSuccess else {
      let found = "\(programs.path(of: program) ?? program) is there but does not tell its version"
      return isNeeded
        ? .failed(name, found, remedy: "install it again: \(remedy(on: .current))")
        : .advice(name, found, remedy: "install it again: \(remedy(on: .current))")
    }
    let version = read(answer.stdout) ?? answer.stdout.split(separator: "\n").first.map(String.init) ?? ""
    return .ok(name, program == name ? version : "\(program) \(version)")
  }

  func missing(isNeeded: Bool) -> Finding {
    isNeeded
      ? .failed(name, "not installed", remedy: remedy(on: .current))
      : .advice(name, "not installed; graphs that use it need it", remedy: remedy(on: .current))
  }

  /// The first text that looks like a version.
  static func number(in text: String) -> String? {
    text.split { $0.isWhitespace || $0 == "\"" || $0 == "," }.lazy
      .map { $0.hasPrefix("v") ? $0.dropFirst() : $0 }
      .first { $0.first?.isNumber == true && $0.contains(".") }.map(String.init)
  }

  private static func field(_ path: String...) -> @Sendable (String) -> String? {
    { text in
      let start: JSON? = try? JSON(parsing: text)
      return path.reduce(start) { $0?[$1] }?.stringValue.map { $0.hasPrefix("v") ? String($0.dropFirst()) : $0 }
    }
  }

  static let common: [Tool] = [
    Tool(
      names: ["kubectl"], version: ["version", "--client", "-o", "json"], read: field("clientVersion", "gitVersion"),
      linux:
        "curl -fLO https://dl.k8s.io/release/v1.36.1/bin/linux/\(cpu)/kubectl && sudo install -m755 kubectl /usr/local/bin/",
      macos: "brew install kubectl"),
    Tool(
      names: ["helm"], version: ["version", "--template", "{{.Version}}"],
      linux: "curl -fsSL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-4 | bash",
      macos: "brew install helm"),
    Tool(
      names: ["kind"], version: ["version", "-q"],
      linux:
        "curl -fLo kind https://kind.sigs.k8s.io/dl/v0.32.0/kind-linux-\(cpu) && sudo install -m755 kind /usr/local/bin/",
      macos: "brew install kind"),
    Tool(
      names: ["terraform", "tofu"], version: ["version", "-json"], read: field("terraform_version"),
      linux: "curl -fsSL https://get.opentofu.org/install-opentofu.sh | sh -s -- --install-method deb",
      macos: "brew install hashicorp/tap/terraform"),
    Tool(
      names: ["uvx", "uv"], version: ["--version"], linux: "curl -LsSf https://astral.sh/uv/install.sh | sh",
      macos: "brew install uv"),
    Tool(
      names: ["python3"], version: ["--version"], linux: "sudo apt-get install -y python3 python3-venv",
      macos: "brew install python@3.12"),
  ]

  /// How to get a program that graphs name.
  static func remedy(for program: String) -> String {
    let known = common.first { $0.names.contains(program) }
    if let known { return known.remedy(on: .current) }
    switch program {
    case "docker": return DockerEngine.install
    case "ollama": return "curl -fsSL https://ollama.com/install.sh | sh"
    case "npx", "npm", "node":
      return HostSystem.current.kind == .macos ? "brew install node" : "sudo apt-get install -y npm"
    default: break
    }
    return HostSystem.current.kind == .macos
      ? "brew install \(program), or whatever brings it" : "sudo apt-get install \(program), or whatever brings it"
  }

  #if arch(arm64)
    private static let cpu = "arm64"
  #else
    private static let cpu = "amd64"
  #endif
}
