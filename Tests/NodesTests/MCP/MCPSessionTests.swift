import Foundation
import Graph
import GraphRuntime
import Synchronization
import Testing

@testable import GraphNodes

@Suite("MCP sessions over standard streams")
struct MCPSessionTests {
  @Test(arguments: ["both", "legacy", "modern"], [nil, MCPEra.legacy, .modern])
  func `both eras are spoken, and found out`(server: String, configured: MCPEra?) async throws {
    let speaks = server == "both" || configured == nil || configured?.rawValue == server
    try await StubServer(era: server).session(era: configured) { session async throws in
      guard speaks else {
        #expect(try await session.failure("echo", ["text": "hi"]).kind == .protocol)
        return
      }
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(try await session.tools().map(\.name).prefix(2) == ["echo", "add"])
    }
  }

  @Test func `a server that ignores what it does not know is asked the old way before long`() async throws {
    try await StubServer("deaf-to-new", era: "legacy").session(startTimeout: .seconds(20)) { session async throws in
      let start = ContinuousClock.now
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(.now - start < .seconds(18) + .busy)
    }
  }

  @Test(arguments: ["legacy", "modern"]) func `a version nobody here speaks is named`(era: String) async throws {
    let failure = try await StubServer("other", era: era).session { try await $0.failure("echo") }
    #expect(failure.kind == .protocol && failure.precedesEffect)
    #expect(failure.message.contains("1999-01-01") && failure.message.contains("2026-07-28"))
  }

  @Test func `tools have the annotations the protocol gives them by default`() async throws {
    let tools = try await StubServer().session { try await $0.tools() }
    let echo = try #require(tools.first)
    #expect(echo.title == "Echo" && echo.annotations.isReadOnly && echo.annotations.mayRepeat)
    #expect(echo.annotations.isDestructive && echo.annotations.isOpenWorld && !echo.annotations.isIdempotent)
    #expect(tools[1].annotations.isIdempotent && !tools[2].annotations.mayRepeat)
  }

  @Test func `structured results are kept, and text that is one value is read`() async throws {
    try await StubServer().session { session async throws in
      let nothing = try await session.result("nothing")
      #expect(nothing.structured == ["result": []] && nothing.content == [] && nothing.text == #"{"result":[]}"#)
      let json = try await session.result("json")
      #expect(json.structured == ["a": [1, 2]] && json.text == #"{"a": [1, 2]}"#)
      #expect(try await session.result("add", ["a": 1, "b": 2]).structured == ["result": 3])
    }
  }

  @Test func `arguments are held to the schema before anything is sent`() async throws {
    let scratch = try Scratch()
    let log = scratch.path + "/log"
    try await StubServer(log: log).session { session async throws in
      let failure = try await session.failure("add", ["a": "one"])
      #expect(failure.kind == .type && failure.precedesEffect && !failure.isInDoubt)
      #expect(failure.message.contains("/a: must be a number") && failure.message.contains("\"b\" is missing"))
      #expect(try await session.failure("echo", "text").kind == .type)
    }
    #expect(try !String(contentsOfFile: log, encoding: .utf8).contains("tools/call"))
  }

  @Test func `a tool that is not there is named, with what was meant`() async throws {
    let failure = try await StubServer().session { try await $0.failure("ecko") }
    #expect(failure.kind == .tool && failure.precedesEffect)
    #expect(failure.message == #"stub has no tool "ecko" (did you mean "echo"?)"#)
  }

  @Test func `the idempotency key goes along, and nothing of ours is in the environment`() async throws {
    try await StubServer().session { session async throws in
      #expect(try await session.result("key").text == "key")
      let names = Set(try #require(try await session.result("env").structured?.objectValue).keys)
      #expect(names.isSuperset(of: ["PATH", "STUB"]))
      #expect(
        names.isDisjoint(
          with: Set(ProcessInfo.processInfo.environment.keys.filter { !$0.hasPrefix("PY") }).subtracting([
            "PATH", "STUB", "LC_CTYPE", "PWD", "SHLVL", "_",
          ])))
    }
  }

  @Test func `progress is told`() async throws {
    let told = Mutex<[String]>([])
    try await StubServer().session { session async throws in
      _ = try await session.result("steps", ["n": 2]) { text in told.withLock { $0.append(text) } }
    }
    #expect(told.withLock { $0 } == ["step (1 of 2)", "step (2 of 2)"])
  }

  @Test func `many calls are in flight at once`() async throws {
    let texts = try await StubServer().session { session async throws in
      try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<40 { group.addTask { try await session.result("echo", ["text": .string("\(number)")]).text } }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
    }
    #expect(texts == Set((0..<40).map { "\($0)" }))
  }

  @Test func `who comes first starts the server for all`() async throws {
    let stub = StubServer()
    try await stub.session { session async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<10 { group.addTask { _ = try await session.tools() } }
        try await group.waitForAll()
      }
      #expect(stub.processes.count == 1)
    }
    #expect(stub.processes == [])
  }

  @Test func `a server's questions are answered, those it may not ask with an error`() async throws {
    let answer = try await StubServer("questions").session { try await $0.result("echo", ["text": ""]).structured }
    #expect(answer == [[:], -32601, -32601, -32601])
  }

  @Test func `a tool may ask, and goes on with the answer and its own state`() async throws {
    try await StubServer().session { session async throws in
      let first = try await session.call("ask", arguments: ["subject": "tea"], key: "k", timeout: .unhurried)
      guard case .inputRequired(let requests, let state) = first else { throw UnexpectedResult() }
      #expect(requests.map(\.key) == ["who"] && requests.first?.message == "Who?" && state == "s1")
      let given: JSONObject = ["who": ["action": "accept", "content": ["name": "Ada"]]]
      let second = try await session.call(
        "ask", arguments: ["subject": "tea"], key: "k", timeout: .unhurried, answers: MCPAnswers(given, state: state))
      guard case .result(let result) = second else { throw UnexpectedResult() }
      #expect(result.structured == ["tea", ["action": "accept", "content": ["name": "Ada"]], "s1"])
    }
  }

  @Test func `nobody to ask is no reason to ask`() async throws {
    try await StubServer().session { session async throws in
      await #expect(throws: NodeFailure.self) {
        try await session.call("ask", arguments: ["subject": "tea"], key: "k", timeout: .unhurried, mayAsk: false)
      }
    }
  }

  @Test func `tools are asked for anew when the server says that they changed`() async throws {
    try await StubServer("news", era: "legacy").session { session async throws in
      let before = try #require(try await session.tools().first)
      _ = try await session.result("echo", ["text": ""])
      let after = try #require(try await session.tools().first)
      #expect(before.fingerprint != after.fingerprint && after.description == "Changed.")
    }
  }

  @Test func `a fingerprint knows what was read, not its order`() throws {
    let schema: JSON = ["type": "object", "properties": ["a": ["type": "string"], "b": ["type": "number"]]]
    let turned: JSON = ["properties": ["b": ["type": "number"], "a": ["type": "string"]], "type": "object"]
    let one = try MCPTool(["name": "t", "description": "d", "inputSchema": schema])
    #expect(one.fingerprint == (try MCPTool(["name": "t", "description": "d", "inputSchema": turned])).fingerprint)
    #expect(one.fingerprint != (try MCPTool(["name": "t", "description": "D", "inputSchema": schema])).fingerprint)
    #expect(one.fingerprint.count == 64)
  }

  @Test func `all pages are read, an empty cursor too`() async throws {
    let whole = try await StubServer().session { try await $0.tools().map(\.name) }
    #expect(try await StubServer("pages").session { try await $0.tools().map(\.name) } == whole)
  }

  @Test(arguments: [("circle", ErrorKind.protocol, "circle"), ("crowd", .limit, "more than 1000 tools")])
  func `lists without end are refused`(fault: String, kind: ErrorKind, words: String) async throws {
    let failure = try await StubServer(fault).session { try await $0.failure("echo", ["text": ""]) }
    #expect(failure.kind == kind && failure.message.contains(words) && failure.precedesEffect)
  }

  @Test func `tools that must not be used are left out, and it is said why`() async throws {
    try await StubServer("strange").session { session async throws in
      let names = try await session.tools().map(\.name)
      #expect(names.contains("odd") && names.count { $0 == "echo" } == 1)
      #expect(Set(names).isDisjoint(with: ["far", "huge", "list", "../../etc/passwd; rm -rf ~"]))
      let warnings = session.takeWarnings().joined(separator: "\n")
      for words in ["same name", "letters, digits", "nothing is fetched", "more than 5000", "no name"] {
        #expect(warnings.contains(words))
      }
      #expect(session.takeWarnings() == [])
      #expect(try await session.failure("far").message.contains("nothing is fetched"))
    }
  }

  @Test func `a result that breaks its promise is a result, with a warning`() async throws {
    try await StubServer().session { session async throws in
      #expect(try await session.result("promise").structured == ["count": "many"])
      #expect(session.takeWarnings().contains { $0.contains("outputSchema") && $0.contains("/count") })
    }
  }
}
