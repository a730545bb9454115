import Foundation
import Graph
import GraphRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What graphrun itself stands on.
package struct MachineChecks: Sendable {
  private let environment: [String: String]

  package init(environment: [String: String]) {
    self.environment = environment
  }

  package var checks: [Check] {
    [
      Check("system", one: Self.system), Check("user", one: Self.user),
      Check("crash reports") { [environment] in [Self.crashReports(environment)] },
      Check("sqlite", one: Self.sqlite), Check("jq", one: Self.jq),
    ]
  }

  private static func system() -> Finding { system(.current) }

  static func system(_ system: HostSystem) -> Finding {
    guard system.kind == .wsl1 else { return .ok("system", system.name) }
    return .failed(
      "system", "\(system.name): WSL 1 has no Linux kernel",
      remedy: "in an administrator PowerShell: wsl --set-version <distribution> 2 (wsl -l -v names it)")
  }

  private static func user() -> Finding {
    guard geteuid() == 0 else { return .ok("user", NSUserName()) }
    return .advice(
      "user", "root: what a graph runs may do everything on this machine", remedy: "run graphrun as an ordinary user")
  }

  /// A crash of a Swift program prints memory, where secrets are, once backtraces are on.
  private static func crashReports(_ environment: [String: String]) -> Finding {
    let name = "crash reports"
    let settings = environment["SWIFT_BACKTRACE"] ?? ""
    let enable = settings.split(separator: ",").first { $0.hasPrefix("enable=") }?.dropFirst("enable=".count)
    let isOn = !settings.isEmpty && !["no", "off", "false"].contains(enable.map(String.init) ?? "yes")
    guard isOn else { return .ok(name, "SWIFT_BACKTRACE is not on") }
    var limit = rlimit()
    #if canImport(Glibc)
      let core = unsafe getrlimit(__rlimit_resource_t(4), &limit) == 0 && limit.rlim_cur > 0
    #else
      let core = unsafe getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur > 0
    #endif
    return .advice(
      name, "SWIFT_BACKTRACE is on: a crash prints memory\(core ? ", and leaves it in a core file" : ""), with secrets",
      remedy: core ? "unset SWIFT_BACKTRACE; ulimit -c 0" : "unset SWIFT_BACKTRACE")
  }

  private static func sqlite() -> Finding {
    let place = SQLiteLibrary.path.map { " (\($0))" } ?? ""
    let state =
      SQLiteLibrary.hasWALResetFix
      ? "free of the WAL-reset bug"
      : "has the WAL-reset bug, fixed in 3.51.3; the store goes around it by one lock around every write transaction and "
        + "every checkpoint"
    return .ok("sqlite", "\(SQLiteLibrary.version)\(place), \(state)")
  }

  private static func jq() -> Finding {
    do {
      let version = try JQ.version()
      return .ok("jq", "libjq \(version), its helper process answers")
    } catch {
      return .failed(
        "jq", "\(error)", remedy: "put the graphrun executable back beside this program, or on PATH, and run this again"
      )
    }
  }
}
