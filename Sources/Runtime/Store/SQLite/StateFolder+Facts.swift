import CSQLite
import Foundation

/// What can be said of a state folder without touching it; for `doctor`.
package struct StateFolderFacts: Sendable {
  /// Absolute.
  package var path: String

  /// The folder is there; else all facts are those of the nearest folder above it.
  package var exists: Bool

  /// "ext4", "tmpfs" …; `nil` for one that has no name here.
  package var fileSystem: String?
  package var isInMemory: Bool
  package var freeBytes: Int?

  /// This process may make files there.
  package var isWritable: Bool

  /// Others may read, or write, what is in it.
  package var letsOthersRead: Bool
  package var letsOthersWrite: Bool

  /// Why no store can be here, with what to do; `nil` when one can.
  package var refusal: String?

  package init(_ folder: String) {
    let path = URL(fileURLWithPath: folder).standardizedFileURL.path
    self.path = path
    let info: FileInfo?
    do {
      info = try StateFolder.isThere(path) ? FileInfo.of(path, followingLinks: true) : nil
    } catch {
      (info, refusal) = (nil, "\(error)")
    }
    exists = info != nil
    let place = exists ? path : Self.nearestFolder(above: path)
    let magic = unsafe graphrun_file_system(place)
    fileSystem = Self.names[magic] ?? StateFolder.unsafeFileSystem(magic)
    isInMemory = fileSystem == "tmpfs"
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place)
    freeBytes = (attributes?[.systemFreeSize] as? NSNumber)?.intValue
    isWritable = FileManager.default.isWritableFile(atPath: place)
    letsOthersRead = exists && (info?.permissions ?? 0) & 0o055 != 0
    letsOthersWrite = exists && (info?.permissions ?? 0) & 0o022 != 0
    guard refusal == nil else { return }
    do {
      if exists { _ = try StateFolder(path, create: false) } else { try StateFolder.checkFileSystem(place) }
    } catch {
      refusal = "\(error)"
    }
  }

  private static func nearestFolder(above path: String) -> String {
    var url = URL(fileURLWithPath: path)
    while url.path != "/" {
      url.deleteLastPathComponent()
      if FileManager.default.fileExists(atPath: url.path) { return url.path }
    }
    return "/"
  }

  private static let names: [Int: String] = [
    0xEF53: "ext4", 0x9123_683E: "btrfs", 0x5846_5342: "xfs", 0x0102_1994: "tmpfs", 0x794C_7630: "overlayfs",
    0x2FC1_2FC1: "zfs", 0xF2F5_2010: "f2fs", 0x5265_4973: "reiserfs", 0x2405_1905: "ubifs", 0xCA45_1A4E: "bcachefs",
  ]
}
