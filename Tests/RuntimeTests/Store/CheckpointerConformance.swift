import Graph
import GraphRuntime
import Testing

/// What every store does. A new kind of store joins ``StoreUnderTest/all``.
@Suite("Checkpointer conformance", .serialized)
enum CheckpointerConformance {
  @Suite struct Ownership {
    @Test(arguments: StoreUnderTest.all) func `the first fence of a thread is 1`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store async throws in
        #expect(try await store.acquire("t", owner: us) == Fence(thread: "t", number: 1))
      }
    }

    @Test(arguments: StoreUnderTest.all) func `acquiring makes no thread`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        _ = try await store.acquire("t", owner: us)
        #expect(try await store.thread("t") == nil)
        #expect(try await store.threads() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a thread that is had is busy, and who has it is told`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        _ = try await store.acquire("t", owner: us)
        await #expect(throws: StoreError.busy(us)) { try await store.acquire("t", owner: them) }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a thread given back can be had again, with a higher fence`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let first = try await store.acquire("t", owner: us)
        try await store.release(first)
        #expect(try await store.acquire("t", owner: them).number > first.number)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a fence that was given back commits nothing`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.release(fence)
        await #expect(throws: StoreError.fenced) {
          try await store.commit([.thread(.sample(status: .done))], fence: fence)
        }
        #expect(try await store.thread("t")?.status == .running)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `an older fence commits nothing after a take-over`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let old = try await store.start()
        try await store.release(old)
        let new = try await store.acquire("t", owner: them)
        await #expect(throws: StoreError.fenced) { try await store.commit([.output([.sample("late")])], fence: old) }
        try await store.commit([.output([.sample("in time")])], fence: new)
        #expect(try await store.output(of: "t").map(\.text) == ["in time"])
        #expect(try await store.output(of: "t", after: 1).isEmpty)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a fence nobody gave commits nothing`(_ kind: StoreUnderTest) async throws
    {
      try await kind.with { store in
        let fence = try await store.start()
        await #expect(throws: StoreError.fenced) {
          try await store.commit([], fence: Fence(thread: "t", number: fence.number + 1))
        }
        await #expect(throws: StoreError.fenced) { try await store.commit([], fence: Fence(thread: "u", number: 1)) }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `giving an older fence back leaves the newer one`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let old = try await store.start()
        try await store.release(old)
        let new = try await store.acquire("t", owner: them)
        try await store.release(old)
        try await store.commit([.thread(.sample(head: 1, status: .done))], fence: new)
        #expect(try await store.thread("t")?.status == .done)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the owner is told while it lives`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        #expect(try await store.owner(of: "t") == nil)
        let fence = try await store.acquire("t", owner: us)
        #expect(try await store.owner(of: "t") == us)
        try await store.release(fence)
        #expect(try await store.owner(of: "t") == nil)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `threads are had one by one`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let (a, b) = (try await store.start("a"), try await store.start("b"))
        try await store.release(a)
        try await store.commit([.thread(.sample("b", head: 1, status: .done))], fence: b)
        #expect(try await store.owner(of: "a") == nil)
        #expect(try await store.owner(of: "b") == us)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `of many who want a thread at once exactly one gets it`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let got = await withTaskGroup { group in
          for pid in 1...16 {
            group.addTask { try? await store.acquire("t", owner: OwnerRecord(pid: pid, host: "h", bootID: "b")) }
          }
          return await group.reduce(into: 0) { $0 += $1 == nil ? 0 : 1 }
        }
        #expect(got == 1)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `asking for the owner never gets in the way of acquiring`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        for _ in 0..<10 {
          async let asked: [OwnerRecord?] = [store.owner(of: "t"), store.owner(of: "t"), store.owner(of: "t")]
          let fence = try await store.acquire("t", owner: us)
          _ = try await asked
          try await store.release(fence)
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a closed store takes and gives nothing`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.close()
        await #expect(throws: StoreError.self) { try await store.commit([], fence: fence) }
        await #expect(throws: StoreError.self) { try await store.thread("t") }
        await #expect(throws: StoreError.self) { try await store.acquire("u", owner: us) }
        try await store.close()
      }
    }
  }
}
