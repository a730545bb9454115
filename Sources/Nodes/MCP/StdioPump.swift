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

/// Moves a server's lines: writes what is queued, cuts what it prints into lines, takes its standard error, sees it exit,
/// and ends it when told to.
///
/// One thread and `poll`, as for any child: a server that floods or does not read blocks nobody else.
final class StdioPump: Sendable {
  /// A longer line ends the server.
  static let longestLine = 16 << 20

  /// What a server has not read yet.
  static let mostQueued = 64 << 20

  /// Between the end of its input and TERM, and between TERM and KILL.
  static let patience: Duration = .seconds(2)
  static let grace: Duration = .seconds(3)

  /// How long the streams are drained after the exit, and how long the end of the output may precede it.
  static let drain: Duration = .seconds(1)

  enum Breach: Sendable {
    case lineTooLong, inputClosed, outputClosed
  }

  /// What the pump tells; called on its thread.
  struct Listener: Sendable {
    var line: @Sendable ([UInt8]) -> Void
    var error: @Sendable (ArraySlice<UInt8>) -> Void

    /// Nothing can be exchanged any more, though the server still runs; it is being ended.
    var breach: @Sendable (Breach) -> Void
  }

  private struct Outgoing {
    /// The request's id; `nil` for what is never taken back.
    var id: Int?
    var bytes: [UInt8]
  }

  private struct Shared {
    var queue: [Outgoing] = []
    var queued = 0
    var isStopRequested = false
  }

  private let shared = Mutex(Shared())
  private let bell: Bell
  private let listener: Listener

  init(_ listener: Listener) throws(SystemFailure) {
    self.listener = listener
    bell = try Bell()
  }

  /// Queues a line; false when the server has left too much unread.
  func send(_ bytes: [UInt8], id: Int?, upTo most: Int = mostQueued) -> Bool {
    let isQueued = shared.withLock { shared in
      guard shared.queued + bytes.count <= most else { return false }
      shared.queue.append(Outgoing(id: id, bytes: bytes))
      shared.queued += bytes.count
      return true
    }
    if isQueued { bell.ring() }
    return isQueued
  }

  /// Takes the request `id` back unless some of it is on its way.
  func takeBack(_ id: Int) {
    shared.withLock { shared in
      guard let index = shared.queue.firstIndex(where: { $0.id == id }) else { return }
      shared.queued -= shared.queue.remove(at: index).bytes.count
    }
  }

  /// Closes its input; TERM, and KILL, if that does not end it in time.
  func stop() {
    shared.withLock { $0.isStopRequested = true }
    bell.ring()
  }

  /// Returns once the child has exited and its output is taken; it is not reaped, so its pid stays its own.
  func run(pid: Int, input: Int32, output: Int32, error: Int32) async {
    await withCheckedContinuation { continuation in
      bell.ringAtExit(of: pid)
      let thread = Thread { [self] in
        var loop = Loop(pump: self, pid: pid, input: input, output: output, error: error)
        loop.run()
        loop.finish()
        continuation.resume()
      }
      thread.name = "server \(pid)"
      thread.start()
    }
  }

  /// What the pumping thread owns.
  private struct Loop: ~Copyable {
    let pump: StdioPump
    let group: ProcessGroup
    var input: Int32
    var output: Int32
    var error: Int32
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var line: [UInt8] = []
    var writing: ArraySlice<UInt8> = []
    var outputEndedAt: ContinuousClock.Instant?
    var exitedAt: ContinuousClock.Instant?
    var ending = Ending()
    var isBroken = false

    init(pump: StdioPump, pid: Int, input: Int32, output: Int32, error: Int32) {
      self.pump = pump
      group = ProcessGroup(id: pid)
      (self.input, self.output, self.error) = (input, output, error)
      for descriptor in [input, output, error] { Platform.makeNonblocking(descriptor) }
      Platform.blockBrokenPipeSignal()
    }

    mutating func run() {
      while !isOver {
        let ready = wait()
        if ready.error { takeError() }
        if ready.output { takeOutput() }
        if ready.input { write() }
        let now = ContinuousClock.now
        if exitedAt == nil, pump.bell.hasChildExited { exitedAt = now }
        if let outputEndedAt, now >= outputEndedAt + StdioPump.drain { breach(.outputClosed) }
        stop(now)
      }
    }

    private var isOver: Bool {
      guard let exitedAt else { return false }
      return (output < 0 && error < 0) || .now >= exitedAt + StdioPump.drain
    }

    mutating func finish() {
      // The leader is not reaped yet, so the group is still its own: whoever is left is asked to go.
      group.send(SIGTERM)
      group.send(SIGCONT)
      for descriptor in [input, output, error] where descriptor >= 0 { close(descriptor) }
    }

    /// Blocks until there is something to do.
    private mutating func wait() -> (input: Bool, output: Bool, error: Bool) {
      if writing.isEmpty, input >= 0 { writing = pump.next() }
      let isWriting = !writing.isEmpty && input >= 0
      var waiting = [
        pollfd(fd: pump.bell.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isWriting ? input : -1, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: error, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&waiting, nfds_t(waiting.count), timeout)
      if waiting[0].revents != 0 { pump.bell.silence() }
      return (waiting[1].revents != 0, waiting[2].revents != 0, waiting[3].revents != 0)
    }

    /// Milliseconds until the next thing that time brings; -1 when none will.
    private var timeout: Int32 {
      var due = [exitedAt, outputEndedAt].compactMap(\.self).map { $0 + StdioPump.drain }
      if exitedAt == nil, let next = ending.next { due.append(next) }
      guard let next = due.min() else { return -1 }
      let rest = next - .now
      return rest <= .zero ? 0 : Int32(min(rest / .milliseconds(1), 60_000)) + 1
    }

    // MARK: Ending

    private mutating func stop(_ now: ContinuousClock.Instant) {
      if !ending.hasBegun, pump.shared.withLock({ $0.isStopRequested }) {
        ending.begin(at: now, patience: StdioPump.patience)
        closeInput()
      }
      guard exitedAt == nil else { return }
      if ending.isDue(now, \.term) {
        group.send(SIGTERM)
        group.send(SIGCONT)
      }
      if ending.isDue(now, \.kill) { group.send(SIGKILL) }
    }

    private mutating func breach(_ breach: Breach) {
      outputEndedAt = nil
      guard !isBroken, exitedAt == nil else { return }
      isBroken = true
      line = []
      if !ending.hasBegun { pump.listener.breach(breach) }
      ending.begin(at: .now, patience: .zero)
      closeInput()
    }

    private mutating func closeInput() {
      guard input >= 0 else { return }
      close(input)
      input = -1
    }

    // MARK: Moving

    private mutating func write() {
      guard input >= 0, !writing.isEmpty else { return }
      switch Platform.writeSome(writing, to: input) {
      case .wrote(let count): writing = writing.dropFirst(count)
      case .nothingNow: break
      case .failed: breach(.inputClosed)
      }
    }

    private mutating func takeError() {
      guard error >= 0, let count = read(error) else { return }
      guard count > 0 else {
        close(error)
        error = -1
        return
      }
      pump.listener.error(buffer[..<count])
    }

    private mutating func takeOutput() {
      guard output >= 0, let count = read(output) else { return }
      guard count > 0 else {
        close(output)
        output = -1
        outputEndedAt = .now
        return
      }
      // What a broken server still says is read, so that it can end, and dropped.
      guard !isBroken else { return }
      var start = 0
      while let end = newline(from: start, to: count) {
        line.append(contentsOf: buffer[start..<end])
        start = end + 1
        let whole = line
        line = []
        pump.listener.line(whole)
      }
      guard line.count + (count - start) <= StdioPump.longestLine else { return breach(.lineTooLong) }
      line.append(contentsOf: buffer[start..<count])
    }

    private func newline(from start: Int, to end: Int) -> Int? {
      unsafe buffer.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        guard let base = rest.baseAddress, let found = unsafe memchr(base, 0x0A, rest.count) else { return nil }
        let offset = unsafe UnsafeRawPointer(found) - base
        return start + offset
      }
    }

    private mutating func read(_ descriptor: Int32) -> Int? {
      unsafe buffer.withUnsafeMutableBytes { unsafe Platform.read(descriptor, into: $0) }
    }
  }

  private func next() -> ArraySlice<UInt8> {
    shared.withLock { shared in
      guard !shared.queue.isEmpty else { return [] }
      let first = shared.queue.removeFirst()
      shared.queued -= first.bytes.count
      return first.bytes[...]
    }
  }

  /// When the signals are due that end a server which does not end by itself.
  private struct Ending {
    var term: ContinuousClock.Instant?
    var kill: ContinuousClock.Instant?
    private(set) var hasBegun = false

    var next: ContinuousClock.Instant? { [term, kill].compactMap(\.self).min() }

    mutating func begin(at now: ContinuousClock.Instant, patience: Duration) {
      guard !hasBegun else { return }
      hasBegun = true
      term = now + patience
      kill = now + patience + StdioPump.grace
    }

    /// Whether `signal` is to be sent now; it is due once.
    mutating func isDue(
      _ now: ContinuousClock.Instant, _ signal: WritableKeyPath<Ending, ContinuousClock.Instant?>
    ) -> Bool {
      guard let due = self[keyPath: signal], now >= due else { return false }
      self[keyPath: signal] = nil
      return true
    }
  }
}
