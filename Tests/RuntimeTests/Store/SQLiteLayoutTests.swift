import Foundation
import GRDB
import Graph
import Testing

@testable import GraphRuntime

@Suite("Layout of a store", .serialized)
struct SQLiteLayoutTests {
  private func query(_ folder: String, _ sql: String) throws -> [Row] {
    let database = try DatabaseQueue(path: "\(folder)/graphrun.sqlite")
    defer { try? database.close() }
    return try database.writeWithoutTransaction { try Row.fetchAll($0, sql: sql) }
  }

  @Test func `a large value that does not change is stored once`() async throws {
    try await withFolder { folder in
      let large = JSON.string(String(repeating: "x", count: 1_000_000))
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["large": large, "n": 0])
      for number in 2...1_000 {
        let deltas = [ChannelDelta("n", .set(.int(number)))]
        try await store.commit(
          [.checkpoint(.sample(number, parent: number - 1, deltas), values: ["large": large, "n": .int(number)])],
          fence: fence)
      }
      #expect(try await store.values() == ["large": large, "n": 1_000])
      try await store.close()
      #expect(try size("\(folder)/graphrun.sqlite") < 1_600_000)
    }
  }

  @Test func `a growing list costs its items, not its length at every step`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["list": []])
      var list: [JSON] = []
      let item = JSON.string(String(repeating: "x", count: 200))
      for number in 2...2_000 {
        list.append(item)
        try await store.commit(
          [
            .checkpoint(
              .sample(number, parent: number - 1, [ChannelDelta("list", .append([item]))]),
              values: ["list": .array(list)])
          ],
          fence: fence)
      }
      #expect(try await store.values()?["list"]?.arrayValue?.count == 1_999)
      try await store.close()
      let sums = try #require(
        try query(
          folder,
          "SELECT sum(length(deltas)), sum(length(snapshot)), count(snapshot), max(number - base) FROM checkpoint"
        ).first)
      let (deltas, snapshots, count, walk) = (sums[0] as Int, sums[1] as Int, sums[2] as Int, sums[3] as Int)
      #expect(snapshots < 2 * deltas)
      #expect(count < 20)
      #expect(walk * 250 < 2 * deltas)
    }
  }

  @Test func `the rows to read for a small state are few, however long the line`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t", ["n": 0])
      for number in 2...1_000 {
        try await store.commit(
          [
            .checkpoint(
              .sample(number, parent: number - 1, [ChannelDelta("n", .set(.int(number)))]), values: ["n": .int(number)])
          ],
          fence: fence)
      }
      try await store.close()
      let walk = try #require(try query(folder, "SELECT max(number - base) FROM checkpoint").first)[0] as Int
      #expect(walk <= 64)
    }
  }

  @Test func `paging through history reads a range of an index`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      let plans = try [SQL.history, SQL.tasks, SQL.checkpoint].map { sql in
        try query(folder, "EXPLAIN QUERY PLAN " + sql.replacingOccurrences(of: "?", with: "1")).map {
          $0["detail"] as String
        }
      }
      #expect(
        plans[0].first?.contains("USING INDEX sqlite_autoindex_checkpoint_1 (thread=? AND namespace=? AND number<?)")
          == true)
      #expect(plans[1].first?.contains("(thread=? AND namespace=? AND checkpoint=?)") == true)
      #expect(plans[2].first?.contains("(thread=? AND namespace=? AND number=?)") == true)
    }
  }

  @Test func `the schema in docs/store.md is the schema`() async throws {
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      let real = try query(folder, "SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rowid").map {
        $0[0] as String
      }
      let documented = try #require(try documentation(of: "sql").first)
      #expect(documented == real.map { "\($0);" }.joined(separator: "\n\n"))
    }
  }

  @Test func `every query in docs/store.md answers in the sqlite3 shell`() async throws {
    try await withFolder { folder in
      let store = try await SQLiteStore.open(folder: folder)
      let fence = try await store.start("t1", ["x": 1])
      let agenda = Agenda(due: [DueTask(id: TaskID(due: DueMark(checkpoint: 2), node: "next-one"))])
      var failed = TaskRecord.full(at: 2)
      failed.status = .failed
      try await store.commit(
        [
          .task(.sample("first", at: 1)), .task(failed), .output([.sample("printed")]),
          .checkpoint(.sample(2, parent: 1, [ChannelDelta("x", .set(2))], agenda: agenda), values: ["x": 2]),
          .thread(.sample("t1", head: 2)),
        ], fence: fence)
      try await store.close()
      let queries = try documentation(of: "sqlite")
      #expect(queries.count >= 7)
      for query in queries {
        let shell = try Child("/usr/bin/sqlite3", "-readonly", "\(folder)/graphrun.sqlite", query)
        let answer = shell.readAll()
        #expect(!answer.isEmpty, "\(query)")
        #expect(shell.status == 0, "\(query)")
      }
    }
  }

  /// The code blocks of docs/store.md in `language`.
  private func documentation(of language: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let text = try String(contentsOf: root.appending(path: "docs/store.md"), encoding: .utf8)
    return text.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
  }

  @Test func `an older store is brought up to date, and kept beside`() async throws {
    let newer = SQLiteSchema(
      migrations: SQLiteSchema.current.migrations + [
        ["ALTER TABLE thread ADD COLUMN note TEXT"], ["CREATE TABLE extra (x TEXT) STRICT"],
      ])
    try await withFolder { folder in
      var store = try await SQLiteStore.open(folder: folder)
      _ = try await store.start("t", ["x": 1])
      try await store.close()
      await #expect(throws: StoreError.self) {
        try await SQLiteStore.open(folder: folder, mode: .readOnly, schema: newer)
      }
      store = try await SQLiteStore.open(folder: folder, schema: newer)
      #expect(try await store.values() == ["x": 1])
      #expect(try await store.settings()["user_version"] == "3")
      try await store.close()
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder) }

      let kept = "\(folder)/graphrun.sqlite.version-1"
      #expect(try FileManager.default.attributesOfItem(atPath: kept)[.posixPermissions] as? Int == 0o600)
      try FileManager.default.removeItem(atPath: "\(folder)/graphrun.sqlite")
      try FileManager.default.moveItem(atPath: kept, toPath: "\(folder)/graphrun.sqlite")
      store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.values() == ["x": 1])
      #expect(try await store.verify() == [])
      try await store.close()
    }
  }

  @Test func `a migration that fails leaves the version before it`() async throws {
    let broken = SQLiteSchema(
      migrations: SQLiteSchema.current.migrations + [
        ["CREATE TABLE extra (x TEXT) STRICT"], ["CREATE TABLE more (x TEXT)", "nonsense"],
      ])
    let working = SQLiteSchema(migrations: Array(broken.migrations.prefix(2)))
    try await withFolder { folder in
      try await SQLiteStore.open(folder: folder).close()
      await #expect(throws: StoreError.self) { try await SQLiteStore.open(folder: folder, schema: broken) }
      let store = try await SQLiteStore.open(folder: folder, schema: working)
      #expect(try await store.settings()["user_version"] == "2")
      try await store.close()
    }
  }
}
