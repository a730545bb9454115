import CSQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The folder of a store, found to be ours and on a file system that keeps SQLite's promises.
struct StateFolder: Sendable {
  let path: String

  /// What was put right on the way, to be told to the user.
  let warnings: [String]

  var database: String { "\(path)/graphrun.sqlite" }
  var wal: String { "\(database)-wal" }
  var shm: String { "\(database)-shm" }

  /// Held around every write transaction and checkpoint.
  var storeLock: String { "\(path)/store.lock" }

  /// Held shared by every process that writes, so that the last one knows it is the last.
  var openLock: String { "\(path)/open.lock" }

  /// 1 MiB that is given up to store how a run ended when the disk is full.
  var reserve: String { "\(path)/reserve" }
  var locks: String { "\(path)/locks" }

  /// Held by the process that has `thread`. The name is safe: a thread's name has no `/` and starts with no `.`.
  func threadLock(_ thread: ThreadID) -> String { "\(locks)/\(thread.rawValue)" }

  /// - Parameter create: whether a missing folder is made, with only its owner let in.
  init(_ path: String, create: Bool) throws(StoreError) {
    self.path = path
    warnings = try StoreError.unusable {
      var warnings: [String] = []
      if create { try Self.make(path) }
      try Self.check(path, tighten: create, &warnings)
      if create { try Self.makeFolder("\(path)/locks", 0o700) }
      try Self.checkLocks("\(path)/locks")
      for file in [
        "graphrun.sqlite", "graphrun.sqlite-wal", "graphrun.sqlite-shm", "store.lock", "open.lock", "reserve",
      ] {
        try Self.checkFile("\(path)/\(file)", tighten: create, &warnings)
      }
      return warnings
    }
  }

  /// Makes the names in the folder last.
  func syncContents() throws(SystemError) { try Self.sync(path) }

  /// Makes the folder's own name last, and those above it: a store is as durable as the folder it is in.
  func syncName() throws(SystemError) {
    var place =
      unsafe realpath(path, nil).map { resolved in
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
      } ?? path
    while let end = place.lastIndex(of: "/") {
      place = String(place[..<end])
      try Self.sync(place.isEmpty ? "/" : place)
    }
  }

  private static func sync(_ place: String) throws(SystemError) {
    let descriptor = unsafe open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }  // not ours to read, so nothing in it is ours
    defer { close(descriptor) }
    if fsync(descriptor) != 0, errno != EINVAL { throw SystemError("write \(place) to the disk") }
  }

  /// Puts the reserve back. A disk too full for it is no reason to refuse work.
  func fillReserve() {
    let size = 1 << 20
    if let info = try? FileInfo.of(reserve), info.size == size { return }
    let descriptor = unsafe open(reserve, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    #if canImport(Darwin)
      let done = [UInt8](repeating: 0, count: size).withUnsafeBytes {
        unsafe pwrite(descriptor, $0.baseAddress, size, 0)
      }
      if done != size { ftruncate(descriptor, 0) }
    #else
      if posix_fallocate(descriptor, 0, off_t(size)) != 0 { ftruncate(descriptor, 0) }
    #endif
  }

  func releaseReserve() {
    _ = unsafe truncate(reserve, 0)
  }
}

extension StateFolder {
  /// Whether `path` is a folder; `false` where nothing is there.
  ///
  /// - Throws: where something else is: also a link that leads nowhere, as the disk it leads to may not be mounted.
  static func isThere(_ path: String) throws -> Bool {
    if let info = try FileInfo.of(path, followingLinks: true) {
      guard info.kind == .folder else { throw StoreError.unusable("\(path) is no folder; name another with --state") }
      return true
    }
    guard try FileInfo.of(path) == nil else {
      throw StoreError.unusable(
        "\(path) is a link to what is not there; make or mount that, or name another folder with --state")
    }
    return false
  }

  private static func make(_ path: String) throws {
    guard try !isThere(path) else { return }
    if let end = path.dropLast().lastIndex(of: "/"), end > path.startIndex {
      try makeParents(String(path[..<end]))
    }
    try makeFolder(path, 0o700)
  }

  private static func makeParents(_ path: String) throws {
    guard try !isThere(path) else { return }
    if let end = path.dropLast().lastIndex(of: "/"), end > path.startIndex {
      try makeParents(String(path[..<end]))
    }
    try makeFolder(path, 0o777)
  }

  private static func makeFolder(_ path: String, _ mode: mode_t) throws(SystemError) {
    if unsafe mkdir(path, mode) != 0, errno != EEXIST { throw SystemError("make the folder \(path)") }
  }

  private static func check(_ path: String, tighten: Bool, _ warnings: inout [String]) throws {
    guard let info = try FileInfo.of(path, followingLinks: true) else {
      throw StoreError.unusable("there is no store in \(path) yet; graphrun run makes one")
    }
    guard info.kind == .folder else {
      throw StoreError.unusable("\(path) is no folder; name another with --state")
    }
    try checkOwner(path, info)
    try checkFileSystem(path)
    if info.permissions & 0o077 != 0, tighten {
      if unsafe chmod(path, info.permissions & 0o700) != 0 { throw SystemError("keep others out of \(path)") }
      if info.permissions & 0o022 != 0 {
        warnings.append("others could write to \(path); now only its owner can")
      }
    }
  }

  private static func checkLocks(_ path: String) throws {
    guard let info = try FileInfo.of(path) else { return }
    guard info.kind == .folder else {
      throw StoreError.unusable(
        "\(path) is no folder of its own; find out who put it there, then remove it or name another --state")
    }
    try checkOwner(path, info)
  }

  private static func checkFile(_ path: String, tighten: Bool, _ warnings: inout [String]) throws {
    guard let info = try FileInfo.of(path) else { return }
    guard info.kind == .file, info.links == 1 else {
      let what = info.kind == .file ? "has a second name (a hard link)" : "is no ordinary file"
      throw StoreError.unusable("\(path) \(what); find out who put it there, then remove it or name another --state")
    }
    try checkOwner(path, info)
    if info.permissions & 0o077 != 0, tighten {
      if unsafe chmod(path, 0o600) != 0 { throw SystemError("keep others out of \(path)") }
      warnings.append(
        "others could \(info.permissions & 0o022 != 0 ? "write" : "read") \(path); now only its owner can")
    }
  }

  private static func checkOwner(_ path: String, _ info: FileInfo) throws(StoreError) {
    guard info.owner == geteuid() else {
      throw StoreError.unusable(
        "\(path) belongs to user \(info.owner), this process is user \(geteuid()); run as its owner, or name another --state"
      )
    }
  }

  /// File systems on which write-ahead logging fails or corrupts: locks or shared memory do not reach every writer.
  private static let unsafeFileSystems: [Int: String] = [
    -2: "a network file system", 0x6969: "NFS", 0x517B: "SMB", 0xFE53_4D42: "SMB", 0xFF53_4D42: "CIFS",
    0x0102_1997: "9p (a folder passed through from the host)", 0x6573_5546: "FUSE", 0x786F_4256: "a VirtualBox folder",
    0x7C7C_6673: "a Parallels folder", 0x00C3_6400: "Ceph", 0x5346_414F: "AFS", 0x6B41_4653: "AFS",
    0x0BD0_0BD0: "Lustre",
    0x7375_7245: "Coda", 0x564C: "NCP",
  ]

  static func checkFileSystem(_ path: String) throws {
    let magic = unsafe graphrun_file_system(path)
    if let name = unsafeFileSystem(magic) {
      throw StoreError.unusable(
        "\(path) is on \(name), where SQLite's write-ahead log is not safe; name a folder on a local disk with --state")
    }
    if magic == -1 { throw SystemError("look at the file system of \(path)") }
  }

  static func unsafeFileSystem(_ magic: Int) -> String? { unsafeFileSystems[magic] }
}

extension StoreError {
  /// Runs `body`; a system call that fails makes the store unusable.
  static func unusable<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
    do {
      return try body()
    } catch let error as StoreError {
      throw error
    } catch {
      throw .unusable("\(error)")
    }
  }
}
