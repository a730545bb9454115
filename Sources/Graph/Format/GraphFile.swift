import Foundation

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
  static func bytes(of url: URL) throws(GraphFileError) -> Data {
    let path = url.resolvingSymlinksInPath().path
    guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: url.path) }
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      guard attributes[.type] as? FileAttributeType == .typeRegular else { throw GraphFileError.noFile(path: url.path) }
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      return try handle.read(upToCount: YAMLReader.limitBytes + 1) ?? Data()
    } catch let error as GraphFileError {
      throw error
    } catch {
      throw .unreadable(path: url.path, reason: error.localizedDescription)
    }
  }

  /// What keeps `bytes` from being UTF-8 text, with its place.
  static func encodingProblem(in bytes: Data) -> Problem? {
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
  private static func invalid(_ bytes: Data) -> SourcePosition {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var (line, column) = (1, 1)
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
    return SourcePosition(line: line, column: column)
  }
}
