import CSQLite

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What this process gives up at its start, before it has threads (RELIABILITY S49, S50). Without effect on macOS.
public enum Hardening {
  /// Lets `sudo` and other set-uid programs gain rights in steps.
  public static let allowance = "GRAPHRUN_ALLOW_SUDO"

  /// Runs with other rights than its caller's: a set-uid program would lend its owner's to every graph.
  public static var isLent: Bool { getuid() != geteuid() || getgid() != getegid() }

  private static let crashReports = "SWIFT_BACKTRACE"

  /// Steps cannot read this process' memory, in which secrets are, and gain no rights unless that is allowed.
  ///
  /// What is itself a step of another run stays visible: by its environment it is found when that run's process dies (R7).
  public static func begin() {
    if variable(crashReports).isEmpty { endCrashReports() }
    if variable(Orphans.runVariable).isEmpty { graphrun_hide_memory() }
    if ["", "0"].contains(variable(allowance)) { graphrun_keep_rights() }
  }

  /// Swift's reports of a crash print memory, in which secrets are: there are none but where the user wants them.
  private static func endCrashReports() {
    for number in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] {
      let before = signal(number, SIG_DFL)
      // What was ignored before us stays ignored.
      if unsafe unsafeBitCast(before, to: Int.self) == 1 { signal(number, SIG_IGN) }
    }
  }

  private static func variable(_ name: String) -> String {
    unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
  }
}
