import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Synchronization

@testable import GraphNodes

/// A runner's side of a task: keeps what is printed, remembered and recorded.
final class Bench: TaskServices {
  struct State {
    var printed: [(text: String, stream: GraphRuntime.OutputStream)] = []
    var notes: [NoteOwner: JSONObject] = [:]
    var services: [ServiceRecord] = []
    var expiry: String?
    var waiters: [(text: String, continuation: CheckedContinuation<Void, Never>)] = []
  }

  let state = Mutex(State())
  let secretMask: SecretMask

  /// - Parameter secrets: of the graph that the task is one of.
  init(secrets: String...) {
    secretMask = SecretMask(secrets)
  }

  /// Of its own: ending a step ends every process with its key.
  let key = "test\(UUID().uuidString.lowercased().filter { $0 != "-" })"

  func print(_ text: String, to stream: GraphRuntime.OutputStream) {
    let ready = state.withLock { state in
      state.printed.append((text, stream))
      let all = state.printed.map(\.text).joined()
      let ready = state.waiters.filter { all.contains($0.text) }
      state.waiters.removeAll { all.contains($0.text) }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// Returns once `text` was printed.
  func waitUntilPrinted(_ text: String) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.printed.map(\.text).joined().contains(text) { return true }
        state.waiters.append((text, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  var printed: String { state.withLock { $0.printed.map(\.text).joined() } }

  var expiry: String? { state.withLock(\.expiry) }

  let resources = RunResources()

  func notes(of owner: NoteOwner) async throws -> JSONObject { state.withLock { $0.notes[owner] ?? [:] } }

  func note(_ name: String, _ value: JSON, of owner: NoteOwner) async throws -> JSON {
    state.withLock { $0.notes[owner, default: [:]][name] = value }
    return value
  }

  func key(call: String) -> String { call.isEmpty ? key : "\(key).\(call)" }
  func mask(_ value: JSON) -> JSON { secretMask.mask(value) }

  func record(_ service: ServiceProcess) async throws {
    state.withLock {
      $0.services.insert(
        ServiceRecord(
          thread: "t", key: key, node: "n", pid: service.pid, startTime: service.startTime,
          bootID: ProcessIdentity.bootID, stopsAtRunEnd: service.stopsAtRunEnd), at: 0)
    }
  }

  func forgetService(key: String) async throws { state.withLock { $0.services.removeAll { $0.key == key } } }
  func recorded(for node: NodeName) async throws -> [ServiceRecord] { state.withLock { $0.services } }

  func task(
    _ kind: String, _ fields: [(String, Field)], scope: Scope = Scope(), answers: [String: JSON] = [:],
    servers: OrderedDictionary<String, Field> = [:], folder: String = NSTemporaryDirectory(),
    environment: [String: String] = [:], stopGrace: Duration = .seconds(5),
    effects: Effects? = nil, clock: RunClock = .system
  ) -> TaskContext {
    var node = Node("n", kind: kind, effects: effects)
    for (key, field) in fields { node.fields[key] = field }
    let base = [
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "GRAPHRUN_RUN": "boot.thread.\(key)",
      "GRAPHRUN_STORE": "store\(key)", "GRAPHRUN_IDEMPOTENCY_KEY": key,
    ]
    return .forTesting(
      node, scope: scope, answers: answers, servers: servers, folder: folder,
      environment: base.merging(environment) { $1 }, stopGrace: stopGrace, clock: clock,
      services: self)
  }
}

extension NodeKind {
  /// The result, or a test failure for anything else.
  func result(_ task: TaskContext) async throws -> JSON {
    guard case .result(let value) = try await run(task) else { throw UnexpectedResult() }
    return value
  }

  /// How the node failed.
  func failure(_ task: TaskContext) async throws -> NodeFailure {
    do {
      _ = try await run(task)
    } catch let failure as NodeFailure {
      return failure
    }
    throw UnexpectedResult()
  }
}

struct UnexpectedResult: Error {}

/// A folder of its own, removed with the value.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "graphrun-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func pids(_ name: String) -> [Int] {
    let text = (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { Int($0) }
  }
}
