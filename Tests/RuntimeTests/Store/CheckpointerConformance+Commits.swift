import Graph
import GraphRuntime
import Testing

extension CheckpointerConformance {
  @Suite struct Commits {
    @Test(arguments: StoreUnderTest.all) func `a header comes back as it was`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        var record = ThreadRecord.sample(status: .failed)
        record.error = TaskError(node: "a", kind: .limit, message: "1000 steps", result: [1])
        record.durability = .exit
        let fence = try await store.acquire("t", owner: us)
        try await store.commit([.thread(record)], fence: fence)
        #expect(try await store.thread("t") == record)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a header is replaced as a whole`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        var record = ThreadRecord.sample(head: 1, status: .done)
        (record.graphPath, record.next) = (nil, [])
        try await store.commit([.thread(record)], fence: fence)
        #expect(try await store.thread("t") == record)
        #expect(try await store.threads() == [record])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `threads are listed newest first by creation, whatever their clocks say`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        for id in ["c", "a", "b"] as [ThreadID] { _ = try await store.start(id) }
        #expect(try await store.threads().map(\.id) == ["b", "a", "c"])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a changed header keeps the thread's place`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let first = try await store.start("first")
        _ = try await store.start("second")
        try await store.commit([.thread(.sample("first", head: 1, status: .done))], fence: first)
        #expect(try await store.threads().map(\.id) == ["second", "first"])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `what is not there is nil or empty`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store async throws in
        #expect(try await store.thread("t") == nil)
        #expect(try await store.checkpoint(nil, of: "t", namespace: "") == nil)
        #expect(try await store.checkpoint(7, of: "t", namespace: "") == nil)
        #expect(try await store.history(of: "t", namespace: "", before: nil, limit: nil) == [])
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [])
        #expect(try await store.output(of: "t") == [])
        #expect(try await store.services(of: "t") == [])
        #expect(try await store.graph("abc") == nil)
        #expect(try await store.cached("k", now: at(0)) == nil)
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a commit that fails leaves nothing of itself`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t", ["n": 1])
        await #expect(throws: StoreError.self) {
          try await store.commit(
            [
              .thread(.sample(head: 2, status: .done)), .output([.sample("lost")]), .service(.sample("k")),
              .cache(CacheRecord(key: "k", result: 1, expires: nil)), .task(.sample("a", at: 1)),
              .graph(GraphRecord(hash: "abc", name: "g", text: "graph: g")),
              .checkpoint(.sample(2, parent: 9), values: [:]),
            ], fence: fence)
        }
        #expect(try await store.thread("t") == .sample(head: 1))
        #expect(try await store.output(of: "t") == [])
        #expect(try await store.services(of: "t") == [])
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [])
        #expect(try await store.cached("k", now: at(0)) == nil)
        #expect(try await store.graph("abc") == nil)
        #expect(try await store.numbers() == [1])
        #expect(try await store.values() == ["n": 1])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `after a commit that failed the next one works`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        await #expect(throws: StoreError.self) {
          try await store.commit([.checkpoint(.sample(1), values: [:])], fence: fence)
        }
        try await store.grow(2, from: 1, [], fence: fence)
        #expect(try await store.numbers() == [2, 1])
      }
    }

    @Test(arguments: StoreUnderTest.all)
    func `tasks are sealed by the checkpoint they lead to, whenever and however often they were stored`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        // One of a later checkpoint, two that are stored again, and equal places, which go by name.
        try await store.commit([.task(.sample("z", at: 3, ordinal: 1))], fence: fence)
        for status in [TaskStatus.started, .done] {
          try await store.commit(
            [.task(.sample("b", at: 1, status: status)), .task(.sample("a", at: 1))], fence: fence)
        }
        try await store.grow(2, from: 1, [], fence: fence)
        try await store.commit([.task(.sample("c", at: 2)), .task(.sample("c", at: 2, index: 1))], fence: fence)
        try await store.grow(3, from: 2, [], fence: fence)
        try await store.commit([.task(.sample("y", at: 3))], fence: fence)
        try await store.grow(4, from: 3, [], fence: fence)
        for index in 0..<100 { try await store.commit([.task(.sample("d", at: 4, index: index))], fence: fence) }
        try await store.grow(5, from: 4, [], fence: fence)
        #expect(try await store.verify() == [])
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 3).count == 2)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 4).count == 100)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a commit without changes checks the fence`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in try await store.commit([], fence: try await store.start()) }
    }

    @Test(arguments: StoreUnderTest.all) func `a row without its thread's header is refused`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.acquire("t", owner: us)
        await #expect(throws: StoreError.self) { try await store.commit([.output([.sample("x")])], fence: fence) }
        await #expect(throws: StoreError.self) {
          try await store.commit([.checkpoint(.sample(1), values: [:])], fence: fence)
        }
        try await store.commit([.checkpoint(.sample(1), values: [:]), .thread(.sample(head: 1))], fence: fence)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `another thread's header or service is refused`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        await #expect(throws: StoreError.self) { try await store.commit([.thread(.sample("u"))], fence: fence) }
        await #expect(throws: StoreError.self) {
          try await store.commit([.service(.sample("k", thread: "u"))], fence: fence)
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a commit goes on when its caller is cancelled`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        let task = Task {
          unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
          try await store.commit([.thread(.sample(head: 1, status: .stopped))], fence: fence)
        }
        try await task.value
        #expect(try await store.thread("t")?.status == .stopped)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `commits from many tasks all land`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await withThrowingTaskGroup { group in
          for index in 0..<40 {
            group.addTask {
              try await store.commit([.task(.sample("a", at: 1, ordinal: index, index: index))], fence: fence)
            }
          }
          try await group.waitForAll()
        }
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1).map(\.ordinal) == Array(0..<40))
      }
    }

    @Test(arguments: StoreUnderTest.all) func `readers see whole commits while others are made`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t", ["a": 1, "b": 1])
        async let writing: Void = {
          for number in 2...40 {
            let value = JSON.int(number)
            try await store.commit(
              [
                .thread(.sample(head: number)),
                .checkpoint(
                  .sample(
                    number, parent: number - 1, [ChannelDelta("a", .set(value)), ChannelDelta("b", .set(value))]),
                  values: ["a": value, "b": value]),
              ], fence: fence)
          }
        }()
        for _ in 0..<40 {
          let seen = try #require(try await store.checkpoint(nil, of: "t", namespace: ""))
          #expect(seen.values["a"] == seen.values["b"])
          #expect(seen.values["a"] == .int(seen.record.number == 1 ? 1 : seen.record.number))
        }
        try await writing
        #expect(try await store.numbers().count == 40)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a read sees every commit that returned`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        for number in 2...20 {
          try await store.grow(number, from: number - 1, [], fence: fence)
          #expect(try await store.thread("t")?.head == number)
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `threads do not see each other's rows`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        for index in 0..<12 {
          let id = ThreadID(rawValue: "thread-\(index)")
          let fence = try await store.start(id, ["me": .int(index)])
          try await store.commit(
            [.output([.sample("\(index)")]), .task(.sample("a", at: 1)), .service(.sample("k", thread: id))],
            fence: fence)
        }
        for index in 0..<12 {
          let id = ThreadID(rawValue: "thread-\(index)")
          #expect(try await store.values(of: id) == ["me": .int(index)])
          #expect(try await store.output(of: id).map(\.text) == ["\(index)"])
          #expect(try await store.tasks(of: id, namespace: "", checkpoint: 1).count == 1)
          #expect(try await store.services(of: id).count == 1)
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a graph's text is kept once per hash`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let graph = GraphRecord(hash: "abc", name: "loop", text: "graph: loop\n\u{0}# é")
        let fence = try await store.start()
        try await store.commit([.graph(graph)], fence: fence)
        try await store.commit([.graph(GraphRecord(hash: "abc", name: "other", text: "other"))], fence: fence)
        #expect(try await store.graph("abc") == graph)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `output keeps its order and every character`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        let texts = [
          "one\n", "", "zwei ü 漢 👩‍👩‍👧 \u{202E}", "a\u{0}b\u{0}", "\u{1B}[2J\r\n",
          String(repeating: "long ", count: 100_000),
        ]
        try await store.commit([.output(texts.map { .sample($0) })], fence: fence)
        try await store.commit([.output([.sample("last", stream: .thinking, node: "b")])], fence: fence)
        let stored = try await store.output(of: "t")
        #expect(stored.map(\.text) == texts + ["last"])
        #expect(stored.last == .sample("last", stream: .thinking, node: "b"))
      }
    }

    @Test(arguments: StoreUnderTest.all) func `services are kept, replaced and ended by key`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit([.service(.sample("a")), .service(.sample("b"))], fence: fence)
        try await store.commit([.service(.sample("a", pid: 99))], fence: fence)
        #expect(try await store.services(of: "t") == [.sample("a", pid: 99), .sample("b")])
        try await store.commit([.serviceEnded(key: "a"), .serviceEnded(key: "unknown")], fence: fence)
        #expect(try await store.services(of: "t") == [.sample("b")])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the cache forgets at the time it was told`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit(
          [
            .cache(CacheRecord(key: "for ever", result: ["x": 1], expires: nil)),
            .cache(CacheRecord(key: "a while", result: .null, expires: at(100))),
          ], fence: fence)
        #expect(try await store.cached("for ever", now: at(.max)) == ["x": 1])
        #expect(try await store.cached("a while", now: at(99)) == JSON.null)
        #expect(try await store.cached("a while", now: at(100)) == nil)
        try await store.commit([.cache(CacheRecord(key: "a while", result: 2, expires: at(200)))], fence: fence)
        #expect(try await store.cached("a while", now: at(100)) == 2)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the cache is every thread's`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await store.start("a")
        try await store.commit([.cache(CacheRecord(key: "k", result: 1, expires: nil))], fence: fence)
        try await store.release(fence)
        #expect(try await store.cached("k", now: at(0)) == 1)
      }
    }
  }
}
