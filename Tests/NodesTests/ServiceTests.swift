import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Synchronization
import Testing

@testable import GraphNodes

@Suite("Background services")
struct ServiceTests {
  let bench = Bench()
  let shell = ShellNode()
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  func task(_ script: String, ready: String?, within: String = "20s") -> TaskContext {
    var detach: [(String, Field)] = [("within", .literal(.string(within))), ("every", "10ms")]
    if let ready { detach.append(("ready", .literal(.string(ready)))) }
    return bench.task(
      "shell",
      [("run", .literal(.string(script))), ("detach", .map(.init(uniqueKeysWithValues: detach)))], folder: scratch.path,
      stopGrace: .milliseconds(300))
  }

  func identity(_ result: JSON) throws -> ProcessIdentity {
    let pid = try #require(result["pid"]?.intValue)
    return try #require(ProcessIdentity(of: pid))
  }

  @Test func `a service is started, probed, recorded and taken over`() async throws {
    let service = task("echo x >> starts; echo up; touch is-up; exec sleep 600", ready: "test -e is-up")
    let first = try await shell.result(service)
    let process = try identity(first)
    #expect(first["adopted"] == false)
    #expect(bench.state.withLock { $0.services.map(\.pid) } == [process.pid])
    #expect(bench.printed.contains("up\n"))

    let second = try await shell.result(service)
    #expect(second["adopted"] == true && second["pid"] == first["pid"])
    #expect(try String(contentsOfFile: scratch.path + "/starts", encoding: .utf8) == "x\n")

    if Platforms.hasProc {
      // Lost before it was recorded: known by its mark.
      bench.state.withLock { $0.services = [] }
      #expect(try await shell.result(service)["pid"] == first["pid"])
      #expect(Orphans.find(service: bench.key, in: "store\(bench.key)") == [process])
      #expect(Orphans.find(runsOf: "boot.thread.", in: bench.key) == [])
    }
    await Orphans.end([process])
    #expect(!process.isAlive)
    ServiceLog(key: bench.key).remove()
  }

  @Test func `one that has gone is started again`() async throws {
    let service = task("exec sleep 600", ready: nil)
    let first = try identity(try await shell.result(service))
    await Orphans.end([first])
    let second = try identity(try await shell.result(service))
    #expect(first != second)
    await Orphans.end([second])
    ServiceLog(key: bench.key).remove()
  }

  @Test func `one that dies early says why`() async throws {
    let failure = try await shell.failure(task("echo no port >&2; exit 4", ready: "false"))
    #expect(failure.kind == .exit && failure.message.contains("exit code 4: no port"), "\(failure.message)")
    #expect(bench.state.withLock { $0.services.isEmpty })
  }

  @Test func `one that is never ready is ended and forgotten`() async throws {
    let service = task("echo $$ > pid; echo waiting; exec sleep 600", ready: "echo not yet; false", within: "20s")
    let failure = try await shell.failure(service)
    #expect(failure.kind == .timeout)
    #expect(failure.message.contains("not yet") && failure.message.contains("waiting"), "\(failure.message)")
    let pid = try #require(scratch.pids("pid").first)
    #expect(ProcessIdentity(of: pid) == nil)
    #expect(bench.state.withLock { $0.services.isEmpty })
  }

  @Test func `a pid that went to another is not taken for the service`() async throws {
    let me = Int(getpid())
    bench.state.withLock {
      $0.services = [
        ServiceRecord(
          thread: "t", key: bench.key, node: "n", pid: me, startTime: "1", bootID: ProcessIdentity.bootID,
          stopsAtRunEnd: true)
      ]
    }
    let result = try await shell.result(task("exec sleep 600", ready: "true"))
    #expect(result["adopted"] == false && result["pid"] != .int(me))
    await Orphans.end([try identity(result)])
    ServiceLog(key: bench.key).remove()
  }
}
