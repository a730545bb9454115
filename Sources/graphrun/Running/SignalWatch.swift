import Foundation
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tells of signals on a thread of its own. The handlers only write a byte to a pipe (RELIABILITY R9).
///
/// Handlers, unlike ignored signals, are not inherited: children start with the defaults.
enum SignalWatch {
  /// Calls `handle` for each signal until the process ends. To be called once.
  static func begin(_ handle: @escaping @Sendable (Int32) -> Void) {
    var ends: [Int32] = [-1, -1]
    let isMade = unsafe pipe(&ends) == 0
    precondition(isMade, "a process can make one pipe")
    let (reader, writer) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(writer, F_SETFL, O_NONBLOCK)
    signalPipe.store(writer, ordering: .sequentiallyConsistent)
    Thread.detachNewThread {
      while true {
        var number: UInt8 = 0
        if unsafe read(reader, &number, 1) == 1 { handle(Int32(number)) }
      }
    }
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH] { catchSignal(number) }
    signal(SIGPIPE) { _ in }
  }

  /// A hang-up that was ignored before us (`nohup`) stays ignored, and so does a quit (a script's background command).
  private static func catchSignal(_ number: Int32) {
    let before = signal(number, noteSignal)
    if [SIGHUP, SIGQUIT].contains(number), unsafe unsafeBitCast(before, to: Int.self) == 1 { signal(number, SIG_IGN) }
  }
}

private let signalPipe = Atomic<Int32>(-1)

private func noteSignal(_ number: Int32) {
  let before = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = unsafe write(signalPipe.load(ordering: .sequentiallyConsistent), &byte, 1)
  errno = before
}
