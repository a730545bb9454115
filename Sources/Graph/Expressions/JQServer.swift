#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The helper's side: reads frames from standard input, a socket, and answers them there.
///
/// It may run out of memory, overflow its stack or be killed at any time: the runner starts another
/// (docs/decisions/0001).
struct JQServer: ~Copyable {
  private var programs: [UInt32: Program] = [:]

  private final class Program {
    let compiled: JQCompiled
    init(_ text: [UInt8]) throws(JQCompiledError) { compiled = try JQCompiled(text) }
  }

  static func serve() -> Int32 {
    guard isSocket(0) else { return 64 }
    confine()
    var server = JQServer()
    while let request = read() {
      // Ends us even when nobody is left to do it; the runner's own patience is shorter.
      alarm(request.kind == JQFrame.Request.compile.rawValue ? 15 : 5)
      let reply = server.reply(to: request)
      alarm(0)
      guard write(reply.encoded) else { break }
    }
    return 0
  }

  private mutating func reply(to request: JQFrame) -> JQFrame {
    do throws(JQCompiledError) {
      return frame(.done, request, try answer(request))
    } catch {
      switch error {
      case .failed(let message): return frame(.failed, request, Array(message.utf8))
      case .tooLarge: return frame(.tooLarge, request, [])
      }
    }
  }

  private func frame(_ kind: JQFrame.Reply, _ request: JQFrame, _ body: [UInt8]) -> JQFrame {
    JQFrame(kind: kind.rawValue, number: request.number, body: body)
  }

  private mutating func answer(_ request: JQFrame) throws(JQCompiledError) -> [UInt8] {
    switch JQFrame.Request(rawValue: request.kind) {
    case .compile: programs[request.number] = try Program(request.body)
    case .forget: programs[request.number] = nil
    case .evaluate: return try evaluate(request)
    case nil: throw .failed("unknown request")
    }
    return []
  }

  private func evaluate(_ request: JQFrame) throws(JQCompiledError) -> [UInt8] {
    guard let program = programs[request.number] else { throw .failed("unknown program") }
    let input = JQValue(parsing: request.body)
    guard input.isValid else { throw .failed("input: \(input.message ?? "not JSON")") }
    return try program.compiled.run(on: input)
  }
}

extension JQServer {
  static let memoryBytes = 512 << 20

  /// Bounds memory, leaves no core and no trace of what was in it, and holds on to nothing of the runner's.
  private static func confine() {
    for descriptor: Int32 in 3..<1024 { close(descriptor) }
    unsafe _ = chdir("/")
    var memory = rlimit(rlim_cur: rlim_t(memoryBytes), rlim_max: rlim_t(memoryBytes))
    var core = rlimit(rlim_cur: 0, rlim_max: 0)
    #if canImport(Glibc)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
    #else
      unsafe setrlimit(RLIMIT_AS, &memory)
      unsafe setrlimit(RLIMIT_CORE, &core)
    #endif
    // Death, not Swift's crash report.
    for number in [SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM, SIGPIPE] { signal(number, SIG_DFL) }
  }

  private static func isSocket(_ descriptor: Int32) -> Bool {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return false }
    return status.st_mode & S_IFMT == S_IFSOCK
  }

  /// The next request; `nil` once the runner is gone.
  private static func read() -> JQFrame? {
    guard let header = read(JQFrame.headerBytes) else { return nil }
    let (count, kind, number) = JQFrame.header(header)
    guard count <= JQFrame.maxBytes, let body = read(count) else { return nil }
    return JQFrame(kind: kind, number: number, body: body)
  }

  private static func read(_ count: Int) -> [UInt8]? {
    var filled = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while filled < count {
        let got = unsafe recv(0, buffer.baseAddress?.advanced(by: filled), count - filled, 0)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { break }
        filled += got
      }
      initialized = filled
    }
    return filled == count ? bytes : nil
  }

  private static func write(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let count = unsafe send(0, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, 0)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        sent += count
      }
      return true
    }
  }
}
