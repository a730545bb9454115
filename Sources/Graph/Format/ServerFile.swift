import Foundation
public import OrderedCollections

/// A file in which MCP clients keep their servers: `mcpServers` (or `servers`) by name, JSON with comments.
public struct ServerFile: Sendable, Hashable {
  public var path: String

  /// What each entry says, variables in it not yet expanded.
  public var servers: OrderedDictionary<String, JSON>

  /// What such a file is called beside a graph, in the order they are looked for.
  public static let names = ["mcp.json", ".mcp.json"]

  private static let limitBytes = 1 << 20

  public init(path: String, servers: OrderedDictionary<String, JSON>) {
    self.path = path
    self.servers = servers
  }

  /// Reads the file at `path`.
  public init(contentsOf path: String) throws(ServerFileError) {
    let bytes = try Self.bytes(of: path)
    let document: JSON
    do {
      document = try JSON(parsing: JSONComments.blanked(bytes))
    } catch {
      throw ServerFileError(path: path, reason: "\(error)")
    }
    guard let entries = (document["mcpServers"] ?? document["servers"])?.objectValue else {
      throw ServerFileError(path: path, reason: "has no \"mcpServers\" that is an object")
    }
    self.init(path: path, servers: [:])
    for (name, entry) in entries {
      guard entry.objectValue != nil else {
        throw ServerFileError(path: path, reason: "the server \"\(name)\" is no object")
      }
      servers[name] = entry
    }
  }

  /// The file beside a graph in `folder`; `nil` when there is none.
  public init?(besideGraphIn folder: String) throws(ServerFileError) {
    let paths = Self.names.map { "\(folder)/\($0)" }
    guard let path = paths.first(where: FileManager.default.fileExists(atPath:)) else { return nil }
    try self.init(contentsOf: path)
  }

  private static func bytes(of path: String) throws(ServerFileError) -> [UInt8] {
    let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
      guard attributes[.type] as? FileAttributeType == .typeRegular else {
        throw ServerFileError(path: path, reason: "is no regular file")
      }
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      let bytes = try handle.read(upToCount: limitBytes + 1) ?? Data()
      guard bytes.count <= limitBytes else { throw ServerFileError(path: path, reason: "is over \(limitBytes) bytes") }
      return Array(bytes)
    } catch let error as ServerFileError {
      throw error
    } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
      throw ServerFileError(path: path, reason: "is not there")
    } catch {
      throw ServerFileError(path: path, reason: "cannot be read: \(error.localizedDescription)")
    }
  }
}

/// A server file that could not be read.
public struct ServerFileError: Error, Sendable, Hashable, CustomStringConvertible {
  public var path: String
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }
}

/// Editors' JSON: comments and a comma after the last item are allowed.
enum JSONComments {
  /// The text with both replaced by spaces, so that places in it stay where they were.
  static func blanked(_ text: [UInt8]) -> [UInt8] {
    var bytes = text
    var index = 0
    var lastComma: Int?
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\""):
        lastComma = nil
        index = endOfString(in: bytes, from: index)
      case UInt8(ascii: "/"): index = blankComment(in: &bytes, from: index)
      case UInt8(ascii: ","):
        lastComma = index
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if let comma = lastComma { bytes[comma] = 0x20 }
        lastComma = nil
        index += 1
      default:
        if ![0x20, 0x09, 0x0A, 0x0D].contains(byte) { lastComma = nil }
        index += 1
      }
    }
    return bytes
  }

  private static func endOfString(in bytes: [UInt8], from start: Int) -> Int {
    var index = start + 1
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return index + 1
  }

  /// Blanks the comment that begins at `start`, and returns where it ended; one byte on where none does.
  private static func blankComment(in bytes: inout [UInt8], from start: Int) -> Int {
    let second = start + 1 < bytes.count ? bytes[start + 1] : 0
    var end: Int
    switch second {
    case UInt8(ascii: "/"): end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
    case UInt8(ascii: "*"):
      end = start + 2
      while end < bytes.count,
        !(bytes[end - 1] == UInt8(ascii: "*") && bytes[end] == UInt8(ascii: "/") && end > start + 2)
      {
        end += 1
      }
      end = min(end + 1, bytes.count)
    default: return start + 1
    }
    for index in start..<end where bytes[index] != 0x0A { bytes[index] = 0x20 }
    return end
  }
}
