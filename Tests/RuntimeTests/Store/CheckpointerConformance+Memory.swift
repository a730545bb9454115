import Graph
import GraphRuntime
import Testing

extension CheckpointerConformance {
  @Suite struct SharedMemory {
    private func item(
      _ labels: [String], _ key: String, _ value: JSON = true, expires: Int? = nil
    ) throws -> MemoryItem {
      MemoryItem(
        namespace: try #require(MemoryNamespace(labels)), key: key, value: value, updated: Timestamp(milliseconds: 1),
        expires: expires.map(Timestamp.init(milliseconds:)))
    }

    private func query(_ labels: [String], key: String? = nil, _ filter: JSONObject = [:]) throws -> MemoryQuery {
      MemoryQuery(try #require(MemoryNamespace(labels)), key: key, filter: filter)
    }

    private let now = Timestamp(milliseconds: 10)

    @Test(arguments: StoreUnderTest.all) func `a put item is found by another thread, and replaced by the next`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let (a, b) = (try await store.start("a"), try await store.start("b"))
        try await store.commit([.memory(.put(item(["users", "bea"], "name", "Bea")))], fence: a)
        #expect(try await store.items(query(["users", "bea"], key: "name"), now: now).map(\.value) == ["Bea"])
        try await store.commit([.memory(.put(item(["users", "bea"], "name", "Beatrice")))], fence: b)
        #expect(try await store.items(query(["users"]), now: now).map(\.value) == ["Beatrice"])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a change belongs to its commit and its fence`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let old = try await store.start("t")
        await #expect(throws: StoreError.self) {
          try await store.commit(
            [.memory(.put(item(["a"], "k"))), .checkpoint(.sample(1, parent: nil), values: [:])], fence: old)
        }
        try await store.release(old)
        await #expect(throws: StoreError.fenced) {
          try await store.commit([.memory(.put(item(["a"], "k")))], fence: old)
        }
        #expect(try await store.items(query(["a"]), now: now) == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a search is at and below the namespace, by namespace and key`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t")
        let items = [
          try item(["a", "b"], "1"), try item(["a"], "2"), try item(["ab"], "3"), try item(["a", "b"], "0"),
          try item(["a-b"], "4"), try item(["a0"], "5"), try item(["b", "a"], "6"),
        ]
        try await store.commit(items.map { .memory(.put($0)) }, fence: fence)
        #expect(try await store.items(query(["a"]), now: now).map(\.key) == ["2", "0", "1"])
        var page = try query(["a"])
        (page.limit, page.offset) = (1, 1)
        #expect(try await store.items(page, now: now).map(\.key) == ["0"])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a filter compares members, and its keys are only data`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t")
        let items = [
          try item(["a"], "1", ["kind": "x", "n": 1]), try item(["a"], "2", ["kind": "y", "n": 1]),
          try item(["a"], "3", "text"),
        ]
        try await store.commit(items.map { .memory(.put($0)) }, fence: fence)
        #expect(try await store.items(query(["a"], ["n": 1, "kind": "y"]), now: now).map(\.key) == ["2"])
        for key in ["kind') OR '1'='1", "kind\"", "$.kind", "'; DROP TABLE memory; --"] {
          #expect(try await store.items(query(["a"], [key: "x"]), now: now) == [])
          #expect(try await store.items(query([key.replacing("/", with: "")], key: key), now: now) == [])
        }
        #expect(try await store.items(query(["a"]), now: now).count == 3)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `what has expired is not found; what is deleted is gone`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t")
        try await store.commit(
          [
            .memory(.put(item(["a"], "old", expires: 10))), .memory(.put(item(["a"], "new", expires: 11))),
            .memory(.put(item(["a"], "gone"))),
          ], fence: fence)
        let gone = try item(["a"], "gone")
        try await store.commit([.memory(.delete(gone.namespace, key: "gone"))], fence: fence)
        #expect(try await store.items(query(["a"]), now: now).map(\.key) == ["new"])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `items survive what becomes of the thread that made them`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t")
        try await store.commit([.memory(.put(item(["a"], "k", [1, 9_007_199_254_740_993])))], fence: fence)
        try await store.release(fence)
        _ = try await store.acquire("t", owner: them)
        #expect(try await store.items(query(["a"]), now: now).map(\.value) == [[1, 9_007_199_254_740_993]])
      }
    }
  }
}
