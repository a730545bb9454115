import Foundation
import GRDB
import Graph
import Testing

@testable import GraphRuntime

@Suite("Saving what is whole of a damaged store", .serialized)
struct SQLiteSalvageTests {
  /// Thread t: 120 checkpoints in a line, a task before each; thread u: one checkpoint.
  private func makeStore(in folder: String) async throws {
    let store = try await SQLiteStore.open(folder: folder)
    let fence = try await store.start("t", ["n": 1, "list": []])
    let text = GraphRecord(hash: "abc", name: "loop", text: "graph: loop")
    let due = DueTask(id: TaskID(due: DueMark(checkpoint: 1), node: "a"))
    let changes = (2...120).flatMap { number in
      let item = ChannelDelta("list", .append([.string("item \(number)")]))
      let list = JSON.array((2...number).map { .string("item \($0)") })
      return [
        StoreChange.task(.sample("a", at: number - 1, result: ["number": .int(number)])),
        .checkpoint(
          .sample(
            number, parent: number - 1, [ChannelDelta("n", .set(.int(number))), item], agenda: Agenda(due: [due])),
          values: ["n": .int(number), "list": list]),
      ]
    }
    try await store.commit(
      changes + [.graph(text), .thread(.sample(head: 120)), .output([.sample("some text")])], fence: fence)
    _ = try await store.start("u", ["secret": "of u"])
    try await store.close()
  }

  private func change(_ folder: String, _ sql: String) throws {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let database = try DatabaseQueue(path: "\(folder)/graphrun.sqlite", configuration: configuration)
    try database.writeWithoutTransaction { try $0.execute(sql: sql) }
    try database.close()
  }

  private func expectState(_ number: Int, in store: SQLiteStore) async throws {
    let values = try await store.values(number)
    #expect(values?["n"] == .int(number))
    #expect(values?["list"] == .array((1...number).dropFirst().map { .string("item \($0)") }))
  }

  @Test func `a store that is whole stays where it is`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      #expect(try await SQLiteStore.salvage(folder) == SalvageReport())
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.hasPrefix("damaged") })
    }
  }

  @Test func `where there is no store, or somebody has it open, nothing is moved`() async throws {
    try await withFolder { folder in
      await #expect(throws: StoreError.self) { try await SQLiteStore.salvage(folder) }
      try await makeStore(in: folder)
      try change(folder, "UPDATE checkpoint SET step = 7 WHERE number = 60")
      let other = try await SQLiteStore.open(folder: folder)
      await #expect(throws: StoreError.self) { try await SQLiteStore.salvage(folder) }
      #expect(try await other.values(of: "u") == ["secret": "of u"])
      try await other.close()
    }
  }

  @Test func `a checkpoint in the middle is lost, and those that need it up to the next snapshot`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      try change(folder, "UPDATE checkpoint SET deltas = '[]' WHERE number = 60")
      let report = try await SQLiteStore.salvage(folder)
      let t = try #require(report.threads.first { $0.id == "t" })
      #expect(t.lost.count == 1 && t.lost[0].hasPrefix("checkpoints 60 to "), "\(t.lost)")
      #expect(
        report.threads.first { $0.id == "u" }?.lost == [])
      let store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.verify() == [])
      for number in [1, 59, 119, 120] { try await expectState(number, in: store) }
      #expect(try await store.values(60) == nil)
      #expect(try await store.gaps(of: "t", namespace: "").map(\.reason) == [.lost])
      #expect(try await store.thread("t")?.head == 120)
      #expect(try await store.output(of: "t").map(\.text) == ["some text"])
      try await store.close()
    }
  }

  @Test func `where the newest are lost, what is due may have begun already`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      try change(folder, "DELETE FROM checkpoint WHERE number > 100")
      let report = try await SQLiteStore.salvage(folder)
      #expect(report.threads.first { $0.id == "t" }?.checkpoints == 100)
      let store = try await SQLiteStore.open(folder: folder)
      let header = try #require(try await store.thread("t"))
      #expect(header.head == 100 && header.status == .stopped && header.next == ["a"])
      let due = TaskID(due: DueMark(checkpoint: 1), node: "a")
      let task = try await store.tasks(of: "t", namespace: "", checkpoint: 100).first { $0.id == due }
      #expect(task?.status == .started && task?.attempts == 1)
      try await expectState(100, in: store)
      #expect(try await store.verify() == [])
      try await store.close()
    }
  }

  @Test func `the damaged store is kept as it was found`() async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      try change(folder, "UPDATE checkpoint SET deltas = '[]' WHERE number = 60")
      let before = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/graphrun.sqlite"))
      let place = try #require(try await SQLiteStore.salvage(folder).place)
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(place)/graphrun.sqlite")) == before)
      #expect(!FileManager.default.fileExists(atPath: "\(place)/work.sqlite"))
    }
  }

  @Test(arguments: 0..<25) func `whatever the damage, what is saved is whole and was stored`(
    _ seed: UInt64
  ) async throws {
    try await withFolder { folder in
      try await makeStore(in: folder)
      var random = SQLiteDamageTests.Seeded(state: seed)
      let file = URL(fileURLWithPath: "\(folder)/graphrun.sqlite")
      var bytes = try Data(contentsOf: file)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let page = Int.random(in: (seed % 5 == 0 ? 0 : 1)..<bytes.count / 4096, using: &random) * 4096
        bytes.replaceSubrange(page..<page + 4096, with: Data(count: 4096))
      }
      try bytes.write(to: file)
      let report = try await SQLiteStore.salvage(folder)
      let store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.verify() == [])
      for number in try await store.numbers() { try await expectState(number, in: store) }
      #expect(
        try await store.numbers().count == report.threads.first { $0.id == "t" }?.checkpoints ?? 0
          || report.place == nil)
      try await store.close()
    }
  }
}
