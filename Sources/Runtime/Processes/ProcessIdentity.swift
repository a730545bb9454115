#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which process a pid means: pids are used again, a pid and its start time within one boot are not.
public struct ProcessIdentity: Sendable, Hashable {
  public let pid: Int

  /// When the process started as the kernel tells it; opaque, compared only for equality.
  public let startTime: String

  public init(pid: Int, startTime: String) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The process that has `pid` now; `nil` when none is alive. A zombie is not alive.
  public init?(of pid: Int) {
    guard let facts = ProcessFacts(pid: pid), !facts.isZombie else { return nil }
    self.init(pid: pid, startTime: facts.startTime)
  }

  /// The process still runs (and the pid has not gone to another).
  public var isAlive: Bool { ProcessIdentity(of: pid) == self }

  /// Changes with every boot of the machine: what makes start times comparable.
  public static let bootID: String = ProcessFacts.bootID()

  /// Sends `signal` to the process, and to its group where it leads one, unless the pid has gone to another.
  func send(_ signal: Int32) {
    guard pid > 1, let facts = ProcessFacts(pid: pid), facts.startTime == startTime else { return }
    if facts.group == pid { kill(-pid_t(pid), signal) }
    kill(pid_t(pid), signal)
  }
}

/// What the kernel tells of a process.
package struct ProcessFacts: Sendable {
  package var startTime: String
  package var group: Int
  package var isZombie: Bool
}

#if os(Linux)
  extension ProcessFacts {
    package init?(pid: Int) {
      guard let bytes = SmallFile.read("/proc/\(pid)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")")) else {
        return nil
      }
      // The name in parentheses may hold anything; the fields after it are numbered from 3 (state).
      let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      guard fields.count > 19, let group = Int(fields[2]) else { return nil }
      self.init(startTime: fields[19], group: group, isZombie: fields[0] == "Z" || fields[0] == "X")
    }

    static func bootID() -> String {
      let bytes = SmallFile.read("/proc/sys/kernel/random/boot_id") ?? []
      return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Every pid there is.
    package static func allPIDs() -> [Int] {
      guard let folder = unsafe opendir("/proc") else { return [] }
      defer { unsafe closedir(folder) }
      var pids: [Int] = []
      while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if let pid = Int(name) { pids.append(pid) }
      }
      return pids
    }
  }
#elseif canImport(Darwin)
  extension ProcessFacts {
    package init?(pid: Int) {
      var info = unsafe kinfo_proc()
      var size = MemoryLayout<kinfo_proc>.stride
      var name = [CTL_KERN, KERN_PROC, KERN_PROC_PID, Int32(pid)]
      guard unsafe sysctl(&name, UInt32(name.count), &info, &size, nil, 0) == 0, size > 0 else { return nil }
      let start = unsafe info.kp_proc.p_starttime
      self.init(
        startTime: "\(start.tv_sec).\(start.tv_usec)", group: unsafe Int(info.kp_eproc.e_pgid),
        isZombie: unsafe Int32(info.kp_proc.p_stat) == SZOMB)
    }

    static func bootID() -> String {
      var bytes = [UInt8](repeating: 0, count: 64)
      var size = bytes.count
      guard unsafe sysctlbyname("kern.bootsessionuuid", &bytes, &size, nil, 0) == 0 else { return "" }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// None: other processes' environments are not read on macOS, so nothing is searched.
    package static func allPIDs() -> [Int] { [] }
  }
#endif

/// Files of the kernel's: small, and without a size to ask for.
package enum SmallFile {
  package static func read(_ path: String, limit: Int = 4 << 20) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Self.read(descriptor, into: $0) }
      guard count > 0 else { return count == 0 ? bytes : nil }
      bytes += buffer[..<count]
    }
    return bytes
  }

  private static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    #if canImport(Darwin)
      unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Glibc)
      unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      unsafe Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }
}
