#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A graph file that could not be read at all.
public enum GraphFileError: Error, Sendable, Hashable, CustomStringConvertible {
  case missing(path: String)
  case noFile(path: String)
  case outside(path: String)
  case unreadable(path: String, reason: String)

  public var description: String {
    switch self {
    case .missing(let path): "\(path): there is no such file"
    case .noFile(let path): "\(path): not a regular file"
    case .outside(let path): "\(path): leads out of the folder it must lie below"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    }
  }
}

enum GraphFile {
  /// The bytes of the file, at most one more than a graph may have.
  static func bytes(of path: String) throws(GraphFileError) -> [UInt8] {
    // Opening a pipe must not wait for somebody who writes to it.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR ? .missing(path: path) : unreadable(path)
    }
    defer { close(descriptor) }
    return try bytes(from: descriptor, path)
  }

  /// The same of an open file; it stays open.
  static func bytes(from descriptor: Int32, _ path: String) throws(GraphFileError) -> [UInt8] {
    var info = stat()
    guard unsafe fstat(descriptor, &info) == 0 else { throw unreadable(path) }
    guard info.st_mode & S_IFMT == S_IFREG else { throw .noFile(path: path) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(64 << 10, YAMLReader.limitBytes + 1))
    while bytes.count <= YAMLReader.limitBytes {
      let room = min(YAMLReader.limitBytes + 1 - bytes.count, chunk.count)
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, room) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Takes `errno`: to be made right after the call.
  static func unreadable(_ path: String) -> GraphFileError {
    .unreadable(path: path, reason: unsafe String(cString: strerror(errno)))
  }

  /// What keeps `bytes` from being UTF-8 text, with its place.
  static func encodingProblem(in bytes: [UInt8]) -> Problem? {
    let start = SourcePosition(line: 1, column: 1)
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return Problem(at: start, "the file is UTF-16 or UTF-32", hint: "save it as UTF-8")
    }
    if bytes.count > YAMLReader.limitBytes {
      return Problem(at: start, "the file is over \(YAMLReader.limitBytes) bytes, the most a graph may have")
    }
    guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
    return Problem(at: invalid(bytes), "not UTF-8 from here on", hint: "save it as UTF-8")
  }

  /// The place of the first byte that is not UTF-8.
  private static func invalid(_ bytes: [UInt8]) -> SourcePosition {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var (line, column) = (1, 1)
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
    return SourcePosition(line: line, column: column)
  }
}
