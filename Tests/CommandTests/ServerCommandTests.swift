import Foundation
import Graph
import Testing

/// `graphrun tools` and `graphrun call` against a real server process.
@Suite("Tools and calls", .serialized, .timeLimit(.minutes(3)))
struct ServerCommandTests {
  static let stub = Picture.root.appending(path: "Tests/Servers/mcp_stub.py").path

  private static func servers(_ faults: String...) -> [String: String] {
    let list = ([stub] + faults).map { JSON.string($0).text }.joined(separator: ",")
    return [
      "mcp.json": "{\"mcpServers\": {\"stub\": {\"command\": \"python3\", \"args\": [\(list)]}}}",
      "s.graph": """
      graph: s
      servers:
        own: { command: python3, args: ["\(stub)", --era, legacy] }
      state: { x: {} }
      start: a
      nodes:
        a: { set: { x: 1 } }
      """,
    ]
  }

  private static func withTool(_ files: [String: String] = servers(), _ body: (Tool) async throws -> Void) async throws
  {
    let tool = try Tool(files)
    defer { tool.remove() }
    try await body(tool)
  }

  // MARK: - tools

  @Test(arguments: [
    ["tools", "stub"], ["tools", "s"], ["tools", "own", "--graph", "s"], ["tools", "s", "--server", "own"],
  ])
  func `servers are found by name, by graph, and in a graph`(arguments: [String]) async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(arguments + ["--json"])
      #expect(outcome.code == 0, "\(outcome.error)")
      let lines = try outcome.lines()
      let add = try #require(lines.first { $0["name"] == "add" })
      #expect(add["server"] == (arguments.contains("stub") ? "stub" : "own"))
      #expect(add["inputSchema"]?["required"] == ["a", "b"] && add["outputSchema"] != nil)
      #expect(add["annotations"]?["idempotentHint"] == true && add["annotations"]?["destructiveHint"] == true)
      #expect(lines.first { $0["name"] == "echo" }?["title"] == "Echo")
    }
  }

  @Test func `a command may be typed; what is required is marked`() async throws {
    try await Self.withTool([:]) { tool in
      let outcome = try await tool.call(["tools", "--", "python3", Self.stub])
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(outcome.output.contains("echo  [reads only]"))
      #expect(outcome.output.contains("text*  string"))
    }
  }

  @Test func `descriptions cannot steer the terminal`() async throws {
    let script = """
      import json, sys
      for line in sys.stdin:
          m = json.loads(line)
          if m.get("id") is None: continue
          if m["method"] == "initialize":
              r = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
          elif m["method"] == "tools/list":
              r = {"tools": [{"name": "t", "description": "a\\u001b]0;owned\\u0007b\\u202ec", "inputSchema": {"type": "object"}}]}
          else:
              print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32601, "message": "no"}}), flush=True); continue
          print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
      """
    try await Self.withTool(["evil.py": script]) { tool in
      let outcome = try await tool.call(["tools", "--", "python3", "evil.py"])
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(outcome.output.contains("a\\e]0;owned\\x07b\\u202ec"))
      #expect(!outcome.output.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
    }
  }

  @Test func `one server that does not start leaves the others`() async throws {
    let file = """
      {"mcpServers": {"bad": {"command": "no-such-program-here"}, "unset": {"command": "x", "args": ["${NOT_SET_HERE}"]}, "stub": {"command": "python3", "args": ["\(Self.stub)"]}}}
      """
    try await Self.withTool(["mcp.json": file]) { tool in
      let outcome = try await tool("tools")
      #expect(outcome.code == 1)
      #expect(outcome.error.contains("no such program") && outcome.output.contains("echo"))
      #expect(outcome.error.contains("the variable NOT_SET_HERE is not set"))
    }
  }

  @Test(arguments: [
    ("tools stob", "stob"), ("tools nothing.graph", "neither a graph nor"), ("tools s --server ovn", "did you mean"),
  ])
  func `what is not known is refused with a hint`(line: String, told: String) async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(line.split(separator: " ").map(String.init))
      #expect(outcome.code == 2, "\(outcome.error)")
      #expect(outcome.error.contains(told), "\(outcome.error)")
    }
  }

  // MARK: - call

  @Test(arguments: [
    (["echo", "text=hello"], "hello"), (["echo", "text=42"], "42"), (["add", "a=1", "b=2", "--yes"], "{\"result\":3}"),
    (["echo", "--args", "{\"text\": \"whole\"}"], "whole"), (["echo", "--args", "@arguments.json"], "from a file"),
  ])
  func `a call prints what the tool says`(arguments: [String], printed: String) async throws {
    var files = Self.servers()
    files["arguments.json"] = "{\"text\": \"from a file\"}"
    try await Self.withTool(files) { tool in
      let outcome = try await tool.call(["call", "stub"] + arguments)
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(outcome.output == printed + "\n")
      #expect(outcome.error.hasPrefix("stub: python3 "), "the command is shown whole")
    }
  }

  @Test func `with --json the result is one object`() async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(["call", "stub", "add", "a=1", "b=2", "--yes", "--json"])
      let result = try #require(try outcome.lines().first)
      #expect(result["structured"] == ["result": 3] && result["content"] != nil && result["text"] != nil)
      #expect(result["isError"] == nil)
    }
  }

  @Test func `the command of a server may be typed after the call`() async throws {
    try await Self.withTool([:]) { tool in
      let outcome = try await tool.call(["call", "echo", "text=typed", "--", "python3", Self.stub])
      #expect(outcome.code == 0 && outcome.output == "typed\n", "\(outcome.error)")
    }
  }

  @Test(arguments: [
    (["eho", "text=x"], "did you mean \"echo\""), (["echo"], "text"),
    (["echo", "text=x", "txet=y"], "did you mean \"text\""),
    (["add", "a=one", "b=2", "--yes"], "a"), (["add", "a=1", "b=2"], "--yes"), (["echo", "text"], "no key=value"),
    ([], "graphrun tools stub"),
    (["echo", "--args", "[]"], "no JSON object"), (["echo", "--args", "@nowhere"], "cannot read"),
  ])
  func `what cannot be called so is refused before anything is called`(arguments: [String], told: String) async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(["call", "stub"] + arguments)
      #expect(outcome.code == 2, "\(outcome.error)")
      #expect(outcome.error.contains(told), "\(outcome.error)")
      #expect(outcome.output == "")
    }
  }

  @Test func `a tool's own error is told with what the server said of it`() async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(["call", "stub", "fail", "--yes"])
      #expect(outcome.code == 1 && outcome.output == "")
      #expect(outcome.error.contains("stub said:"), "\(outcome.error)")
      let json = try await tool.call(["call", "stub", "fail", "--yes", "--json"])
      #expect(json.code == 1)
      #expect(try json.lines().first?["isError"] == true)
    }
  }

  @Test(arguments: [("exit", "exit code 3"), ("die", "SIGKILL"), ("no-package", "registry")])
  func `a server that ends says how`(fault: String, told: String) async throws {
    try await Self.withTool(Self.servers(fault)) { tool in
      let outcome = try await tool.call(["call", "stub", "echo", "text=x"])
      #expect(outcome.code == 1)
      #expect(outcome.error.contains(told), "\(outcome.error)")
    }
  }

  @Test func `a call takes no longer than it may`() async throws {
    try await Self.withTool { tool in
      let outcome = try await tool.call(["call", "stub", "hold", "--yes", "--timeout", "1s"])
      #expect(outcome.code == 1, "\(outcome.error)")
    }
  }

  @Test func `a server that never starts to answer takes no longer either`() async throws {
    try await Self.withTool(Self.servers("silent")) { tool in
      let outcome = try await tool.call(["call", "stub", "echo", "text=x", "--timeout", "1s"])
      #expect(outcome.code == 1 && outcome.error.contains("within 1s of its start"), "\(outcome.error)")
    }
  }

  @Test func `Ctrl-C ends the call and the server`() async throws {
    try await Self.withTool { tool in
      let log = tool.folder.appending(path: "log").path
      try tool.write(
        "{\"mcpServers\": {\"stub\": {\"command\": \"sh\", \"args\": [\"-c\", \"echo $$ >pid; exec python3 '\(Self.stub)' --log '\(log)'\"]}}}",
        to: "mcp.json")
      let outcome = try await tool.interrupt(["call", "stub", "hold", "--yes"]) {
        tool.read("log").contains("tools/call")
      }
      #expect(outcome.code == 130, "\(outcome.status)")
      let pid = try #require(Int32(tool.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
      #expect(kill(pid, 0) != 0, "the server lives on")
    }
  }
}
