import Graph
import GraphRuntime
import Testing

extension CheckpointerConformance {
  @Suite struct States {
    static let changes: [(String, JSON?, [ChannelDelta.Change], JSON?)] = [
      ("set on nothing", nil, [.set(1)], 1),
      ("set over a value", [1], [.set(["a": .null])], ["a": .null]),
      ("set to null", 1, [.set(.null)], JSON.null),
      ("unset", 1, [.unset], nil),
      ("unset on nothing", nil, [.unset], nil),
      ("append on nothing", nil, [.append([1])], [1]),
      ("append nothing", [1], [.append([])], [1]),
      ("append", [1], [.append([2, [3]]), .append([.null])], [1, 2, [3], .null]),
      ("edit: append", nil, [.edit([.append(1), .append(2)])], [1, 2]),
      ("edit: put", [1, 2], [.edit([.put(1, "x")])], [1, "x"]),
      ("edit: remove", [1, 2, 3], [.edit([.remove(0), .remove(1)])], [2]),
      ("edit: remove all", [1, 2], [.edit([.removeAll, .append(9)])], [9]),
      ("merge on nothing", nil, [.merge([["a": 1]])], ["a": 1]),
      (
        "merge deeply", ["a": ["b": 1, "c": 2]], [.merge([["a": ["b": .null, "d": [1]]], ["a": ["c": 3]]])],
        ["a": ["b": .null, "c": 3, "d": [1]]]
      ),
      ("merge a value over an object", ["a": ["b": 1]], [.merge([["a": 1]])], ["a": 1]),
    ]

    @Test(arguments: StoreUnderTest.all, changes.indices) func `each kind of change comes back and is applied`(
      _ kind: StoreUnderTest, _ index: Int
    ) async throws {
      let (name, before, changes, after) = Self.changes[index]
      try await kind.with { store in
        let fence = try await store.start("t", before.map { ["x": $0, "other": "kept"] } ?? ["other": "kept"])
        let deltas = changes.map { ChannelDelta("x", $0) }
        try await store.grow(2, from: 1, deltas, fence: fence)
        let stored = try #require(try await store.checkpoint(nil, of: "t", namespace: ""))
        #expect(stored.values["x"] == after, "\(name)")
        #expect(stored.values["other"] == "kept")
        #expect(stored.record.deltas == deltas)
      }
    }

    static let values: [JSON] = [
      0, -1, 9_007_199_254_740_993, .int(.max), .int(.min), 0.1, 1e-300, 1.7976931348623157e308, .double(-0.0), "",
      "\u{0}", "a\u{0}b", "\"\\/\u{8}\u{C}\n\r\t\u{1F}\u{7F}", "é 漢字 👩‍👩‍👧 \u{2028}\u{202E}\u{FEFF}",
      "'; DROP TABLE thread; --",
      "${{ .x }} $result", ["": 1], ["$overwrite": 1], ["set": 1, "channel": "x"], [[], [:], [[]]],
      .string(String(repeating: "x", count: 1_000_000)), .array((0..<5_000).map(JSON.int)),
      .object(JSONObject((0..<2_000).map { ("key \($0)", .int($0)) })),
    ]

    @Test(arguments: StoreUnderTest.all) func `values come back exactly`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        var fence = try await store.start("t", ["x": .null])
        for (index, value) in Self.values.enumerated() {
          let written = try await store.grow(index + 2, from: index + 1, [ChannelDelta("x", .set(value))], fence: fence)
          #expect(try await store.values() == written)
        }
        try await store.release(fence)
        fence = try await store.acquire("t", owner: us)
        var result = TaskRecord.sample("a", at: Self.values.count + 1)
        result.result = .array(Self.values)
        try await store.commit([.task(result)], fence: fence)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: Self.values.count + 1) == [result])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the deepest value allowed comes back, a deeper one is refused`(
      _ kind: StoreUnderTest
    ) async throws {
      @Sendable func nested(_ depth: Int) -> JSON { (0..<depth).reduce(1) { value, _ in ["in": value] } }
      try await kind.with { store in
        let deepest = nested(JSONLimits.depth)
        let fence = try await store.start("t", ["x": deepest])
        var task = TaskRecord.sample("a", at: 1, result: deepest)
        task.writes = [ChannelWrite("x", deepest)]
        task.triggers = [.fanOut("b", items: [deepest], parallel: nil)]
        try await store.commit([.task(task)], fence: fence)
        let due = DueTask(
          id: task.id, item: FanOutItem(sender: "a", value: deepest, index: 0, parallel: nil),
          errors: [TaskError(node: "a", kind: .exit, message: "", result: deepest)])
        try await store.commit(
          [
            .checkpoint(
              .sample(2, parent: 1, [ChannelDelta("y", .append([deepest]))], agenda: Agenda(due: [due])),
              values: ["x": deepest, "y": [deepest]])
          ], fence: fence)
        let stored = try #require(try await store.checkpoint(2, of: "t", namespace: ""))
        #expect(stored.values == ["x": deepest, "y": [deepest]])
        #expect(stored.record.agenda.due == [due])
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [task])
        for bad in [nested(JSONLimits.depth + 1), .double(.infinity), .double(.nan)] {
          await #expect(throws: StoreError.self) {
            try await store.commit(
              [.checkpoint(.sample(3, parent: 2, [ChannelDelta("x", .set(bad))]), values: ["x": bad])], fence: fence)
          }
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the agenda comes back as it was`(_ kind: StoreUnderTest) async throws {
      let error = TaskError(node: "a", kind: .protocol, message: "m", result: ["evidence": 1])
      let item = FanOutItem(sender: "a", value: ["x": .null], index: 3, parallel: 2)
      let agenda = Agenda(
        due: [
          DueTask(id: TaskID(due: DueMark(checkpoint: 1), node: "b")),
          DueTask(
            id: TaskID(namespace: "sub/x[2]", due: DueMark(checkpoint: 4, offset: 2), node: "c", index: 3), item: item),
          DueTask(
            id: TaskID(due: DueMark(checkpoint: 1), node: "d"), errors: [error, TaskError(kind: .exit, message: "")]),
        ], arrivals: ["join": ["a", "b"], "empty": []], deferred: ["last": [error], "plain": []])
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit([.checkpoint(.sample(2, parent: 1, agenda: agenda), values: [:])], fence: fence)
        #expect(try await store.checkpoint(2, of: "t", namespace: "")?.record.agenda == agenda)
        #expect(try await store.history(of: "t", namespace: "", before: nil, limit: 1).first?.record.agenda == agenda)
      }
    }

    @Test(arguments: StoreUnderTest.all, [CheckpointSource.input, .step, .update, .fork])
    func `a checkpoint comes back as it was`(
      _ kind: StoreUnderTest, _ source: CheckpointSource
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        var record = CheckpointRecord.sample(5, parent: 1, source: source, [ChannelDelta("x", .set(1))])
        (record.step, record.created) = (17, at(-1))
        try await store.commit([.checkpoint(record, values: ["x": 1])], fence: fence)
        #expect(
          try await store.checkpoint(5, of: "t", namespace: "") == StoredCheckpoint(record: record, values: ["x": 1]))
      }
    }

    @Test(arguments: StoreUnderTest.all) func `any checkpoint of a long line has its own state`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t", ["list": [], "text": ""])
        for number in 2...300 {
          let deltas = [
            ChannelDelta("list", .append([.int(number)])), ChannelDelta("text", .set(.string("\(number)"))),
          ]
          try await store.commit(
            [
              .thread(.sample(head: number)),
              .checkpoint(
                .sample(number, parent: number - 1, deltas),
                values: ["list": .array((2...number).map(JSON.int)), "text": .string("\(number)")]),
            ], fence: fence)
        }
        for number in [1, 2, 3, 63, 64, 65, 150, 299, 300] {
          let values = try #require(try await store.values(number))
          #expect(values["list"]?.arrayValue?.count == number - 1)
          #expect(values["text"] == (number == 1 ? "" : .string("\(number)")))
        }
        #expect(try await store.verify() == [])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `forks are branches of a tree, each with its own state`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start("t", ["path": ["1"]])
        func grow(_ number: Int, from parent: Int, _ source: CheckpointSource = .step) async throws {
          try await store.grow(
            number, from: parent, [ChannelDelta("path", .append([.string("\(number)")]))], source: source, fence: fence)
        }
        try await grow(2, from: 1)
        try await grow(3, from: 2)
        try await grow(4, from: 2, .fork)
        try await grow(5, from: 4)
        try await grow(6, from: 3)
        try await grow(7, from: 1, .fork)
        func path(_ number: Int?) async throws -> [String]? {
          try await store.values(number)?["path"]?.arrayValue?.compactMap(\.stringValue)
        }
        #expect(try await path(6) == ["1", "2", "3", "6"])
        #expect(try await path(5) == ["1", "2", "4", "5"])
        #expect(try await path(7) == ["1", "7"])
        #expect(try await path(nil) == ["1", "7"])
        #expect(try await path(2) == ["1", "2"])
        #expect(try await store.numbers() == [7, 6, 5, 4, 3, 2, 1])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a first checkpoint that says less than its state is kept whole`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.acquire("t", owner: us)
        try await store.commit(
          [.thread(.sample(head: 3)), .checkpoint(.sample(3), values: ["a": 1])], fence: fence)
        try await store.grow(4, from: 3, [ChannelDelta("b", .set(2))], fence: fence)
        #expect(try await store.values() == ["a": 1, "b": 2])
        #expect(try await store.values(3) == ["a": 1])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a number that is not above the others is refused`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.grow(5, from: 1, [], fence: fence)
        for number in [1, 3, 5] {
          await #expect(throws: StoreError.self) {
            try await store.grow(number, from: 1, [], source: .fork, fence: fence)
          }
        }
      }
    }

    @Test(arguments: StoreUnderTest.all) func `namespaces count for themselves`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await store.start("t", ["x": "outer"])
        try await store.commit(
          [
            .checkpoint(.sample(1, [ChannelDelta("x", .set("inner"))], namespace: "sub[0]"), values: ["x": "inner"]),
            .task(.sample("a", at: 1, namespace: "sub[0]")), .task(.sample("b", at: 1)),
          ], fence: fence)
        #expect(try await store.checkpoint(nil, of: "t", namespace: "sub[0]")?.values == ["x": "inner"])
        #expect(try await store.values() == ["x": "outer"])
        #expect(try await store.tasks(of: "t", namespace: "sub[0]", checkpoint: 1).map(\.id.node) == ["a"])
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1).map(\.id.node) == ["b"])
        #expect(try await store.history(of: "t", namespace: "sub[0]", before: nil, limit: nil).count == 1)
      }
    }
  }
}
