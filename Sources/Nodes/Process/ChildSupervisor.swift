import GraphRuntime
import Synchronization

import class Foundation.Thread

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Watches one child from a thread of its own: takes its output as it comes, sees it exit, and ends its group when
/// told to.
///
/// One thread and `poll`, not tasks: it must keep up with a flood and be there at once for a line, whatever the
/// cooperative pool is busy with.
final class ChildSupervisor: Sendable {
  /// How long the streams are drained after the leader's exit.
  static let drain: Duration = .seconds(1)

  struct Outcome: Sendable {
    var stdout: CapturedOutput
    var stderr: CapturedOutput

    /// When we asked it to end, before it had by itself.
    var stoppedAt: ContinuousClock.Instant?

    /// Somebody kept the streams open past the leader's exit and the time to drain.
    var wasHeldOpen: Bool
  }

  private let limit: Int
  private let mask: SecretMask
  private let stopGrace: @Sendable () -> Duration
  private let show: @Sendable (String, OutputStream) -> Void
  private let bell: Bell
  private let isStopRequested = Mutex(false)

  init(
    limit: Int, mask: SecretMask, stopGrace: @escaping @Sendable () -> Duration,
    show: @escaping @Sendable (String, OutputStream) -> Void
  ) throws(SystemFailure) {
    self.limit = limit
    self.mask = mask
    self.stopGrace = stopGrace
    self.show = show
    bell = try Bell()
  }

  /// TERM to the group now, KILL after the grace. Also before the child is there.
  func stop() {
    isStopRequested.withLock { $0 = true }
    bell.ring()
  }

  /// What those whom the leader left behind get between TERM and KILL.
  func graceLeft(after outcome: Outcome) -> Duration {
    guard let stoppedAt = outcome.stoppedAt else { return .seconds(1) }
    return max(.zero, stopGrace() - (.now - stoppedAt))
  }

  /// Returns once the child has exited and its output is taken; the child is not reaped, so its pid stays its own.
  func watch(pid: Int, stdout: Int32, stderr: Int32) async -> Outcome {
    await withCheckedContinuation { continuation in
      bell.ringAtExit(of: pid)
      let thread = Thread { [self] in
        var watch = Watch(supervisor: self, pid: pid, stdout: stdout, stderr: stderr)
        watch.run()
        continuation.resume(returning: watch.finish())
      }
      thread.name = "child \(pid)"
      thread.start()
    }
  }

  /// What the watching thread owns.
  private struct Watch: ~Copyable {
    let supervisor: ChildSupervisor
    let group: ProcessGroup
    var out: Stream
    var err: Stream
    var bucket: TokenBucket
    var exitedAt: ContinuousClock.Instant?
    var stoppedAt: ContinuousClock.Instant?
    var isKilled = false

    init(supervisor: ChildSupervisor, pid: Int, stdout: Int32, stderr: Int32) {
      self.supervisor = supervisor
      group = ProcessGroup(id: pid)
      out = Stream(stdout, .stdout, limit: supervisor.limit, mask: supervisor.mask)
      err = Stream(stderr, .stderr, limit: supervisor.limit, mask: supervisor.mask)
      bucket = TokenBucket(at: .now)
    }

    mutating func run() {
      while !isOver {
        wait()
        let now = ContinuousClock.now
        out.takeWhatCame(bucket: &bucket, at: now, show: supervisor.show)
        err.takeWhatCame(bucket: &bucket, at: now, show: supervisor.show)
        if exitedAt == nil, supervisor.bell.hasChildExited { exitedAt = now }
        stopIfRequested(now)
      }
    }

    private var isOver: Bool {
      guard let exitedAt else { return false }
      return (out.isClosed && err.isClosed) || ContinuousClock.now >= exitedAt + ChildSupervisor.drain
    }

    private mutating func stopIfRequested(_ now: ContinuousClock.Instant) {
      guard exitedAt == nil, supervisor.isStopRequested.withLock({ $0 }) else { return }
      if let stoppedAt {
        // The grace may have become shorter since: a second signal.
        if !isKilled, now >= stoppedAt + supervisor.stopGrace() {
          group.send(SIGKILL)
          isKilled = true
        }
      } else {
        stoppedAt = now
        group.send(SIGTERM)
        group.send(SIGCONT)
      }
    }

    /// Blocks until there is something to do.
    private mutating func wait() {
      var waiting = [
        pollfd(fd: supervisor.bell.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: out.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: err.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&waiting, nfds_t(waiting.count), timeout)
      if waiting[0].revents != 0 { supervisor.bell.silence() }
      out.isReady = waiting[1].revents != 0
      err.isReady = waiting[2].revents != 0
    }

    /// Milliseconds until the next thing that time brings; -1 when none will.
    private var timeout: Int32 {
      var due = [out.due, err.due].compactMap(\.self)
      if let exitedAt { due.append(exitedAt + ChildSupervisor.drain) }
      if stoppedAt != nil, !isKilled { due.append(.now + .milliseconds(50)) }
      guard let next = due.min() else { return -1 }
      let rest = next - .now
      return rest <= .zero ? 0 : Int32(min(rest / .milliseconds(1), 60_000)) + 1
    }

    consuming func finish() -> Outcome {
      // The leader is not reaped yet, so the group is still its own: whoever is left is asked to go.
      group.send(SIGTERM)
      group.send(SIGCONT)
      let wasHeldOpen = !out.isClosed || !err.isClosed
      out.end(show: supervisor.show)
      err.end(show: supervisor.show)
      return Outcome(
        stdout: out.capture.finish(mask: supervisor.mask), stderr: err.capture.finish(mask: supervisor.mask),
        stoppedAt: stoppedAt, wasHeldOpen: wasHeldOpen)
    }
  }

  /// One of the child's streams, our end.
  private struct Stream: ~Copyable {
    private(set) var descriptor: Int32
    private let name: OutputStream
    private var live: LiveText
    var capture: OutputCapture
    var isReady = false

    init(_ descriptor: Int32, _ name: OutputStream, limit: Int, mask: SecretMask) {
      self.descriptor = descriptor
      self.name = name
      live = LiveText(mask)
      capture = OutputCapture(limit: limit)
      Platform.makeNonblocking(descriptor)
    }

    var isClosed: Bool { descriptor < 0 }
    var due: ContinuousClock.Instant? { live.due }

    mutating func takeWhatCame(
      bucket: inout TokenBucket, at now: ContinuousClock.Instant, show: (String, OutputStream) -> Void
    ) {
      if isReady, !isClosed { readSome(bucket: &bucket, at: now, show: show) }
      if let text = live.flush(at: now) { show(text, name) }
    }

    /// A few reads before the other stream and the clock get their turn.
    private mutating func readSome(
      bucket: inout TokenBucket, at now: ContinuousClock.Instant, show: (String, OutputStream) -> Void
    ) {
      for _ in 0..<4 {
        switch unsafe capture.read(from: descriptor) {
        case .bytes(let bytes):
          let texts = unsafe live.take(bytes, from: &bucket, at: now)
          guard !texts.isEmpty else { continue }
          let start = ContinuousClock.now
          for text in texts { show(text, name) }
          bucket.rest(after: .now - start)
        case .nothingNow: return
        case .end: return closeDescriptor()
        }
      }
    }

    /// Shows what is left and lets go of the pipe.
    mutating func end(show: (String, OutputStream) -> Void) {
      closeDescriptor()
      if let text = live.finish(tail: { capture.tail($0) }) { show(text, name) }
    }

    private mutating func closeDescriptor() {
      guard descriptor >= 0 else { return }
      close(descriptor)
      descriptor = -1
    }
  }
}
