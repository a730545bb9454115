import Graph
import GraphRuntime
import Testing

@Suite("Changes of a channel")
struct ChannelDeltaTests {
  @Test func `an append to what is no list is refused, and the state is as before`() {
    var state: JSONObject = ["x": "text"]
    #expect(throws: DeltaError(channel: "x", problem: "a list is needed, not string")) {
      try ChannelDelta("x", .append([1])).apply(to: &state)
    }
    #expect(state == ["x": "text"])
  }

  @Test func `a merge into what is no object, or of one, is refused`() {
    var state: JSONObject = ["x": [1], "y": [:]]
    #expect(throws: DeltaError.self) { try ChannelDelta("x", .merge([[:]])).apply(to: &state) }
    #expect(throws: DeltaError.self) { try ChannelDelta("y", .merge([1])).apply(to: &state) }
  }

  @Test(arguments: [ChannelDelta.ListEdit.put(1, 0), .put(-1, 0), .remove(1), .remove(-1)])
  func `an edit outside the list is refused`(_ edit: ChannelDelta.ListEdit) {
    var state: JSONObject = ["x": [1]]
    #expect(throws: DeltaError.self) { try ChannelDelta("x", .edit([edit])).apply(to: &state) }
  }

  @Test func `a change keeps the channel's place among the others`() throws {
    var state: JSONObject = ["a": [1], "b": 2]
    try ChannelDelta("a", .append([2])).apply(to: &state)
    #expect(state.keys == ["a", "b"])
  }
}
