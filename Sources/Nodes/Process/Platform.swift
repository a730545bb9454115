#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The system calls that child processes need, spelled alike everywhere.
enum Platform {
  /// A pipe whose ends no child inherits; with room for a burst where the system allows.
  static func pipe() throws(SystemFailure) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      guard unsafe Darwin.pipe(&ends) == 0 else { throw SystemFailure("pipe") }
    #elseif canImport(Glibc)
      guard unsafe Glibc.pipe(&ends) == 0 else { throw SystemFailure("pipe") }
    #else
      guard unsafe Musl.pipe(&ends) == 0 else { throw SystemFailure("pipe") }
    #endif
    // Not atomic; but children close what they are not given anyway.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #if os(Linux)
      let setPipeSize: Int32 = 1031
      _ = fcntl(ends[1], setPipeSize, Int32(1 << 20))
    #endif
    return (ends[0], ends[1])
  }

  static func makeNonblocking(_ descriptor: Int32) {
    let flags = fcntl(descriptor, F_GETFL)
    _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
  }

  static func close(_ descriptor: Int32) {
    #if canImport(Darwin)
      _ = Darwin.close(descriptor)
    #elseif canImport(Glibc)
      _ = Glibc.close(descriptor)
    #else
      _ = Musl.close(descriptor)
    #endif
  }

  static func openNull() throws(SystemFailure) -> Int32 {
    let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFailure("open /dev/null") }
    return descriptor
  }

  /// A file without a name that holds `bytes` and is read from its beginning: input that nobody has to feed.
  static func anonymousFile(holding bytes: [UInt8]) throws(SystemFailure) -> Int32 {
    var name = Array((temporaryFolder + "/graphrun.XXXXXXXX").utf8CString)
    let descriptor = unsafe mkstemp(&name)
    guard descriptor >= 0 else { throw SystemFailure("mkstemp") }
    _ = unsafe unlink(name)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    do throws(SystemFailure) {
      try write(bytes, to: descriptor)
      guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw SystemFailure("lseek") }
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = writeOnce(rest, to: descriptor)
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemFailure("write")
      }
      rest = rest.dropFirst(count)
    }
  }

  enum Writing {
    case wrote(Int)
    case nothingNow
    case failed
  }

  /// Writes what there is room for, to a descriptor that does not block.
  static func writeSome(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Writing {
    while true {
      let count = writeOnce(bytes, to: descriptor)
      if count >= 0 { return .wrote(count) }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .nothingNow : .failed
    }
  }

  /// One call of `write`: the bytes written, or -1 with `errno` set.
  private static func writeOnce(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
    unsafe bytes.withUnsafeBytes { bytes in
      #if canImport(Darwin)
        unsafe Darwin.write(descriptor, bytes.baseAddress, bytes.count)
      #elseif canImport(Glibc)
        unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
      #else
        unsafe Musl.write(descriptor, bytes.baseAddress, bytes.count)
      #endif
    }
  }

  /// Writing to a pipe that nobody reads is then an error for this thread and no signal, whatever the program does.
  static func blockBrokenPipeSignal() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Bytes read, 0 at the end, `nil` when there is nothing now.
  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    while true {
      #if canImport(Darwin)
        let count = unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
      #elseif canImport(Glibc)
        let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        let count = unsafe Musl.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 { return count }
      if errno == EINTR { continue }
      return errno == EAGAIN ? nil : 0
    }
  }

  /// Where short-lived files go: `TMPDIR`, else `/tmp`.
  static var temporaryFolder: String {
    guard let folder = unsafe getenv("TMPDIR"), let text = unsafe String(validatingCString: folder), text.hasPrefix("/")
    else { return "/tmp" }
    return text
  }

  /// "SIGSEGV" for 11; "signal 42" for one without a name.
  static func signalName(_ number: Int) -> String {
    names[Int32(number)] ?? "signal \(number)"
  }

  private static let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
    SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
    SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU",
    SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
  ]
}

/// A system call that failed.
struct SystemFailure: Error, CustomStringConvertible {
  var call: String
  var code: Int32

  init(_ call: String) {
    self.call = call
    self.code = errno
  }

  var description: String { "\(call): \(unsafe String(cString: strerror(code)))" }
}
