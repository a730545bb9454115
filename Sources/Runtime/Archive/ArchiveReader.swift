import Crypto
import Foundation
import Graph

/// Reads an export, part by part: the format, the checksum, and that each part is one.
struct ArchiveReader {
  let path: String
  private var lines: LineFile
  private var number = 0

  init(_ path: String) throws {
    self.path = path
    lines = try LineFile(path)
  }

  /// Hands over the next thread's parts, each with its line; the name it was exported under, `nil` at the end of the file.
  ///
  /// The checksum is known to be right only when this has returned.
  /// - Throws: ``ArchiveError``, and what `take` throws.
  mutating func thread(_ take: (ThreadPart, Int) throws -> Void) throws -> ThreadID? {
    var hash = SHA256()
    guard let first = try line() else { return nil }
    let name = try begin(first)
    hash.update(data: first + [UInt8(ascii: "\n")])
    let start = number
    while let line = try line() {
      let json = try json(line)
      if let end = json["end"] {
        try check(end, lines: number - start, hash)
        return name
      }
      hash.update(data: line + [UInt8(ascii: "\n")])
      do { try take(ThreadPart(json: json), number) } catch let error as Malformed { throw self.error("\(error)") }
    }
    throw error("the export ends in the middle; make it anew with graphrun export")
  }

  func error(_ message: String, line: Int? = nil) -> ArchiveError {
    ArchiveError(file: path, line: line ?? number, message: message)
  }

  private mutating func line() throws -> Data? {
    number += 1
    do { return try lines.next() } catch let error as Malformed { throw self.error("\(error)") }
  }

  private func json(_ line: Data) throws -> JSON {
    guard let text = String(validating: line, as: UTF8.self) else { throw error("not UTF-8") }
    do throws(JSONTextError) {
      return try JSON(parsing: text, depth: ThreadPart.depth)
    } catch {
      throw self.error("column \(error.column): \(error.message)")
    }
  }

  private func begin(_ line: Data) throws -> ThreadID {
    guard let start = try? json(line)["export"], let version = start["version"]?.intValue else {
      throw error("this is no thread; name a file that graphrun export wrote")
    }
    guard version <= ThreadArchive.version else {
      throw error(
        "written by a newer graphrun (format \(version), this one knows \(ThreadArchive.version)); update graphrun")
    }
    guard version > 0, let name = start["thread"]?.stringValue.flatMap(ThreadID.init(checking:)) else {
      throw error("no thread's name: \(ThreadID.rule)")
    }
    return name
  }

  private func check(_ end: JSON, lines: Int, _ hash: SHA256) throws {
    guard end["lines"]?.intValue == lines, end["checksum"]?.stringValue == hash.finalize().hex else {
      throw error("the checksum is wrong: lines are changed, missing or added; make it anew with graphrun export")
    }
  }
}
