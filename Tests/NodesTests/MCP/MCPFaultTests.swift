import Foundation
import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

/// What goes wrong with a server fails a call by kind, in time, and leaves nobody behind.
@Suite("MCP servers that misbehave", .serialized)
struct MCPFaultTests {
  @Test func `one that ends at once is told with its code and its last words`() async throws {
    let start = ContinuousClock.now
    let failure = try await StubServer("exit").session { try await $0.failure("echo") }
    #expect(failure.kind == .connection && failure.precedesEffect && failure.exitCode == 3)
    #expect(failure.message.contains("exit code 3") && failure.message.contains("fetching server API version"))
    #expect(.now - start < .seconds(15) + .busy)
  }

  @Test func `a package that does not exist is called so`() async throws {
    let failure = try await StubServer("no-package").session { try await $0.failure("echo") }
    #expect(failure.message.contains("the package is not in the registry"))
  }

  @Test func `a program that does not exist could not be started`() async throws {
    let servers = MCPServers(mask: .none)
    var configuration = StubServer().configuration()
    configuration.endpoint = .process(MCPCommand(program: "no-such-program", folder: "/tmp"))
    let failure = try await servers.session(configuration).failure("echo")
    #expect(failure.kind == .spawn && failure.precedesEffect)
    await servers.close()
  }

  @Test(arguments: ["die", "half"]) func `one that dies in a call leaves it in doubt, and is started again`(
    fault: String
  ) async throws {
    let stub = StubServer(fault)
    try await stub.session { session async throws in
      let failure = try await session.failure("echo", ["text": ""])
      #expect(failure.kind == .connection && failure.isInDoubt && failure.message.contains("SIGKILL"))
      #expect(try await session.tools().count > 1)
      #expect(stub.processes.count == 1)
    }
  }

  @Test func `one that says nothing is given up, and ended`() async throws {
    let stub = StubServer("silent")
    let start = ContinuousClock.now
    try await stub.session(startTimeout: .seconds(1)) { session async throws in
      let failure = try await session.failure("echo")
      #expect(failure.kind == .timeout && failure.precedesEffect && failure.message.contains("within 1s of its start"))
      #expect(stub.processes == [])
    }
    #expect(.now - start < .seconds(7) + .busy)
  }

  @Test func `a call without an answer ends in time, and the server is told`() async throws {
    let scratch = try Scratch()
    let log = scratch.path + "/log"
    try await StubServer(log: log).session { session async throws in
      let failure = try await session.failure("hold", timeout: .milliseconds(300))
      #expect(failure.kind == .timeout && failure.isInDoubt)
      #expect(try await session.result("echo", ["text": "on"]).text == "on")
    }
    #expect(try String(contentsOfFile: log, encoding: .utf8).contains("notifications/cancelled"))
  }

  @Test func `an answer that comes too late is ignored`() async throws {
    try await StubServer("late").session { session async throws in
      #expect(try await session.failure("echo", ["text": "late"], timeout: .milliseconds(300)).kind == .timeout)
      #expect(try await session.tools().count > 1)
    }
  }

  @Test func `the server's own limit of time is the shorter one`() async throws {
    try await StubServer().session(timeout: .milliseconds(400)) { session async throws in
      let start = ContinuousClock.now
      #expect(try await session.failure("hold", timeout: .seconds(60)).kind == .timeout)
      #expect(.now - start < .seconds(10) + .busy)
    }
  }

  @Test func `a cancelled call stops waiting at once`() async throws {
    try await StubServer().session { session async throws in
      _ = try await session.tools()
      let call = Task { try await session.result("hold", timeout: .seconds(60)) }
      call.cancel()
      await #expect(throws: CancellationError.self) { try await call.value }
      #expect(try await session.result("echo", ["text": "on"]).text == "on")
    }
  }

  @Test func `one that reads nothing does not hold up its callers`() async throws {
    try await StubServer("stop-reading").session { session async throws in
      _ = try await session.tools()
      let much = JSON.string(String(repeating: "x", count: 4 << 20))
      let failure = try await session.failure("echo", ["text": much], timeout: .milliseconds(500))
      #expect(failure.kind == .timeout && failure.isInDoubt)
    }
  }

  @Test func `one that closes its output is ended`() async throws {
    let stub = StubServer("close-output")
    try await stub.session { session async throws in
      let failure = try await session.failure("echo", ["text": ""])
      #expect(failure.kind == .connection && failure.message.contains("closed its standard output"))
    }
    #expect(stub.processes == [])
  }

  @Test func `banners are skipped, and mentioned once`() async throws {
    try await StubServer("banner").session { session async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(session.takeWarnings().contains { $0.contains("are no messages; the first: Listening") })
    }
  }

  @Test func `an answer that cannot be read fails its call, wherever its id stands`() async throws {
    let failure = try await StubServer("garbled").session { try await $0.failure("echo", ["text": ""]) }
    #expect(failure.kind == .protocol && failure.message.contains("cannot be read") && failure.isInDoubt)
  }

  @Test func `an answer whose id is a text fails its call at once, and says so`() async throws {
    let failure = try await StubServer("spelled").session { try await $0.failure("echo", ["text": ""]) }
    #expect(failure.kind == .protocol && failure.isInDoubt)
    #expect(failure.message.contains("a text and not the number that it was sent"), "\(failure.message)")
  }

  @Test func `an answer with an id of its own is mentioned when the time is over`() async throws {
    let failure = try await StubServer("astray").session { session async throws in
      try await session.failure("echo", ["text": ""], timeout: .seconds(1))
    }
    #expect(failure.kind == .timeout && failure.message.contains("it said: busy"))
    #expect(failure.message.contains("answers to the id 100"), "\(failure.message)")
  }

  @Test func `an answer that cannot be read and has no id is mentioned when the time is over`() async throws {
    let failure = try await StubServer("babble").session {
      try await $0.failure("echo", ["text": ""], timeout: .milliseconds(500))
    }
    #expect(failure.kind == .timeout && failure.message.contains("a message on its standard output cannot be read"))
  }

  @Test func `a server that could not read the only request says so without its id`() async throws {
    let failure = try await StubServer("refuse").session { try await $0.failure("echo", ["text": ""]) }
    #expect(failure.kind == .protocol && failure.message.contains("error -32700: Parse error"))
  }

  @Test func `an error that is null is none`() async throws {
    #expect(try await StubServer("null-error").session { try await $0.result("echo", ["text": "hi"]).text } == "hi")
  }

  @Test func `messages in lists are taken`() async throws {
    #expect(try await StubServer("list").session { try await $0.result("echo", ["text": "hi"]).text } == "hi")
  }

  @Test(arguments: [("long", ErrorKind.limit, "more than 16 MiB"), ("deep", .protocol, "cannot be read")])
  func `answers beyond the limits fail`(fault: String, kind: ErrorKind, words: String) async throws {
    let failure = try await StubServer(fault).session { try await $0.failure("echo", ["text": ""]) }
    #expect(failure.kind == kind && failure.message.contains(words) && failure.isInDoubt)
  }

  @Test func `a flood on standard error is drained`() async throws {
    try await StubServer("flood").session { session async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(session.lastWords.hasSuffix("last words"))
    }
  }

  @Test(arguments: ["leave", "stubborn"]) func `nobody is left`(fault: String) async throws {
    let stub = StubServer(fault)
    let start = ContinuousClock.now
    try await stub.session { session async throws in
      #expect(try await session.result("echo", ["text": "hi"]).text == "hi")
      #expect(stub.processes.count == (fault == "leave" ? 2 : 1))
    }
    #expect(stub.processes == [])
    #expect(.now - start < .seconds(20) + .busy)
  }

  @Test func `a start that is cancelled leaves nobody, and the next one starts anew`() async throws {
    let stub = StubServer("silent")
    try await stub.session { session async throws in
      let first = Task { try await session.tools() }
      while stub.processes.isEmpty { await Task.yield() }
      first.cancel()
      await #expect(throws: CancellationError.self) { try await first.value }
      #expect(stub.processes == [])
    }
  }

  @Test func `after the end of the run nothing starts`() async throws {
    let servers = MCPServers(mask: .none)
    let stub = StubServer()
    let session = try servers.session(stub.configuration())
    _ = try await session.tools()
    await servers.close()
    #expect(try await session.failure("echo").precedesEffect)
    #expect(stub.processes == [])
    #expect(throws: NodeFailure.self) { try servers.session(stub.configuration()) }
  }

  @Test(.enabled(if: Platforms.hasProc)) func `no descriptor and no thread is left behind`() async throws {
    func count(_ folder: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/\(folder)").count
    }
    _ = try await StubServer().session { try await $0.tools() }
    let (descriptors, threads) = (try count("fd"), try count("task"))
    for fault in ["exit", "die", "long", "close-output"] {
      for _ in 0..<5 { _ = try await StubServer(fault).session { try await $0.failure("echo", ["text": ""]) } }
    }
    // Other tests run meanwhile: what is leaked by each of twenty shows.
    #expect(try count("fd") - descriptors < 20)
    #expect(try count("task") - threads < 20)
  }
}
