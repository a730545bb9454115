import Crypto
import Foundation
import Graph
import Synchronization

/// Threads as text: JSON lines with a format version and a checksum, to be kept, moved and read by others.
public enum ThreadArchive {
  /// The newest format; older ones are read for ever.
  public static let version = 1

  /// Writes `thread` as it is at one moment, also while it runs.
  ///
  /// - Parameter write: takes the text, some lines at a time.
  /// - Throws: ``RunRefusal`` for an unknown thread, what `write` throws, and ``StoreError``.
  public static func write(
    _ thread: ThreadID, of store: any Checkpointer, to write: @escaping @Sendable ([UInt8]) throws -> Void
  ) async throws {
    guard try await store.thread(thread) != nil else { throw RunRefusal.unknownThread(thread) }
    let writer = Mutex(ArchiveWriter(write))
    try writer.withLock { try $0.line(["export": ["version": .int(version), "thread": thread.json]]) }
    try await store.parts(of: thread) { part in
      if !part.isLocal { try writer.withLock { try $0.line(part.json) } }
    }
    try writer.withLock { try $0.end() }
  }
}

extension ThreadPart {
  /// True only in the store it is in; never taken from a file.
  var isLocal: Bool {
    if case .note(let note) = self { note.isLocal } else { false }
  }
}

extension NoteRecord {
  /// The key of notes on what holds in this store only: that the thread came from a file, what a person agreed to.
  static let localKey = "here"
  static let importName = "import"

  /// The thread came from a file, under `name`.
  static func imported(_ name: ThreadID) -> NoteRecord {
    NoteRecord(key: localKey, name: importName, value: ["thread": name.json])
  }

  var isLocal: Bool { key == Self.localKey }
}

/// Lines and, at the end, their number and their checksum.
private struct ArchiveWriter {
  private let write: @Sendable ([UInt8]) throws -> Void
  private var hash = SHA256()
  private var lines = 0

  init(_ write: @escaping @Sendable ([UInt8]) throws -> Void) { self.write = write }

  mutating func line(_ json: JSON) throws {
    let bytes = json.utf8 + [UInt8(ascii: "\n")]
    hash.update(data: bytes)
    lines += 1
    try write(bytes)
  }

  func end() throws {
    let end: JSON = ["end": ["lines": .int(lines), "checksum": .string(hash.finalize().hex)]]
    try write(end.utf8 + [UInt8(ascii: "\n")])
  }
}

/// What is wrong with an export, and where.
public struct ArchiveError: Error, Sendable, Hashable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var message: String

  public var description: String { line > 0 ? "\(file):\(line): \(message)" : "\(file) \(message)" }
}

/// The lines of a file, one at a time.
struct LineFile {
  private let file: FileHandle
  private var buffer = Data()
  private var isAtEnd = false

  /// More than the heaviest checkpoint with its changes takes.
  static let longest = 256 << 20

  init(_ path: String) throws {
    var info = stat()
    guard unsafe stat(path, &info) == 0, let file = FileHandle(forReadingAtPath: path) else {
      throw ArchiveError(file: path, line: 0, message: "cannot be read; name a file that graphrun export wrote")
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw ArchiveError(file: path, line: 0, message: "is no ordinary file; write the export to one first")
    }
    self.file = file
  }

  /// `nil` at the end.
  ///
  /// - Throws: ``Malformed`` for a line that is too long.
  mutating func next() throws -> Data? {
    var searched = buffer.startIndex
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[buffer.startIndex..<end]
        buffer = buffer[buffer.index(after: end)...]
        return line
      }
      guard buffer.count <= Self.longest else { throw Malformed("the line is too long") }
      searched = buffer.endIndex
      if isAtEnd { return take() }
      let more = try file.read(upToCount: 1 << 20) ?? Data()
      isAtEnd = more.isEmpty
      let offset = buffer.distance(from: buffer.startIndex, to: searched)
      buffer = Data(buffer) + more
      searched = buffer.index(buffer.startIndex, offsetBy: offset)
    }
  }

  private mutating func take() -> Data? {
    guard !buffer.isEmpty else { return nil }
    defer { buffer = Data() }
    return buffer
  }
}
