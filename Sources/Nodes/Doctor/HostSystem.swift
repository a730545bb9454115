import Foundation
import GraphRuntime

/// Which system this is, as far as remedies differ.
struct HostSystem: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case linux, wsl1, wsl2, macos
  }

  var kind: Kind

  /// "Debian GNU/Linux 12 (bookworm), Linux 6.1.0".
  var name: String

  static let current: HostSystem = {
    #if os(Linux)
      HostSystem(
        kernel: text("/proc/sys/kernel/osrelease"),
        release: SmallFile.read("/etc/os-release") == nil ? text("/usr/lib/os-release") : text("/etc/os-release"))
    #else
      HostSystem(kind: .macos, name: "macOS \(ProcessInfo.processInfo.operatingSystemVersionString)")
    #endif
  }()

  private init(kind: Kind, name: String) {
    self.kind = kind
    self.name = name
  }

  /// Linux as its kernel and the file os-release tell.
  init(kernel: String, release: String) {
    let kernel = kernel.trimmingCharacters(in: .whitespacesAndNewlines)
    let lowered = kernel.lowercased()
    // WSL 1 has no kernel of its own; Windows answers with a name that ends so.
    kind =
      lowered.contains("wsl2") || lowered.contains("microsoft-standard")
      ? .wsl2 : kernel.hasSuffix("-Microsoft") ? .wsl1 : .linux
    let line = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
    let pretty = line.map { $0.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" } } ?? "Linux"
    let windows = kind == .wsl2 ? " in WSL 2" : kind == .wsl1 ? " in WSL 1" : ""
    name = "\(pretty)\(windows), kernel \(kernel)"
  }

  private static func text(_ path: String) -> String {
    String(decoding: SmallFile.read(path) ?? [], as: UTF8.self)
  }
}
