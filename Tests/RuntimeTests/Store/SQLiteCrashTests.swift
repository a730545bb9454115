import Foundation
import Graph
import Testing

@testable import GraphRuntime

@Suite("Killed while storing", .serialized)
struct SQLiteCrashTests {
  /// Commits without end, noting each in `acknowledged` once it returned, until killed after `milliseconds`.
  private static func commitUntilKilled(_ folder: String, _ milliseconds: Int) async throws {
    let store = try await SQLiteStore.open(folder: folder)
    let fence = try await store.start("t", ["n": 1, "list": []])
    let acknowledged = try #require(OutputStream(toFileAtPath: "\(folder)/acknowledged", append: false))
    acknowledged.open()
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { kill(getpid(), SIGKILL) }
    var list: [JSON] = []
    for number in 2... {
      let item = JSON.string(String(repeating: "x", count: 3_000))
      list.append(item)
      try await store.commit(
        [
          .task(.sample("a", at: number - 1, result: .int(number))), .thread(.sample(head: number)),
          .checkpoint(
            .sample(
              number, parent: number - 1,
              [ChannelDelta("n", .set(.int(number))), ChannelDelta("list", .append([item]))]),
            values: ["n": .int(number), "list": .array(list)]),
        ], fence: fence)
      let byte: [UInt8] = [1]
      _ = unsafe acknowledged.write(byte, maxLength: 1)
    }
  }

  @Test(arguments: [1, 2, 5, 11, 23, 47, 95, 190, 380])
  func `a kill leaves every commit that returned, at most one more, and nothing half`(_ milliseconds: Int) async throws
  {
    try await withFolder { folder in
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [folder = folder as String, milliseconds = milliseconds as Int] in
        try await Self.commitUntilKilled(folder, milliseconds)
      }
      let acknowledged = 1 + ((try? size("\(folder)/acknowledged")) ?? 0)
      let store = try await SQLiteStore.open(folder: folder)
      #expect(try await store.verify() == [])
      #expect(try await store.owner(of: "t") == nil)
      let head = try #require(try await store.thread("t")?.head)
      #expect((acknowledged...acknowledged + 1).contains(head))
      let stored = try #require(try await store.checkpoint(nil, of: "t", namespace: ""))
      #expect(stored.record.number == head)
      #expect(stored.values["n"] == .int(head))
      #expect(stored.values["list"]?.arrayValue?.count == head - 1)
      let fence = try await store.acquire("t", owner: them)
      try await store.grow(head + 1, from: head, [], fence: fence)
      try await store.close()
    }
  }
}
