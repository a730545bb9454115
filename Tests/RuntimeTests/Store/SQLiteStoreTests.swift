import Foundation
import GRDB
import Graph
import Testing

@testable import GraphRuntime

@Suite("SQLite store", .serialized)
struct SQLiteStoreTests {
  @Test func `what was committed is there after closing and opening`() async throws {
    try await withFolder { folder in
      var store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["x": 1])
      try await store.grow(2, from: 1, [ChannelDelta("x", .set(2))], fence: fence)
      try await store.close()
      store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.values() == ["x": 2])
      #expect(try await store.acquire("t", owner: them).number == fence.number + 1)
      try await store.close()
    }
  }

  @Test func `settings are as they must be on the connection that writes`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let settings = try await store.settings()
      #expect(
        settings == [
          "journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0", "cell_size_check": "1",
          "mmap_size": "0", "journal_size_limit": "67108864", "busy_timeout": "5000", "wal_autocheckpoint": "0",
          "auto_vacuum": "2", "application_id": "1735553128", "user_version": "1", "defensive": "1",
          "secure_delete": "1",
        ])
      try await store.close()
    }
  }

  @Test(arguments: [
    (3_040_001, false), (3_044_005, false), (3_044_006, true), (3_045_000, false), (3_050_006, false),
    (3_050_007, true), (3_051_002, false), (3_051_003, true), (3_052_000, false), (3_053_000, true),
  ]) func `versions with the WAL-reset fix are known`(_ version: Int, _ hasFix: Bool) {
    #expect(SQLiteLibrary.hasWALResetFix(version) == hasFix)
  }

  @Test func `a store put back from an older copy while a thread is had is noticed, and nothing more is stored`()
    async throws
  {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["x": 1])
      // As somebody who restores a backup does it: into the same file.
      let backup = try DatabaseQueue(path: "\(folder)/backup.sqlite")
      let live = try DatabaseQueue(path: "\(folder)/graphrun.sqlite")
      try live.backup(to: backup)
      try await store.grow(2, from: 1, [ChannelDelta("x", .set(2))], fence: fence)
      try backup.backup(to: live)
      try live.close()
      #expect(try await store.values() == ["x": 1])
      await #expect(throws: StoreError.fenced) {
        try await store.grow(2, from: 1, [ChannelDelta("x", .set(3))], fence: fence)
      }
      try await store.release(fence)
      let again = try await store.acquire("t", owner: us)
      try await store.grow(2, from: 1, [ChannelDelta("x", .set(4))], fence: again)
      #expect(try await store.values() == ["x": 4])
      #expect(try await store.verify() == [])
      try await store.close()
    }
  }

  @Test func `looking changes nothing and makes nothing`() async throws {
    try await withFolder { folder in
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder, mode: .readOnly) }
      #expect(!FileManager.default.fileExists(atPath: folder))
      #expect(try !SQLiteStore.exists(in: folder))
      let writer = try await SQLiteStore.open(folder: folder)
      let fence = try await writer.start("t", ["x": 1])
      #expect(try SQLiteStore.exists(in: folder))

      let looker = try await SQLiteStore.open(folder: folder, mode: .readOnly)
      #expect(try await looker.values() == ["x": 1])
      #expect(try await looker.owner(of: "t") == us)
      try await writer.grow(2, from: 1, [], fence: fence)
      #expect(try await looker.numbers() == [2, 1])
      await #expect(throws: StoreError.self) { try await looker.acquire("u", owner: them) }
      await #expect(throws: StoreError.self) { try await looker.commit([], fence: fence) }
      try await looker.close()
      try await writer.close()
    }
  }

  @Test func `a second store finds the thread busy, and its commits wait their turn`() async throws {
    try await withFolder { folder in
      let (a, b) = (try await SQLiteStore.open(folder: folder), try await SQLiteStore.open(folder: folder))
      let first = try await a.start("a")
      let second = try await b.start("b")
      await #expect(throws: StoreError.busy(us)) { try await b.acquire("a", owner: them) }
      #expect(try await b.owner(of: "a") == us)
      async let one: Void = {
        for number in 2...30 { try await a.grow(number, from: number - 1, [], fence: first) }
      }()
      for number in 2...30 { try await b.grow(number, from: number - 1, [], fence: second) }
      try await one
      #expect(try await a.verify() == [])
      try await a.close()
      try await b.close()
    }
  }

  @Test func `a log is written ahead, and read as far as its commits go`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["list": []])
      let item = JSON.string(String(repeating: "x", count: 5_000))
      for number in 2...60 {
        try await store.grow(number, from: number - 1, [ChannelDelta("list", .append([item]))], fence: fence)
      }
      let log = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/graphrun.sqlite-wal")).suffix(64 << 10))
      #expect(log.allSatisfy { $0 == 0 })
      // As a machine that lost its power leaves it.
      let copy = "\(folder)-copy"
      try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
      for name in ["graphrun.sqlite", "graphrun.sqlite-wal"] {
        try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(copy)/\(name)")
      }
      let found = try await SQLiteStore.open(folder: copy)
      #expect(try await found.values()?["list"]?.arrayValue?.count == 59)
      #expect(try await found.verify() == [])
      try await found.close()
      try await store.close()
    }
  }

  @Test func `of commits that are stored together, one that is refused fails alone`() async throws {
    try await withFolder { folder in
      let (store, other) = (try await SQLiteStore.open(folder: folder), try await SQLiteStore.open(folder: folder))
      var fences: [Fence] = []
      for number in 0..<8 { fences.append(try await store.start(ThreadID(rawValue: "t\(number)"))) }
      try FileManager.default.removeItem(atPath: "\(folder)/locks/t3")
      let takenOver = try await other.acquire("t3", owner: them)

      let lock = try #require(try LockFile(at: "\(folder)/store.lock", create: false))
      try #require(try lock.tryLock(.exclusive))
      let failures: [ThreadID: StoreError] = try await withThrowingTaskGroup(of: (ThreadID, StoreError?).self) {
        group in
        func commit(_ fence: Fence) {
          group.addTask {
            do {
              try await store.commit([.output([.sample("late")])], fence: fence)
              return (fence.thread, nil)
            } catch let error as StoreError {
              return (fence.thread, error)
            }
          }
        }
        // The first waits for the lock, the others for the first.
        commit(fences[0])
        while !(store.isWriting && store.commitsWaiting == 0) { await Task.yield() }
        for fence in fences.dropFirst() { commit(fence) }
        while store.commitsWaiting < fences.count - 1 { await Task.yield() }
        lock.unlock()
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      #expect(failures == ["t3": .fenced])
      for fence in fences {
        #expect(try await store.output(of: fence.thread).map(\.text) == (fence.thread == "t3" ? [] : ["late"]))
      }
      try await other.commit([.output([.sample("in time")])], fence: takenOver)
      try await store.commit([.output([.sample("again")])], fence: fences[4])
      #expect(try await store.verify() == [])
      try await other.close()
      try await store.close()
    }
  }

  @Test func `a runner whose lock file was taken away is fenced by the next`() async throws {
    try await withFolder { folder in
      let (a, b) = (try await SQLiteStore.open(folder: folder), try await SQLiteStore.open(folder: folder))
      let old = try await a.start()
      try FileManager.default.removeItem(atPath: "\(folder)/locks/t")
      let new = try await b.acquire("t", owner: them)
      await #expect(throws: StoreError.fenced) { try await a.commit([.output([.sample("late")])], fence: old) }
      try await b.commit([.output([.sample("in time")])], fence: new)
      #expect(try await b.output(of: "t").map(\.text) == ["in time"])
    }
  }

  @Test func `a store that was replaced while in use takes no more commits`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start()
      try FileManager.default.moveItem(atPath: "\(folder)/graphrun.sqlite", toPath: "\(folder)/elsewhere")
      await #expect(throws: StoreError.self) { try await store.commit([], fence: fence) }
    }
  }

  @Test func `another process's lock on a thread is respected and gone with the process`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      try await store.release(try await store.start())
      let holder = try Child(
        "/usr/bin/flock", "--no-fork", "\(folder)/locks/t", "sh", "-c", "echo ready; exec sleep 60")
      try holder.waitForLine()
      await #expect(throws: StoreError.busy(us)) { try await store.acquire("t", owner: them) }
      #expect(try await store.owner(of: "t") == us)
      holder.kill()
      #expect(try await store.owner(of: "t") == nil)
      _ = try await store.acquire("t", owner: them)
      try await store.close()
    }
  }

  @Test func `a store that another process keeps locked is unusable, and the process is named`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder, patience: .milliseconds(100))
      let fence = try await store.start()
      let holder = try Child(
        "/usr/bin/flock", "--no-fork", "\(folder)/store.lock", "sh", "-c", "echo ready; exec sleep 60")
      try holder.waitForLine()
      let error = await #expect(throws: StoreError.self) { try await store.commit([], fence: fence) }
      #expect("\(try #require(error))".contains("process \(holder.pid)"))
      await #expect(throws: StoreError.self) {
        try await SQLiteStore.open(folder: folder, patience: .milliseconds(50))
      }
      holder.kill()
      try await store.commit([], fence: fence)
      try await store.close()
    }
  }

  @Test func `the log is emptied by the last to close, and quick to shrink`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start()
      let text = String(repeating: "x", count: 400_000)
      for _ in 0..<40 { try await store.commit([.output([.sample(text)])], fence: fence) }
      #expect(try size("\(folder)/graphrun.sqlite-wal") < 12 << 20)
      let other = try await SQLiteStore.open(folder: folder)
      try await store.close()
      #expect(try size("\(folder)/graphrun.sqlite-wal") > 0)
      try await other.close()
      #expect(try size("\(folder)/graphrun.sqlite-wal") == 0)
    }
  }

  @Test func `the reserve is given up and put back`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      #expect(try size("\(folder)/reserve") == 1 << 20)
      await store.releaseReserve()
      #expect(try size("\(folder)/reserve") == 0)
      try await store.close()
      try await SQLiteStore.open(folder: folder).close()
      #expect(try size("\(folder)/reserve") == 1 << 20)
    }
  }
}

func size(_ path: String) throws -> Int {
  try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
}

/// A process that a test starts, and ends at the latest when it goes.
final class Child {
  private let process = Process()
  private let output = Pipe()

  init(_ program: String, _ arguments: String...) throws {
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
  }

  deinit { kill() }

  var pid: Int32 { process.processIdentifier }

  var status: Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }

  func wait() { process.waitUntilExit() }

  func readAll() -> Data { output.fileHandleForReading.readDataToEndOfFile() }

  func waitForLine() throws {
    let line = try #require(try output.fileHandleForReading.read(upToCount: 6))
    #expect(!line.isEmpty)
  }

  func kill() {
    guard process.isRunning else { return }
    Foundation.kill(pid, SIGKILL)
    process.waitUntilExit()
  }
}
