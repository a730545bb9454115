import Graph
import Testing

@testable import GraphRuntime

extension CheckpointerConformance {
  @Suite struct Tasks {
    @Test(arguments: StoreUnderTest.all) func `a task comes back as it was`(_ kind: StoreUnderTest) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        let task = TaskRecord.full(at: 1)
        try await store.commit([.task(task)], fence: fence)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [task])
      }
    }

    @Test(arguments: StoreUnderTest.all, [TaskStatus.started, .done, .failed, .waiting, .skipped, .cached])
    func `a task is replaced as a whole`(_ kind: StoreUnderTest, _ status: TaskStatus) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        var task = TaskRecord.full(at: 1)
        try await store.commit([.task(task)], fence: fence)
        task = TaskRecord(id: task.id, checkpoint: 1, ordinal: 0, status: status)
        try await store.commit([.task(task)], fence: fence)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [task])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `notes come back in order, by key, the later of one name`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        let notes = [
          NoteRecord(key: "k", name: "b", value: 1), NoteRecord(key: "k", name: "a", value: ["x": .null]),
          NoteRecord(key: "", name: "a", value: "thread"), NoteRecord(key: "k", name: "b", value: 2),
        ]
        for note in notes { try await store.commit([.note(note)], fence: fence) }
        #expect(try await store.notes(of: "t", key: "k") == [notes[3], notes[1]])
        #expect(try await store.notes(of: "t", key: "") == [notes[2]])
        #expect(try await store.notes(of: "other", key: "k") == [])
        #expect(try await store.verify() == [])
      }
    }

    @Test(
      arguments: StoreUnderTest.all, [(TaskStatus.done, true), (.failed, false), (.waiting, false), (.started, false)])
    func `a task's notes go when it is finished, and no others`(
      _ kind: StoreUnderTest, _ end: (status: TaskStatus, areGone: Bool)
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        let (a, b) = (TaskRecord.sample("a", at: 1, status: .started), TaskRecord.sample("b", at: 1, ordinal: 1))
        let notes = [a, b].map { NoteRecord(key: TaskKey.key("t", $0.id), name: "turn", value: .string($0.label)) }
        try await store.commit(notes.map(StoreChange.note), fence: fence)
        try await store.commit([.task(.sample("a", at: 1, status: end.status))], fence: fence)
        #expect(try await store.notes(of: "t", key: notes[0].key) == (end.areGone ? [] : [notes[0]]))
        #expect(try await store.notes(of: "t", key: notes[1].key) == [notes[1]])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `the last of a commit's records of one task is kept`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit(
          [.task(.sample("a", at: 1, status: .started)), .task(.sample("a", at: 1, status: .done, result: 1))],
          fence: fence)
        #expect(
          try await store.tasks(of: "t", namespace: "", checkpoint: 1) == [
            .sample("a", at: 1, status: .done, result: 1)
          ])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `tasks that differ in node, index or due are different tasks`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        var late = TaskRecord.sample("a", at: 1, ordinal: 3)
        late.id.due.offset = 1
        let tasks: [TaskRecord] = [
          .sample("a", at: 1, ordinal: 0), .sample("b", at: 1, ordinal: 1), .sample("a", at: 1, ordinal: 2, index: 1),
          late,
        ]
        try await store.commit(tasks.map(StoreChange.task), fence: fence)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1) == tasks)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `tasks are listed by ordinal, in whatever order they came`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        for ordinal in [3, 0, 11, 2, 1] {
          try await store.commit([.task(.sample("each", at: 1, ordinal: ordinal, index: 20 - ordinal))], fence: fence)
        }
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1).map(\.ordinal) == [0, 1, 2, 3, 11])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a task of a super-step that ended no longer changes`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit(
          [.checkpoint(.sample(2, parent: 1), values: [:]), .task(.sample("a", at: 1))], fence: fence)
        await #expect(throws: StoreError.self) {
          try await store.commit([.task(.sample("a", at: 1, result: 2))], fence: fence)
        }
        await #expect(throws: StoreError.self) { try await store.commit([.task(.sample("b", at: 1))], fence: fence) }
        try await store.commit([.task(.sample("b", at: 2))], fence: fence)
      }
    }

    @Test(arguments: StoreUnderTest.all, [CheckpointSource.fork, .update])
    func `beside a branch, a super-step still runs`(
      _ kind: StoreUnderTest, _ source: CheckpointSource
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.grow(2, from: 1, [], source: source, fence: fence)
        try await store.commit([.task(.sample("a", at: 1))], fence: fence)
        #expect(try await store.tasks(of: "t", namespace: "", checkpoint: 1).count == 1)
        #expect(try await store.verify() == [])
      }
    }
  }

  @Suite struct History {
    @Test(arguments: StoreUnderTest.all) func `history shows the newest first, in pages`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        for number in 2...10 { try await store.grow(number, from: number - 1, [], fence: fence) }
        #expect(try await store.numbers() == Array((1...10).reversed()))
        #expect(try await store.numbers(limit: 3) == [10, 9, 8])
        #expect(try await store.numbers(before: 8, limit: 3) == [7, 6, 5])
        #expect(try await store.numbers(before: 3) == [2, 1])
        #expect(try await store.numbers(before: 100, limit: 1) == [10])
        #expect(try await store.numbers(before: 1) == [])
        #expect(try await store.numbers(limit: 0) == [])
        #expect(try await store.numbers(limit: .max).count == 10)
      }
    }

    @Test(arguments: StoreUnderTest.all) func `history shows the tasks that led to each step`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        var ran: [TaskRecord] = [.sample("a", at: 1), .sample("b", at: 1, ordinal: 1, status: .skipped)]
        ran[0].writes = [ChannelWrite("m", 1), ChannelWrite("n", 2), ChannelWrite("m", 3)]
        try await store.commit(
          ran.map(StoreChange.task) + [.checkpoint(.sample(2, parent: 1), values: [:])], fence: fence)
        try await store.commit([.task(.sample("c", at: 2, status: .failed))], fence: fence)
        try await store.grow(3, from: 2, [ChannelDelta("x", .set(1))], source: .update, fence: fence)
        let history = try await store.history(of: "t", namespace: "", before: nil, limit: nil)
        #expect(history.map(\.ran) == [[], ran, []])
        #expect(history.map(\.changed).dropLast() == [["x"], ["m", "n"]])
        #expect(history.map(\.record.source) == [.update, .step, .input])
        #expect(history.map(\.record.parent) == [2, 1, nil])
      }
    }

    @Test(arguments: StoreUnderTest.all) func `a fork shows no tasks, the branch beside it its own`(
      _ kind: StoreUnderTest
    ) async throws {
      try await kind.with { store in
        let fence = try await store.start()
        try await store.commit(
          [.task(.sample("a", at: 1)), .checkpoint(.sample(2, parent: 1), values: [:])], fence: fence)
        try await store.grow(3, from: 1, [], source: .fork, fence: fence)
        try await store.commit(
          [.task(.sample("b", at: 3)), .checkpoint(.sample(4, parent: 3), values: [:])], fence: fence)
        let ran = try await store.history(of: "t", namespace: "", before: nil, limit: nil).map { $0.ran.map(\.id.node) }
        #expect(ran == [["b"], [], ["a"], []])
      }
    }
  }
}
