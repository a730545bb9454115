import Synchronization

import class Foundation.Thread

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Wakes a thread that polls, from any other.
final class Bell: Sendable {
  private let ends: (read: Int32, write: Int32)
  private let hasExited = Mutex(false)

  init() throws(SystemFailure) {
    ends = try Platform.pipe()
    Platform.makeNonblocking(ends.read)
    Platform.makeNonblocking(ends.write)
  }

  deinit {
    close(ends.read)
    close(ends.write)
  }

  var descriptor: Int32 { ends.read }
  var hasChildExited: Bool { hasExited.withLock { $0 } }

  private func childHasExited() {
    hasExited.withLock { $0 = true }
    ring()
  }

  func ring() {
    try? Platform.write([0], to: ends.write)
  }

  func silence() {
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      _ = unsafe Platform.read(ends.read, into: buffer)
    }
  }

  /// Rings when `pid` has exited, leaving it to be reaped.
  func ringAtExit(of pid: Int) {
    let thread = Thread { [self] in
      var info = unsafe siginfo_t()
      while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      childHasExited()
    }
    thread.stackSize = 64 << 10
    thread.start()
  }
}
