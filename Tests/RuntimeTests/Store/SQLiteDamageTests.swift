import Foundation
import GRDB
import Graph
import Testing

@testable import GraphRuntime

/// Whatever is in the folder: an error that says so, or the state that was stored. Never a trap, never another state.
@Suite("Damaged and hostile stores", .serialized)
struct SQLiteDamageTests {
  /// A store with two threads, forks, tasks and output, closed; or as a killed process leaves it, with a -wal.
  private func makeStore(in folder: String, cleanly: Bool = true) async throws {
    let store = try await SQLiteStore.open(folder: folder)
    let fence = try await store.start("t", ["n": 1, "list": []])
    let changes = (2...120).flatMap { number in
      let item = ChannelDelta("list", .append([.string("item \(number)")]))
      let list = JSON.array((2...number).map { .string("item \($0)") })
      return [
        StoreChange.task(.sample("a", at: number - 1, result: ["number": .int(number)])),
        .checkpoint(
          .sample(number, parent: number - 1, [ChannelDelta("n", .set(.int(number))), item]),
          values: ["n": .int(number), "list": list]),
      ]
    }
    try await store.commit(changes + [.thread(.sample(head: 120))], fence: fence)
    try await store.commit(
      [.output([.sample("some text")]), .service(.sample("k")), .task(.full(at: 120))], fence: fence)
    _ = try await store.start("u", ["secret": "of u"])
    if cleanly { return try await store.close() }
    let copy = try Child("/bin/cp", "-r", folder, "\(folder)-copy")
    copy.wait()
    try await store.close()
    try FileManager.default.removeItem(atPath: folder)
    try FileManager.default.moveItem(atPath: "\(folder)-copy", toPath: folder)
  }

  /// Reads all there is; what was seen of thread t's newest state, `nil` where the store refused.
  private func readAll(_ folder: String, _ mode: SQLiteStore.Mode = .readWrite) async throws -> [StoreError] {
    var errors: [StoreError] = []
    func attempt(_ read: () async throws -> Void) async throws {
      do { try await read() } catch let error as StoreError { errors.append(error) }
    }
    try await attempt {
      let store = try await SQLiteStore.open(folder: folder, mode: mode, patience: .milliseconds(200))
      try await attempt {
        for problem in try await store.verify() { errors.append(.damaged(problem)) }
      }
      try await attempt { _ = try await store.threads() }
      try await attempt { _ = try await store.output(of: "t") }
      try await attempt { _ = try await store.services(of: "t") }
      try await attempt { _ = try await store.tasks(of: "t", namespace: "", checkpoint: 120) }
      try await attempt { _ = try await store.history(of: "t", namespace: "", before: nil, limit: nil) }
      for number in [nil, 1, 50, 120] {
        try await attempt {
          guard let stored = try await store.checkpoint(number, of: "t", namespace: "") else { return }
          let count = stored.record.number
          #expect(stored.values["n"] == .int(count))
          #expect(stored.values["list"] == .array((1...count).dropFirst().map { .string("item \($0)") }))
        }
      }
      try await attempt {
        let fence = try await store.acquire("t", owner: us)
        try await store.commit([.output([.sample("more")])], fence: fence)
      }
      try await attempt { try await store.close() }
    }
    return errors
  }

  @Test func `a store as a killed process leaves it is whole`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder, cleanly: false)
      #expect(try size("\(folder)/graphrun.sqlite-wal") > 0)
      #expect(try await readAll(folder) == [])
    }
  }

  @Test(arguments: 0..<120) func `random damage is an error or harmless`(_ seed: UInt64) async throws {
    try await withFolder { folder in
      var random = Seeded(state: seed)
      try await makeStore(in: folder, cleanly: Bool.random(using: &random))
      try damage(folder, &random)
      _ = try await readAll(folder, seed % 3 == 0 ? .readOnly : .readWrite)
    }
  }

  private func damage(_ folder: String, _ random: inout Seeded) throws {
    let names = ["graphrun.sqlite", "graphrun.sqlite", "graphrun.sqlite-wal", "graphrun.sqlite-shm"]
    let path = "\(folder)/\(names.randomElement(using: &random) ?? "graphrun.sqlite")"
    var bytes = FileManager.default.contents(atPath: path) ?? Data()
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes = bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
    case 1 where bytes.count > 4096:
      let start = Int.random(in: 0..<bytes.count / 4096, using: &random) * 4096
      bytes.replaceSubrange(start..<min(start + 4096, bytes.count), with: Data(count: min(4096, bytes.count - start)))
    case 2: bytes = Data((0..<10_000).map { _ in UInt8.random(in: 0...255, using: &random) })
    case 3: return try FileManager.default.removeItem(atPath: path)
    default:
      for _ in 0..<Int.random(in: 1...40, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
    }
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  @Test(arguments: [
    ("UPDATE checkpoint SET deltas = replace(deltas, '\"set\":77', '\"set\":78') WHERE number = 77", "checkpoint 77"),
    ("UPDATE checkpoint SET deltas = '[' || deltas || ']' WHERE number = 120", "checkpoint 120"),
    ("UPDATE checkpoint SET agenda = '{\"lc\":1,\"type\":\"constructor\"}' WHERE number = 119", "checkpoint 119"),
    ("UPDATE checkpoint SET snapshot = '{}' WHERE snapshot NOT NULL", "checksum"),
    ("UPDATE checkpoint SET snapshot = NULL", "checksum"),
    ("UPDATE checkpoint SET base = 1", "checksum"),
    ("UPDATE checkpoint SET base = 200 WHERE number = 120", "runs backwards"),
    ("UPDATE checkpoint SET parent = 120 WHERE number = 120", "runs backwards"),
    ("DELETE FROM checkpoint WHERE number = 120", "checkpoint 120"),
    ("DELETE FROM checkpoint WHERE number = 119", "parent"),
    ("DELETE FROM task WHERE checkpoint = 118", "checkpoint 119"),
    ("UPDATE task SET checksum = 'x' WHERE checkpoint = 118", "checkpoint 119"),
    ("UPDATE task SET result = replace(result, '1', '2') WHERE checkpoint = 90", "checksum"),
    ("UPDATE task SET thread = 'u' WHERE checkpoint = 120", "checksum"),
    ("UPDATE task SET status = 'odd', checksum = checksum WHERE checkpoint = 120", "task"),
    ("UPDATE output SET text = 'other'", "output"),
    ("UPDATE output SET thread = 'u'", "output"),
    ("UPDATE service SET pid = 1", "service"),
    ("UPDATE thread SET status = 'done'", "thread"),
    ("UPDATE thread SET head = 121 WHERE id = 't'", "thread"),
    (
      "UPDATE checkpoint SET deltas = (WITH RECURSIVE d(n, s) AS (SELECT 0, '1' UNION ALL SELECT n + 1, '[' || s || ']' FROM d WHERE n < 600) SELECT s FROM d WHERE n = 600) WHERE number = 120",
      "checkpoint 120"
    ),
    ("UPDATE output SET text = printf('%.*c', 100000000, 'x')", "output"),
    ("CREATE TRIGGER evil AFTER UPDATE ON lease BEGIN DELETE FROM thread; END", "evil"),
    ("CREATE TEMP TABLE x (y); CREATE VIEW other AS SELECT 1", "other"),
    ("DROP VIEW history; CREATE VIEW history AS SELECT 1", "history"),
    ("DROP TABLE cache", "cache"),
    ("ALTER TABLE output ADD COLUMN more TEXT", "output"),
    ("PRAGMA user_version = 2", "newer graphrun"),
    ("PRAGMA application_id = 7", "another program"),
  ]) func `a changed row or table is found and named`(_ sql: String, _ named: String) async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      var configuration = Configuration()
      configuration.foreignKeysEnabled = false
      let database = try DatabaseQueue(path: "\(folder)/graphrun.sqlite", configuration: configuration)
      try await database.writeWithoutTransaction { try $0.execute(sql: sql) }
      try database.close()
      let errors = try await readAll(folder)
      #expect(errors.contains { "\($0)".contains(named) }, "\(errors)")
    }
  }

  @Test func `damage is named with thread and checkpoint`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      let database = try DatabaseQueue(path: "\(folder)/graphrun.sqlite")
      try await database.writeWithoutTransaction {
        try $0.execute(sql: "UPDATE checkpoint SET step = 0 WHERE number = 120 AND thread = 't'")
      }
      try database.close()
      let store = try await SQLiteStore.open(folder: folder)
      let error = await #expect(throws: StoreError.self) { try await store.values() }
      #expect(
        "\(try #require(error))".hasPrefix(
          "the store is damaged: thread t, checkpoint 120: it or a task before it is not what was stored (checksum); graphrun doctor"
        ))
      try await store.close()
    }
  }

  @Test func `a log without its database is not made a new store of`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder, cleanly: false)
      try FileManager.default.removeItem(atPath: "\(folder)/graphrun.sqlite")
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
      #expect(try size("\(folder)/graphrun.sqlite-wal") > 0)
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/graphrun.sqlite"))
    }
  }

  @Test func `an empty file becomes a store, a foreign one does not`() async throws {
    try await withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      _ = FileManager.default.createFile(atPath: "\(folder)/graphrun.sqlite", contents: Data())
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder, mode: .readOnly) }
      try await SQLiteStore.open(folder: folder).close()
      try Data("not a database, but a text that is long enough to have a header of its own".utf8)
        .write(to: URL(fileURLWithPath: "\(folder)/graphrun.sqlite"))
      let error = await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }
      guard case .damaged? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
