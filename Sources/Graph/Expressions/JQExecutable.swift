#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Finds the `graphrun` executable, whose other self the helper is.
enum JQExecutable {
  static func path() throws(JQHelper.Failure) -> String {
    let own = ownPath()
    if let own, own.hasSuffix("/\(name)") || own.hasSuffix("/\(name) (deleted)") { return selfPath(own) }
    let beside = ([own].compactMap(\.self) + CommandLine.arguments.filter { $0.contains("/") }).flatMap(folders)
    let search = (environment("PATH") ?? "").split(separator: ":").map(String.init)
    for folder in beside + search where isExecutable("\(folder)/\(name)") { return "\(folder)/\(name)" }
    throw .absent("no graphrun executable beside \(own ?? "this program") or on PATH, which expressions need")
  }

  private static let name = "graphrun"

  /// The folders around a program or a test bundle (`X.xctest/Contents/MacOS/X`), nearest first.
  private static func folders(around path: String) -> [String] {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return (1...4).filter { $0 < parts.count }.map { parts.dropLast($0).joined(separator: "/") }
  }

  private static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return unsafe access(path, X_OK) == 0
  }

  private static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  #if canImport(Darwin)
    private static func selfPath(_ path: String) -> String { path }

    private static func ownPath() -> String? {
      var size: UInt32 = 4096
      var buffer = [CChar](repeating: 0, count: Int(size))
      guard unsafe _NSGetExecutablePath(&buffer, &size) == 0, let real = unsafe realpath(buffer, nil) else {
        return nil
      }
      defer { unsafe free(real) }
      return unsafe String(cString: real)
    }
  #else
    /// Still right after the file was replaced.
    private static func selfPath(_: String) -> String { "/proc/self/exe" }

    private static func ownPath() -> String? {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        guard let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return 0 }
        return unsafe readlink("/proc/self/exe", start, bytes.count)
      }
      guard count > 0 else { return nil }
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  #endif
}
