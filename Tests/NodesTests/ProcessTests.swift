import Foundation
import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

/// Steps that misbehave: what they may not do to the run.
@Suite("Child processes", .serialized)
struct ProcessTests {
  let bench = Bench()
  let shell = ShellNode()
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  func task(
    _ script: String, _ more: [(String, Field)] = [], grace: Duration = .seconds(5)
  )
    -> TaskContext
  {
    bench.task("shell", [("run", .literal(.string(script)))] + more, folder: scratch.path, stopGrace: grace)
  }

  @Test func `of stack traces the last words are the causes, not the frames`() {
    let said = """
      Tool 'broken' raised an unexpected exception
      Traceback (most recent call last):
        File "server.py", line 55, in broken
          raise ValueError(reason)
      ValueError: the glue is dry
        + Exception Group Traceback (most recent call last):
        |   File "server.py", line 76, in lifespan
        | docker.errors.DockerException: no such file
        +------------------------------------
      """
    let words = CapturedOutput(head: [], tail: Array(said.utf8), omitted: 0).lastWords(3)
    #expect(
      words == """
        Traceback (most recent call last):
        ValueError: the glue is dry
          | docker.errors.DockerException: no such file
        """)
    let frames = CapturedOutput(head: [], tail: Array("  at a\n  at b\n".utf8), omitted: 0)
    #expect(frames.lastWords(1) == "  at b")
  }

  /// Runs `task`, cancels it once it printed `text`, and returns how long it then took.
  func cancel(_ task: TaskContext, after text: String) async throws -> Duration {
    let running = Task { try await shell.run(task) }
    await bench.waitUntilPrinted(text)
    let start = ContinuousClock.now
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    return .now - start
  }

  func isAlive(_ pid: Int) -> Bool { ProcessIdentity(of: pid) != nil }

  @Test func `a line is shown while the step runs`() async throws {
    _ = unsafe mkfifo(scratch.path + "/wait", 0o600)
    let running = Task { try await shell.run(task("echo said; exec cat wait")) }
    await bench.waitUntilPrinted("said\n")
    running.cancel()
    _ = try? await running.value
  }

  @Test func `the beginning of a line is shown without its end`() async throws {
    _ = unsafe mkfifo(scratch.path + "/wait", 0o600)
    let took = try await cancel(task("printf 'Password: '; exec cat wait"), after: "Password: ")
    #expect(took < .seconds(20))
  }

  @Test func `a stop is TERM, and the step may clean up`() async throws {
    let script = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    let took = try await cancel(task(script), after: "ready\n")
    #expect(took < .seconds(20))
    #expect(bench.printed.contains("cleaned\n"))
  }

  @Test func `what ignores TERM is killed after the grace`() async throws {
    let script = "trap '' TERM; echo $$ > pid; echo deaf; while :; do sleep 0.05; done"
    let took = try await cancel(task(script, grace: .milliseconds(300)), after: "deaf\n")
    #expect(took > .milliseconds(280) && took < .seconds(20))
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test func `a stopped process is ended too`() async throws {
    let took = try await cancel(task("echo $$ > pid; echo up; kill -STOP $$"), after: "up\n")
    #expect(took < .seconds(20))
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test func `a tree of children is ended as a whole`() async throws {
    let deaf = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done"
    let script =
      "for i in 1 2 3; do sh -c '\(deaf.replacingOccurrences(of: "'", with: "'\\''"))' & done; "
      + "while [ \"$(cat pids 2>/dev/null | wc -l)\" -lt 3 ]; do sleep 0.01; done; echo tree; wait"
    let took = try await cancel(task(script, grace: .milliseconds(300)), after: "tree\n")
    #expect(took < .seconds(20))
    #expect(scratch.pids("pids").count == 3 && scratch.pids("pids").allSatisfy { !isAlive($0) })
  }

  @Test func `what closed its output is still the step`() async throws {
    let running = Task { try await shell.run(task("echo $$ > pid; exec >&- 2>&-; exec sleep 600")) }
    while scratch.pids("pid").isEmpty { await Task.yield() }
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test(.enabled(if: Platforms.hasProc)) func `a swarm that leaves the group is ended with the step`() async throws {
    let script = """
      for i in $(seq 100); do setsid sh -c 'echo $$ >> pids; exec sleep 600' & done
      while [ "$(wc -l < pids)" -lt 100 ]; do sleep 0.01; done
      """
    #expect(try await shell.result(task("touch pids; " + script))["exit"] == 0)
    #expect(scratch.pids("pids").count == 100)
    #expect(scratch.pids("pids").allSatisfy { !isAlive($0) })
  }

  @Test func `a step ends with its leader, not with who holds its pipe`() async throws {
    let start = ContinuousClock.now
    let result = try await shell.result(task("sleep 600 & echo $! > pid; echo done"))
    #expect(result["stdout"] == "done\n")
    #expect(.now - start < .seconds(30))
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test(.enabled(if: Platforms.hasProc)) func `a daemon that leaves the group does not get away with the pipe`()
    async throws
  {
    let script = "setsid sh -c 'echo $$ > pid; exec sleep 600' & while [ ! -s pid ]; do sleep 0.01; done; echo done"
    let start = ContinuousClock.now
    _ = try await shell.result(task(script))
    #expect(.now - start < .seconds(30))
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test(.enabled(if: Platforms.hasProc)) func `what a run inside the step started is ended with the step`() async throws
  {
    // It has the marks of that run, and those of the step around it.
    let script = #"""
      inner="GRAPHRUN_RUN=boot.inner.1 GRAPHRUN_STORE=inner GRAPHRUN_IDEMPOTENCY_KEY=inner"
      outer="GRAPHRUN_OUTER=a/boot.b.1/c $GRAPHRUN_STORE/$GRAPHRUN_RUN/$GRAPHRUN_IDEMPOTENCY_KEY"
      setsid env $inner "$outer" sh -c 'echo $$ > pid; exec sleep 600' &
      while [ ! -s pid ]; do sleep 0.01; done
      """#
    _ = try await shell.result(task(script))
    #expect(!isAlive(try #require(scratch.pids("pid").first)))
  }

  @Test(.enabled(if: Platforms.hasProc)) func `a child has no descriptors, signals or terminal of ours`() async throws {
    signal(SIGUSR1, SIG_IGN)
    defer { signal(SIGUSR1, SIG_DFL) }
    let script = """
      import os
      print(sorted(int(f) for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f)))
      masks = {l.split(':')[0]: int(l.split()[1], 16) for l in open('/proc/self/status') if l.startswith(('SigI', 'SigB'))}
      print(masks['SigBlk'] if 'SigBlk' in masks else '-', masks['SigIgn'] & ~0x181001000)
      print(os.getpid() == os.getpgid(0) == os.getsid(0))
      """
    let result = try await shell.result(task(script, [("interpreter", "python3")]))
    let lines = try #require(result["stdout"]?.stringValue).split(separator: "\n")
    #expect(lines[0] == "[0, 1, 2]")
    // Python itself ignores SIGPIPE and SIGXFSZ; glibc's posix_spawn two of its own (32, 33).
    #expect(lines[1] == "0 0")
    #expect(lines[2] == "True")
  }

  @Test(.enabled(if: Platforms.hasProc)) func `no descriptor is left behind`() async throws {
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    _ = try await shell.result(task("true"))
    // Other tests run meanwhile: what is leaked by each of a hundred shows.
    let before = try count()
    for _ in 0..<50 {
      _ = try await shell.result(task("cat", [("stdin", "x")]))
      _ = try? await shell.result(bench.task("shell", [("argv", .literal(["no-such-program"]))]))
    }
    #expect(try count() - before < 50)
  }

  @Test func `characters are not cut, and what is none is marked`() async throws {
    let split = "import os, time\nfor b in 'héllo 😀\\n'.encode() * 5: os.write(1, bytes([b]))"
    let result = try await shell.result(task(split, [("interpreter", "python3")]))
    #expect(result["stdout"] == .string(String(repeating: "héllo 😀\n", count: 5)))
    #expect(result["binary"] == nil)
    let binary = try await shell.result(task("printf 'a\\377b'"))
    #expect(binary["stdout"] == "a\u{FFFD}b" && binary["binary"] == true)
  }

  @Test func `beginning and end are kept, the rest is counted`() async throws {
    let script = "echo first; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last"
    let result = try await shell.result(task(script, [("limit", .literal(1000))]))
    let text = try #require(result["stdout"]?.stringValue)
    #expect(text.hasPrefix("first\nxxx") && text.hasSuffix("xxx\nlast\n"))
    #expect(result["truncated"] == .int(6 + 100_000 + 1 + 5 - 1000))
    #expect(text.contains("\n[… 99.0 kB left out …]\n"))
  }

  @Test(arguments: [1_000_003, 1 << 20]) func `what is kept of a long stream is its very bytes`(limit: Int) async throws
  {
    let all = (0..<500_000).map { "\($0)\n" }.joined()
    let result = try await shell.result(task("seq 0 499999", [("limit", .literal(.int(limit)))]))
    let parts = try #require(result["stdout"]?.stringValue).components(separatedBy: "\n[… ")
    try #require(parts.count == 2)
    #expect(parts[0] == String(all.prefix(limit / 4)))
    #expect(parts[1].hasSuffix(" left out …]\n" + all.suffix(limit - limit / 4)))
    #expect(result["truncated"] == .int(all.utf8.count - limit))
  }

  @Test(arguments: ["head -c 1000000000 /dev/zero", "yes | head -c 1000000000"])
  func `a flood stays small`(flood: String) async throws {
    let clock = ContinuousClock()
    let before = residentBytes()
    var result: JSON = .null
    let ours = try await clock.measure { result = try await shell.result(task(flood)) }
    let grown = residentBytes() - before
    let bare = try await clock.measure {
      _ = try await shell.result(task("\(flood) | cat > /dev/null"))
    }
    #expect(result["truncated"] == .int(1_000_000_000 - (1 << 20)))
    #expect(grown < 64 << 20)
    #expect(bench.printed.utf8.count < 16 << 20 && bench.printed.contains("not shown"))
    Swift.print("flood '\(flood)': \(ours), cat: \(bare), ratio \(bare / ours), grown \(grown >> 10) KiB")
  }

  private func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }
}

enum Platforms {
  static let hasProc = FileManager.default.fileExists(atPath: "/proc/self/environ")
}
