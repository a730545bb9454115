import Graph
import OrderedCollections
import Testing

@testable import GraphRuntime

@Suite("Reducers")
struct ReducerTests {
  private func fold(_ channel: ChannelDefinition, _ writes: [JSON], on old: JSON? = nil) throws -> JSON? {
    let fold = StateFold(channels: [channel.name: channel], thread: "t")
    let entries = writes.enumerated().map {
      StateFold.Entry(
        task: $0.offset, id: Self.task(NodeName(rawValue: "w\($0.offset)")), writer: "w\($0.offset)",
        write: ChannelWrite(channel.name, $0.element))
    }
    let before: JSONObject = old.map { [channel.name.rawValue: $0] } ?? [:]
    let result = try fold.apply(entries, to: before)
    var replayed = before
    for delta in result.deltas { try delta.apply(to: &replayed) }
    #expect(replayed == result.values, "the deltas make the same state")
    return result.values[channel.name.rawValue]
  }

  private static func task(_ node: NodeName, in namespace: String = "") -> TaskID {
    TaskID(namespace: namespace, due: DueMark(checkpoint: 1), node: node)
  }

  private static let folded: [(Reducer, [JSON], JSON)] = [
    (.append, [1, [2, 3], "x"], [1, 2, 3, "x"]),
    (.union, [[1, 2], 2, [3, 1]], [1, 2, 3]),
    (.sum, [1, 2.5, -1], 2.5),
    (.min, [3, 1, 2], 1),
    (.max, ["a", "c", "b"], "c"),
    (.merge, [["a": ["b": 1]], ["a": ["c": 2], "d": 3]], ["a": ["b": 1, "c": 2], "d": 3]),
    (.last, [1, 2, 3], 3),
    (.replace, [7], 7),
    (.append, [["$overwrite": [9]], 1], [9]),
  ]

  @Test(arguments: folded)
  func `folds writes in order`(reducer: Reducer, writes: [JSON], value: JSON) throws {
    #expect(try fold(ChannelDefinition("x", reducer: reducer), writes, on: reducer.start) == value)
  }

  private static let refused: [(Reducer, [JSON], ErrorKind)] = [
    (.replace, [1, 2], .conflict), (.sum, ["a"], .type), (.min, [1, "a"], .type),
    (.merge, [1], .type), (.append, [["$overwrite": 1], ["$overwrite": 2]], .conflict),
    (.messages, [["content": "no role"]], .type), (.messages, [["role": "remove", "id": "gone"]], .type),
    (.messages, [7], .type),
  ]

  @Test(arguments: refused)
  func `refuses what does not go together`(reducer: Reducer, writes: [JSON], kind: ErrorKind) throws {
    let error = #expect(throws: StateFold.Conflicts.self) {
      try fold(ChannelDefinition("x", reducer: reducer), writes, on: reducer.start)
    }
    #expect(error?.all.first?.kind == kind)
  }

  @Test func `messages append, replace by id, remove, and get ids`() throws {
    let channel = ChannelDefinition("m", reducer: .messages)
    let first = try fold(channel, ["hi", ["role": "assistant", "content": "yo", "id": "a1"]], on: [])
    #expect(first?[0]?["role"] == "user")
    #expect(first?[0]?["id"]?.stringValue?.isEmpty == false)
    let second = try fold(channel, [["role": "assistant", "content": "hello", "id": "a1"]], on: first)
    #expect(second?.arrayValue?.count == 2)
    #expect(second?[1]?["content"] == "hello")
    #expect(try fold(channel, [["role": "remove", "id": "a1"]], on: second)?.arrayValue?.count == 1)
    let cleared = try fold(channel, [["role": "remove", "id": "*"], "again"], on: second)
    #expect(cleared?.arrayValue?.map { $0["content"] } == ["again"])
  }

  @Test func `the id a message gets depends on who wrote it, and on nobody else`() throws {
    let fold = StateFold(channels: ["m": ChannelDefinition("m", reducer: .messages)], thread: "t")
    func ids(_ tasks: [TaskID]) throws -> [JSON?] {
      let entries = tasks.enumerated().map {
        StateFold.Entry(task: $0.offset, id: $0.element, writer: "w", write: ChannelWrite("m", ["one", "two"]))
      }
      return try fold.apply(entries, to: ["m": []]).values["m"]?.arrayValue?.map { $0["id"] } ?? []
    }
    let (a, b, inside) = (Self.task("a"), Self.task("b"), Self.task("a", in: "s@1"))
    let all = try ids([a, b, inside])
    #expect(Set(all).count == 6)
    #expect(try ids([b]) == Array(all[2..<4]), "the same beside others and alone")
  }

  @Test func `an ephemeral value is gone unless written again, an untracked one makes no delta`() throws {
    let channels: OrderedDictionary<ChannelName, ChannelDefinition> = [
      "e": ChannelDefinition("e", reducer: .ephemeral), "u": ChannelDefinition("u", reducer: .untracked),
    ]
    let fold = StateFold(channels: channels, thread: "t")
    let result = try fold.apply(
      [StateFold.Entry(task: 0, id: Self.task("a"), writer: "a", write: ChannelWrite("u", 1))], to: ["e": 5])
    #expect(result.values == ["u": 1])
    #expect(result.deltas == [ChannelDelta("e", .unset)])
  }

  @Test func `a value that does not fit its type after reducing is refused by name`() throws {
    let channel = ChannelDefinition("x", reducer: .append, schema: try JSONSchema(["type": "array", "maxItems": 1]))
    let error = #expect(throws: StateFold.Conflicts.self) { try fold(channel, [1, 2], on: []) }
    #expect(error?.all.first?.kind == .type)
    #expect(error?.all.first?.tasks == [0, 1])
  }
}

extension JSON {
  subscript(index: Int) -> JSON? {
    guard case .array(let items) = self, items.indices.contains(index) else { return nil }
    return items[index]
  }
}
