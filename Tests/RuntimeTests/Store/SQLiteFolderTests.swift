import Foundation
import Graph
import Testing

@testable import GraphRuntime

@Suite("Folder of a store", .serialized)
struct SQLiteFolderTests {
  private static let files = [
    "graphrun.sqlite", "graphrun.sqlite-wal", "graphrun.sqlite-shm", "store.lock", "open.lock", "reserve",
  ]

  private func permissions(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func `only the owner gets in`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start()
      #expect(try permissions(folder) == 0o700)
      #expect(try permissions("\(folder)/locks") == 0o700)
      for file in Self.files + ["locks/t"] { #expect(try permissions("\(folder)/\(file)") == 0o600, "\(file)") }
      #expect(store.warnings == [])
      try await store.release(fence)
      try await store.close()
    }
  }

  @Test func `a folder or file open to others is closed to them, with a word about it`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(folder)/graphrun.sqlite")
      let store = try await SQLiteStore.open(folder: folder)
      #expect(try permissions(folder) == 0o700)
      #expect(try permissions("\(folder)/graphrun.sqlite") == 0o600)
      #expect(
        store.warnings == [
          "others could write to \(folder); now only its owner can",
          "others could read \(folder)/graphrun.sqlite; now only its owner can",
        ])
      try await store.close()
    }
  }

  @Test(arguments: files) func `a symlink is refused and not followed`(_ file: String) async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      try? FileManager.default.removeItem(atPath: "\(folder)/\(file)")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(file)", withDestinationPath: "\(folder)/target")
      let error = await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
      #expect("\(try #require(error))".contains("\(file) is no ordinary file"))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/target"))
    }
  }

  @Test func `a symlink for a thread's lock is refused and not followed`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/locks/t", withDestinationPath: "\(folder)/target")
      await #expect(throws: StoreError.self) { try await store.acquire("t", owner: us) }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/target"))
    }
  }

  @Test func `a symlink for the threads' locks is refused and not followed`() async throws {
    try await withFolder { folder in
      let target = "\(folder)-target"
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: target) }
      try await SQLiteStore.open(folder: folder).close()
      try FileManager.default.removeItem(atPath: "\(folder)/locks")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/locks", withDestinationPath: target)
      for mode in [SQLiteStore.Mode.readOnly, .readWrite] {
        let error = await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder, mode: mode) }
        #expect("\(try #require(error))".contains("locks is no folder of its own"))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: target) == [])
    }
  }

  @Test func `a link that leads nowhere is no place without a store, and nothing is made there`() async throws {
    try await withFolder { folder in
      try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: "\(folder)-gone")
      let asked = #expect(throws: StoreError.self) { try SQLiteStore.exists(in: folder) }
      let made = await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
      for error in [asked, made] { #expect("\(try #require(error))".contains("is a link to what is not there")) }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)-gone"))
      #expect(StateFolderFacts(folder).refusal?.contains("is a link to what is not there") == true)
    }
  }

  @Test func `a log whose database is gone is a damaged store, whoever asks`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      try FileManager.default.removeItem(atPath: "\(folder)/graphrun.sqlite")
      let log = Data("what was written last".utf8)
      try log.write(to: URL(fileURLWithPath: "\(folder)/graphrun.sqlite-wal"))
      #expect(try SQLiteStore.exists(in: folder))
      let errors = [
        await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) },
        await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder, mode: .readOnly) },
        await #expect(throws: StoreError.self) { try await SQLiteStore.salvage(folder) },
      ]
      for error in errors { #expect("\(try #require(error))".contains("is gone while its log")) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/graphrun.sqlite-wal")) == log)
    }
  }

  @Test func `what is left of a store that was being made goes`() async throws {
    try await withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for end in ["", "-shm", "-wal", "-journal"] {
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/graphrun.sqlite.unfinished\(end)"))
      }
      try await SQLiteStore.open(folder: folder).close()
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.contains("unfinished") })
    }
  }

  @Test func `a FIFO and a hard link are refused`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      try FileManager.default.linkItem(atPath: "\(folder)/graphrun.sqlite", toPath: "\(folder)/other")
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
      try FileManager.default.removeItem(atPath: "\(folder)/other")
      try FileManager.default.removeItem(atPath: "\(folder)/graphrun.sqlite")
      #expect(unsafe mkfifo("\(folder)/graphrun.sqlite", 0o600) == 0)
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a file away"))
  func `another user's folder or file is refused`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      for path in ["\(folder)/graphrun.sqlite", folder] {
        #expect(unsafe chown(path, 12_345, 0) == 0)
        let error = await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
        #expect("\(try #require(error))".contains("belongs to user 12345"))
        #expect(unsafe chown(path, 0, 0) == 0)
      }
    }
  }

  @Test func `a file in the folder's place is refused`() async throws {
    try await withFolder { folder in
      _ = FileManager.default.createFile(atPath: folder, contents: Data())
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
    }
  }

  @Test(arguments: [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997, 0x6573_5546, 0x786F_4256])
  func `network and pass-through file systems are known`(_ magic: Int) {
    #expect(StateFolder.unsafeFileSystem(magic) != nil)
  }

  @Test(arguments: [0xEF53, 0x0102_1994, 0x9123_683E, 0x5846_5342, 0x794C_7630])
  func `local file systems are fine`(_ magic: Int) {
    #expect(StateFolder.unsafeFileSystem(magic) == nil)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can mount a small tmpfs"), arguments: [3, 5])
  func `a full disk is an error, and how it ended can still be stored`(_ megabytes: Int) async throws {
    try await withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Child("/bin/mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder).wait()
      defer { try? Child("/bin/umount", "-l", folder).wait() }
      var store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start()
      var stored = 0
      let error = await #expect(throws: StoreError.self) {
        while true {
          try await store.commit([.output([.sample(String(repeating: "x", count: 50_000))])], fence: fence)
          stored += 1
        }
      }
      #expect("\(try #require(error))".contains("full"))
      await store.releaseReserve()
      try await store.commit([.thread(.sample(head: 1, status: .failed))], fence: fence)
      #expect(try await store.output(of: "t").count == stored)
      try await store.close()
      store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.thread("t")?.status == .failed)
      #expect(try await store.verify() == [])
      try await store.close()
    }
  }
}
