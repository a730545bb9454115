import Graph
import Testing

@testable import GraphNodes

@Suite("Arguments in header fields")
struct MCPMirrorTests {
  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("two words", "two words"), (" edge", "=?base64?IGVkZ2U=?="),
    ("edge ", "=?base64?ZWRnZSA=?="), ("a\nb", "=?base64?YQpi?="), ("\t", "=?base64?CQ==?="),
    ("日本", "=?base64?5pel5pys?="), ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="), ("=?x?=", "=?x?="),
  ])
  func `texts that a header field cannot hold are encoded`(text: String, value: String) {
    #expect(MCPHeaderValue.encoded(text) == value)
  }

  @Test func `are those that the schema names, wherever properties lead`() throws {
    let mirror = try MCPMirror([
      "type": "object",
      "properties": [
        "x-mcp-header": ["type": "string"], "plain": ["type": "string", "default": ["x-mcp-header": "No"]],
        "name": ["type": "string", "x-mcp-header": "Name"],
        "deep": ["properties": ["er": ["type": "integer", "x-mcp-header": "Deep"]]],
      ],
    ])
    let arguments: JSON = ["name": "n", "deep": ["er": 2.0], "plain": "p", "x-mcp-header": "x"]
    #expect(
      mirror.fields(for: arguments).map { "\($0.name): \($0.value)" } == ["Mcp-Param-Name: n", "Mcp-Param-Deep: 2"])
    #expect(mirror.fields(for: ["name": .null]).isEmpty && mirror.fields(for: nil).isEmpty)
  }

  @Test(arguments: [
    (#"{"properties": {"a": {"type": "string", "x-mcp-header": ""}}}"#, "is no name of a header field"),
    (#"{"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}}"#, "is no name of a header field"),
    (#"{"properties": {"a": {"type": "string", "x-mcp-header": 1}}}"#, "is no name of a header field"),
    (#"{"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}"#, "no string, integer or boolean"),
    (#"{"properties": {"a": {"x-mcp-header": "A"}}}"#, "no string, integer or boolean"),
    (#"{"type": "string", "x-mcp-header": "A"}"#, "only properties lead to one"),
    (#"{"properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}}"#, "only properties lead to one"),
    (
      #"{"$defs": {"d": {"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}}}"#,
      "only properties lead to one"
    ),
    (#"{"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]}"#, "only properties lead to one"),
    (
      #"{"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}}"#,
      "is used twice"
    ),
  ])
  func `schemas that could deceive are refused`(schema: String, says: String) throws {
    let mistake = #expect(throws: MCPMirror.Mistake.self) { try MCPMirror(JSON(parsing: schema)) }
    #expect(mistake?.reason.contains(says) == true)
  }
}
