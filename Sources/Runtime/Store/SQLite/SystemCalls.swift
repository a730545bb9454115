import CSQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What `lstat` says about a path.
struct FileInfo {
  enum Kind { case file, folder, symlink, other }

  var kind: Kind
  var permissions: mode_t
  var owner: uid_t
  var links: Int
  var size: Int
  var inode: UInt64

  /// `nil` when there is nothing at `path`.
  static func of(_ path: String, followingLinks: Bool = false) throws(SystemError) -> FileInfo? {
    var info = stat()
    let result = followingLinks ? unsafe stat(path, &info) : unsafe lstat(path, &info)
    if result == 0 { return FileInfo(info) }
    if errno == ENOENT { return nil }
    throw SystemError("look at \(path)")
  }

  init(_ info: stat) {
    kind =
      switch info.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .symlink
      default: .other
      }
    permissions = info.st_mode & 0o7777
    owner = info.st_uid
    links = Int(info.st_nlink)
    size = Int(info.st_size)
    inode = UInt64(info.st_ino)
  }
}

/// A system call that failed.
struct SystemError: Error, CustomStringConvertible {
  let code: Int32
  let description: String

  /// Takes `errno`: to be made right after the call.
  init(_ attempt: String) {
    code = errno
    description = unsafe "cannot \(attempt): \(String(cString: strerror(code))); \(Self.remedy(for: code))"
  }

  private static func remedy(for code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "make room, then try again"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n), then try again"
    case EACCES, EPERM, EROFS:
      "look at its permissions and how its disk is mounted, or name another folder with --state"
    default: "look at the disk, then try again, or name another folder with --state"
    }
  }
}

/// An open file that others can be kept out of with `flock`; the kernel gives the lock back when the process ends.
///
/// Never the database file itself: closing any descriptor of that drops SQLite's locks on it.
final class LockFile: Sendable {
  enum Sharing { case shared, exclusive }

  let path: String
  private let descriptor: Int32

  /// - Returns: `nil` when there is no such file and none is to be made.
  init?(at path: String, create: Bool) throws(SystemError) {
    self.path = path
    let flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_RDWR | O_CREAT : O_RDONLY)
    descriptor = unsafe open(path, flags, 0o600)
    if descriptor < 0 {
      if errno == ENOENT, !create { return nil }
      throw SystemError("open \(path)")
    }
  }

  deinit { close(descriptor) }

  /// Whether the lock could be had at once.
  func tryLock(_ sharing: Sharing) throws(SystemError) -> Bool {
    while true {
      if flock(descriptor, (sharing == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 { return true }
      if errno == EWOULDBLOCK { return false }
      if errno != EINTR { throw SystemError("lock \(path)") }
    }
  }

  func unlock() {
    _ = flock(descriptor, LOCK_UN)
  }
}

/// Tries again after a random wait, longer each time, until `patience` is over.
struct Patience {
  private let deadline: ContinuousClock.Instant
  private var longestWait = 1_000

  init(_ patience: Duration) { deadline = .now + patience }

  /// Waits; `false` when the time is over. Blocks: for use on a queue's thread only.
  mutating func wait() -> Bool {
    guard ContinuousClock.now < deadline else { return false }
    usleep(UInt32.random(in: 200...UInt32(longestWait)))
    longestWait = min(longestWait * 2, 50_000)
    return true
  }
}

/// Processes that hold a lock on a file, as far as the system tells; for messages only.
func lockHolders(of path: String) -> [Int] {
  guard let inode = (try? FileInfo.of(path))?.inode, let file = unsafe fopen("/proc/locks", "re") else { return [] }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  var holders: Set<Int> = []
  while unsafe fgets(&line, Int32(line.count), file) != nil {
    // "3: FLOCK  ADVISORY  WRITE 4242 08:01:131 0 EOF"
    let words = line.prefix { $0 != 0 }.split(separator: 32).map {
      String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    guard words.count > 5, words[3] == "WRITE", let pid = Int(words[4]) else { continue }
    if words[5].split(separator: ":").last == Substring(String(inode)) { holders.insert(pid) }
  }
  return holders.sorted()
}
