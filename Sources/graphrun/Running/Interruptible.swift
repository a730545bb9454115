import Foundation
import Synchronization

/// Work outside of a run that a signal ends: first what it began is ended, then the program.
enum Interruptible {
  /// - Throws: ``ExitStatus/signal(_:)`` after SIGINT, SIGTERM or SIGHUP, or when nobody reads the output any more.
  static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let signal = Mutex<Int32?>(nil)
    let work = Task { try await body() }
    let stop = { @Sendable (number: Int32) in
      let isSecond = signal.withLock { signal in
        defer { signal = signal ?? number }
        return signal != nil
      }
      if isSecond { _exit(128 + number) }
      work.cancel()
    }
    SignalWatch.begin { number in
      if number != SIGWINCH { stop(number) }
    }
    Sink.output.onClose { stop(SIGHUP) }
    let result = await work.result
    if let number = signal.withLock(\.self) { throw ExitStatus.signal(number) }
    return try result.get()
  }
}
