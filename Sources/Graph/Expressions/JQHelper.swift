#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A running helper process and the socket to it. Dropping it kills the process.
struct JQHelper: ~Copyable {
  enum Failure: Error {
    /// It gave no answer in time.
    case late
    /// It died.
    case dead
    /// It cannot be had at all.
    case absent(String)
  }

  private let descriptor: Int32
  private let process: pid_t

  init() throws(Failure) {
    let path = try JQExecutable.path()
    (descriptor, process) = try Self.spawn(path)
  }

  deinit {
    close(descriptor)
    kill(process, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
  }

  /// Whether it still runs, so that a later death is the fault of what was asked.
  var isAlive: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, 0) == 0
  }

  /// Sends `request` and waits for the answer.
  func ask(_ request: JQFrame, within allowance: Duration) throws(Failure) -> JQFrame {
    let deadline = ContinuousClock.now + allowance
    try send(request.encoded, until: deadline)
    let (count, kind, number) = JQFrame.header(try receive(JQFrame.headerBytes, until: deadline))
    guard count <= 2 * JQFrame.maxBytes, number == request.number else { throw .dead }
    return JQFrame(kind: kind, number: number, body: try receive(count, until: deadline))
  }

  private func send(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      #if canImport(Darwin)
        let flags = MSG_DONTWAIT
      #else
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
      #endif
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Self.send(descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, flags)
      }
      if count > 0 {
        sent += count
      } else {
        try wait(for: POLLOUT, errno, until: deadline)
      }
    }
  }

  private func receive(_ count: Int, until deadline: ContinuousClock.Instant) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe recv(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, Self.dontWait)
      }
      if got > 0 {
        filled += got
      } else if got == 0 {
        throw .dead
      } else {
        try wait(for: POLLIN, errno, until: deadline)
      }
    }
    return bytes
  }

  /// Waits until the socket is ready, after a call that failed with `code`.
  private func wait(for event: Int32, _ code: Int32, until deadline: ContinuousClock.Instant) throws(Failure) {
    guard code == EAGAIN || code == EWOULDBLOCK || code == EINTR else { throw .dead }
    let left = deadline - ContinuousClock.now
    guard left > .zero else { throw .late }
    var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
    unsafe poll(&entry, 1, Int32(clamping: milliseconds))
  }
}

extension JQHelper {
  private static let dontWait = Int32(MSG_DONTWAIT)

  private static func send(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    #if canImport(Darwin)
      unsafe Darwin.send(socket, bytes, count, flags)
    #elseif canImport(Musl)
      unsafe Musl.send(socket, bytes, count, flags)
    #else
      unsafe Glibc.send(socket, bytes, count, flags)
    #endif
  }

  /// A socket pair: writing to a dead helper must not raise SIGPIPE in whatever program this is.
  private static func sockets() throws(Failure) -> (ours: Int32, theirs: Int32) {
    var pair: [Int32] = [-1, -1]
    #if canImport(Darwin)
      let type = SOCK_STREAM
    #else
      let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    #endif
    guard unsafe socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw .absent("socketpair: \(problem(errno))") }
    #if canImport(Darwin)
      var yes: Int32 = 1
      for descriptor in pair {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
      }
    #endif
    return (pair[0], pair[1])
  }

  private static func spawn(_ path: String) throws(Failure) -> (Int32, pid_t) {
    let (ours, theirs) = try sockets()
    defer { close(theirs) }
    var process: pid_t = 0
    let code = spawn(path, standardInput: theirs, &process)
    guard code == 0 else {
      close(ours)
      throw .absent("\(path): \(problem(code))")
    }
    return (ours, process)
  }

  /// Own process group, so that a Ctrl-C meant for the runner passes it by; no environment; no open files.
  private static func spawn(_ path: String, standardInput: Int32, _ process: inout pid_t) -> Int32 {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = unsafe posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let name = unsafe strdup("graphrun")
    let argument = unsafe strdup(JQ.helperArgument)
    defer {
      unsafe free(name)
      unsafe free(argument)
    }
    var arguments = unsafe [name, argument, nil]
    var environment: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
    return unsafe posix_spawn(&process, path, &actions, &attributes, &arguments, &environment)
  }

  private static func problem(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
  }
}
