import AsyncHTTPClient
import Foundation
import Graph
import GraphRuntime
import NIOCore

/// The Docker engine that programs here talk to.
struct DockerEngine: Sendable {
  let programs: Programs

  /// `isNeeded`: it is no mere information that it cannot be reached.
  func finding(isNeeded: Bool) async throws -> Finding {
    var finding = try await programs.path(of: "docker") == nil ? asked() : told()
    if !isNeeded, finding.state == .failed { finding.state = .advice }
    return finding
  }

  // MARK: By the docker command, which knows contexts, ssh and TLS

  private func told() async throws -> Finding {
    guard let answer = try await programs.run("docker", ["version", "--format", "{{json .}}"]) else {
      return failed("the docker command did not answer within 15s", remedy: Self.start)
    }
    let version: JSON? = try? JSON(parsing: answer.stdout)
    guard answer.isSuccess, let server = version?["Server"], server != .null else {
      return failed(answer.lastWords, remedy: Self.remedy(for: answer.stderr + answer.stdout))
    }
    let name = server["Platform"]?["Name"]?.stringValue ?? ""
    let number = server["Version"]?.stringValue ?? "?"
    let api = server["ApiVersion"]?.stringValue.map { ", API \($0)" } ?? ""
    let place = programs.environment["DOCKER_HOST"].map { ", DOCKER_HOST=\($0)" } ?? ""
    return .ok("docker", "\(name.isEmpty ? "engine" : name) \(number)\(api)\(place)")
  }

  private func failed(_ found: String, remedy: String) -> Finding { .failed("docker", found, remedy: remedy) }

  // MARK: At its address, where there is no docker command

  private static let standardSocket = "/var/run/docker.sock"

  private func asked() async throws -> Finding {
    let host = programs.environment["DOCKER_HOST"].flatMap { $0.isEmpty ? nil : $0 } ?? "unix://\(Self.standardSocket)"
    let url: String
    if host.hasPrefix("unix://") {
      let path = String(host.dropFirst("unix://".count))
      guard FileManager.default.fileExists(atPath: path) else {
        return failed("no docker command, and no engine at \(path)", remedy: Self.install)
      }
      url = "http+unix://\(path.replacing("%", with: "%25").replacing("/", with: "%2F"))/version"
    } else if host.hasPrefix("tcp://"), (programs.environment["DOCKER_TLS_VERIFY"] ?? "").isEmpty {
      url = "http://\(host.dropFirst("tcp://".count))/version"
    } else {
      return .advice(
        "docker", "no docker command; \(host) is not looked at without it", remedy: "install it: \(Self.install)")
    }
    do {
      let request = HTTPClientRequest(url: url)
      let response = try await HTTPConnections.shared.client(.everywhere).execute(request, timeout: .seconds(10))
      let body = try await response.body.collect(upTo: 1 << 20)
      let version: JSON? = try? JSON(parsing: Array(body.readableBytesView))
      guard let number = version?["Version"]?.stringValue else {
        return failed("\(host) does not answer as a Docker engine", remedy: "look at DOCKER_HOST")
      }
      let api = version?["ApiVersion"]?.stringValue.map { ", API \($0)" } ?? ""
      return .ok("docker", "engine \(number)\(api) at \(host), no docker command")
    } catch {
      return failed("\(host) cannot be reached: \(error)", remedy: Self.remedy(for: "\(error)"))
    }
  }

  // MARK: Remedies

  static var install: String {
    switch HostSystem.current.kind {
    case .macos: "brew install --cask docker-desktop, then start the app"
    case .wsl1, .wsl2:
      "winget install Docker.DockerDesktop in Windows, then Settings > Resources > WSL integration for this distribution"
    case .linux: "curl -fsSL https://get.docker.com | sh, then sudo usermod -aG docker $USER and log in again"
    }
  }

  private static var start: String {
    HostSystem.current.kind == .linux
      ? "sudo systemctl start docker; if it runs, look at DOCKER_HOST and at: docker context ls"
      : "start Docker Desktop (or Rancher Desktop); if it runs, look at DOCKER_HOST and at: docker context ls"
  }

  /// What to do about what the docker command, a server or the system says.
  static func remedy(for text: String) -> String {
    let text = text.lowercased()
    func says(_ parts: String...) -> Bool { parts.contains(where: text.contains) }
    if says("permission denied", "permissionerror", "errno: 13", "eacces") {
      return "sudo usermod -aG docker $USER, then log in again"
    }
    if says("could not be found in this wsl 2 distro") {
      return "start Docker Desktop, switch on Settings > Resources > WSL integration for this distribution"
    }
    if says("could not be found in this wsl 1 distro") {
      return "in an administrator PowerShell: wsl --set-version <distribution> 2"
    }
    if says("is too new") { return "unset DOCKER_API_VERSION, or upgrade the engine" }
    if says("is too old", "minimum supported api version") { return "upgrade the docker command" }
    return start
  }
}
