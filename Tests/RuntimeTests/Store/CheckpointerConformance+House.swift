import Graph
import GraphRuntime
import Synchronization
import Testing

extension CheckpointerConformance {
  /// A thread as a whole: taken apart and put together, thinned out, taken away.
  @Suite struct House {
    /// Numbers 1 to 6: a line 1 2 3 6 with a branch 4 5 off 2, tasks that led to each step, output, a note.
    private func tree(_ store: any Checkpointer) async throws -> Fence {
      let fence = try await store.start("t", ["path": ["1"]])
      for (number, parent) in [(2, 1), (3, 2), (4, 2), (5, 4), (6, 3)] {
        let isFork = number == 4
        if !isFork {
          try await store.commit(
            [
              .task(.sample("a", at: parent, result: .int(number))),
              .output([
                OutputRecord(
                  checkpoint: parent, step: parent, node: "a", task: "a", attempt: 1, stream: .stdout,
                  text: "made \(number)")
              ]),
            ], fence: fence)
        }
        try await store.grow(
          number, from: parent, [ChannelDelta("path", .append([.string("\(number)")]))],
          source: isFork ? .fork : .step, fence: fence)
      }
      try await store.commit(
        [
          .graph(GraphRecord(hash: "abc", name: "loop", text: "graph: loop")),
          .note(NoteRecord(key: "", name: "pin", value: ["x": 1])), .thread(.sample(head: 6, status: .done)),
        ], fence: fence)
      return fence
    }

    private func path(_ store: any Checkpointer, _ number: Int?, of thread: ThreadID = "t") async throws -> [String]? {
      try await store.values(number, of: thread)?["path"]?.arrayValue?.compactMap(\.stringValue)
    }

    private func parts(_ store: any Checkpointer, of thread: ThreadID) async throws -> [ThreadPart] {
      let parts = Mutex<[ThreadPart]>([])
      try await store.parts(of: thread) { part in parts.withLock { $0.append(part) } }
      return parts.withLock { $0 }
    }

    private func copy(
      _ parts: [ThreadPart], to thread: ThreadID, in store: any Checkpointer
    ) async throws {
      let fence = try await store.acquire(thread, owner: us)
      try await store.assemble(fence) { put in
        for part in parts {
          if case .thread(var header) = part {
            header.id = thread
            try put(.thread(header))
          } else {
            try put(part)
          }
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a thread taken apart is put together under another name`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        _ = try await tree(store)
        let parts = try await parts(store, of: "t")
        try await copy(parts, to: "u", in: store)
        for number in 1...6 {
          let (copy, original) = (try await path(store, number, of: "u"), try await path(store, number))
          #expect(copy == original, "checkpoint \(number)")
        }
        let copied = try await self.parts(store, of: "u")
        #expect(copied.dropFirst() == parts.dropFirst())
        #expect(
          try await store.history(of: "u", namespace: "", before: nil, limit: nil).map(\.ran.count) == [
            1, 1, 0, 1, 1, 0,
          ])
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all)
    func `nothing is put together over what exists, and nothing of what is not whole`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        let parts = try await parts(store, of: "t")
        await #expect(throws: StoreError.self) { try await store.assemble(fence) { try $0(parts[0]) } }
        await #expect(throws: StoreError.self) { try await copy(Array(parts.dropLast(20)), to: "u", in: store) }
        let headless = parts.filter { if case .checkpoint(let record, _) = $0 { record.number != 6 } else { true } }
        await #expect(throws: StoreError.self) { try await copy(headless, to: "v", in: store) }
        let gone = parts.filter { if case .checkpoint(let record, _) = $0 { record.number != 2 } else { true } }
        await #expect(throws: StoreError.self) { try await copy(gone, to: "w", in: store) }
        #expect(try await store.threads().map(\.id) == ["t"])
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `what the giver throws is told as it is, and nothing is kept`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        _ = try await tree(store)
        let fence = try await store.acquire("u", owner: us)
        await #expect(throws: Stumble()) {
          try await store.assemble(fence) { put in
            try put(.thread(.sample("u")))
            throw Stumble()
          }
        }
        await #expect(throws: Stumble()) { try await store.parts(of: "t") { _ in throw Stumble() } }
        #expect(try await store.thread("u") == nil)
      }
    }

    struct Stumble: Error, Equatable {}

    @Test(arguments: StoreUnderTest.all) func `of a thread that does not exist there are no parts`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let parts = try await parts(store, of: "nobody")
        #expect(parts == [])
      }
    }

    @Test(
      arguments: StoreUnderTest.all,
      [[1], [1, 2], [1, 2, 3], [4, 5], [2, 4], [1, 2, 3, 4, 5], [3]] as [Set<Int>])
    func `what stays after pruning reads as before`(_ kind: StoreUnderTest, _ doomed: Set<Int>) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        var before: [Int: [String]] = [:]
        for number in 1...6 { before[number] = try await path(store, number) }
        let ran = try await store.history(of: "t", namespace: "", before: nil, limit: nil)
        try await store.prune(Pruning(numbers: ["": doomed]), fence: fence)
        for number in 1...6 {
          #expect(try await path(store, number) == (doomed.contains(number) ? nil : before[number]), "\(number)")
        }
        let after = try await store.history(of: "t", namespace: "", before: nil, limit: nil)
        #expect(after == ran.filter { !doomed.contains($0.record.number) })
        #expect(try await store.gaps(of: "t", namespace: "").flatMap(\.numbers) == doomed.sorted())
        let led = [1: 2, 2: 3, 4: 5, 3: 6].filter { !doomed.contains($0.key) || !doomed.contains($0.value) }
        #expect(try await store.output(of: "t").map(\.text).sorted() == led.values.map { "made \($0)" }.sorted())
        #expect(try await store.verify() == [])
        try await store.grow(7, from: 6, [ChannelDelta("path", .append(["7"]))], fence: fence)
        #expect(try await path(store, 7) == ["1", "2", "3", "6", "7"])
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a thread can be pruned again, and what is left put together elsewhere`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        try await store.prune(Pruning(numbers: ["": [1, 2]]), fence: fence)
        try await store.prune(Pruning(numbers: ["": [3, 4]]), fence: fence)
        #expect(try await store.gaps(of: "t", namespace: "") == [CheckpointGap(numbers: 1...4, reason: .pruned)])
        try await copy(try await parts(store, of: "t"), to: "u", in: store)
        #expect(try await path(store, nil, of: "u") == ["1", "2", "3", "6"])
        #expect(try await path(store, 5, of: "u") == ["1", "2", "4", "5"])
        let (copied, original) = (try await parts(store, of: "u"), try await parts(store, of: "t"))
        #expect(copied.dropFirst() == original.dropFirst())
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a namespace goes as a whole`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        try await store.commit(
          [
            .checkpoint(.sample(1, namespace: "inner"), values: [:]),
            .task(.sample("x", at: 1, namespace: "inner")), .task(.sample("y", at: 1, namespace: "other")),
          ], fence: fence)
        try await store.prune(Pruning(namespaces: ["inner"]), fence: fence)
        #expect(try await store.checkpoint(1, of: "t", namespace: "inner") == nil)
        #expect(try await store.tasks(of: "t", namespace: "inner", checkpoint: 1) == [])
        #expect(try await store.tasks(of: "t", namespace: "other", checkpoint: 1).count == 1)
        #expect(try await store.numbers().count == 6)
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a fence that was given back prunes, assembles and deletes nothing`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        try await store.release(fence)
        await #expect(throws: StoreError.fenced) {
          try await store.prune(Pruning(numbers: ["": [1]]), fence: fence)
        }
        await #expect(throws: StoreError.fenced) { try await store.delete(fence) }
        await #expect(throws: StoreError.fenced) {
          try await store.assemble(Fence(thread: "u", number: 1)) { try $0(.thread(.sample("u"))) }
        }
        #expect(try await store.numbers().count == 6)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `cached results are forgotten by node, or all`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        for (key, node) in [("1", "a"), ("2", "a"), ("3", "b")] as [(String, NodeName)] {
          try await store.commit(
            [.cache(CacheRecord(key: key, thread: "t", node: node, result: 1, created: at(1), expires: nil))],
            fence: fence)
        }
        #expect(try await store.clearCache(of: "c") == 0)
        #expect(try await store.clearCache(of: "a") == 2)
        #expect(try await store.cached("1", now: at(1)) == nil)
        #expect(try await store.cached("3", now: at(1)) == 1)
        #expect(try await store.clearCache(of: nil) == 1)
        #expect(try await store.cached("3", now: at(1)) == nil)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a deleted thread is gone with all it made, and its name is free`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await tree(store)
        let other = try await store.start("u", ["x": 1])
        try await store.commit(
          [
            .service(.sample("k")), .cache(CacheRecord(key: "k", result: 1, expires: nil)),
          ], fence: fence)
        try await store.delete(fence)
        #expect(try await store.threads().map(\.id) == ["u"])
        #expect(try await store.checkpoint(nil, of: "t", namespace: "") == nil)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [])
        #expect(try await store.output(of: "t") == [])
        #expect(try await store.services(of: "t") == [])
        #expect(try await store.notes(of: "t", key: "") == [])
        #expect(try await store.cached("k", now: at(0)) == nil)
        #expect(try await store.owner(of: "t") == nil)
        _ = try await store.compact()
        #expect(try await store.verify() == [])
        #expect(try await store.values(of: "u") == ["x": 1])
        try await store.release(other)
        _ = try await store.start("t", ["y": 2])
        #expect(try await store.values() == ["y": 2])
      }
    }
  }
}
