#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where a background service's output goes: a file only its user can read, as nobody is there to take it.
public struct ServiceLog: Sendable {
  public let path: String
  private let folder: String

  /// The log of the service that the task with `key` started.
  public init(key: String) {
    let isPlain = key.unicodeScalars.allSatisfy { ("0"..."9").contains($0) || ("a"..."z").contains($0) }
    precondition(isPlain && !key.isEmpty, "a task's key is lower-case letters and digits")
    folder = "\(Self.temporaryFolder)/graphrun-\(geteuid())"
    path = "\(folder)/\(key).log"
  }

  /// Opens it empty, for a child to write to; `nil` when its folder is not ours alone.
  package func create() -> Int32? {
    _ = unsafe mkdir(folder, 0o700)
    var facts = stat()
    guard unsafe lstat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(),
      facts.st_mode & 0o077 == 0
    else { return nil }
    _ = unsafe unlink(path)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC
    let descriptor = unsafe open(path, flags, 0o600)
    return descriptor >= 0 ? descriptor : nil
  }

  /// Its last bytes.
  package func tail(_ limit: Int = 4096) -> [UInt8] {
    read(from: max(0, size - limit), limit: limit)
  }

  package var size: Int {
    var facts = stat()
    return unsafe lstat(path, &facts) == 0 ? Int(facts.st_size) : 0
  }

  package func read(from offset: Int, limit: Int) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = unsafe pread(descriptor, &bytes, limit, off_t(offset))
    return Array(bytes.prefix(max(0, count)))
  }

  /// Removes it, once the service has ended.
  public func remove() {
    _ = unsafe unlink(path)
  }

  private static var temporaryFolder: String {
    guard let folder = unsafe getenv("TMPDIR"), let text = unsafe String(validatingCString: folder), text.hasPrefix("/")
    else { return "/tmp" }
    return text
  }
}
