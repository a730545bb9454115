import Foundation
import Graph

/// A file that a person names for its contents: a pipe or standard input (`-`) as well as a file on disk.
enum InputFile {
  /// What a state may weigh; more could not be kept.
  private static let limitBytes = 64 << 20

  /// - Throws: ``UsageError`` when it cannot be read, or is larger than a state may be.
  static func contents(of path: String) throws -> Data {
    let file = path == "-" ? .standardInput : FileHandle(forReadingAtPath: path)
    var isFolder: ObjCBool = false
    if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw UsageError("\(path): a folder; name a file")
    }
    guard let file, let data = try? file.read(upToCount: limitBytes + 1) ?? Data() else {
      throw UsageError("\(path): cannot be read; name a file that is there and that you may read")
    }
    guard data.count <= limitBytes else { throw UsageError("\(path): larger than 64 MiB, which no state may be") }
    return data
  }
}
