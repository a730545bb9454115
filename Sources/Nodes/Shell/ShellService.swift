import Graph
import GraphRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A background service (`detach`): started unless it already runs, recorded, and probed until it is ready.
struct ShellService {
  let step: ShellStep
  let detach: NodeFields

  init(_ step: ShellStep, _ detach: NodeFields) {
    self.step = step
    self.detach = detach
  }

  private var task: TaskContext { step.fields.task }

  func run() async throws -> JSON {
    let start = ContinuousClock.now
    let deadline = start + (try await detach.duration("within") ?? .seconds(30))
    let stopsAtRunEnd = try await stopsAtRunEnd()
    if let known = try await running(stopsAtRunEnd: stopsAtRunEnd) {
      let service = Service(identity: known.identity, log: ServiceLog(key: known.key), process: nil)
      try await awaitReady(service, key: known.key, until: deadline)
      return result(service, adopted: true, since: start)
    }
    let service = try await launch()
    do {
      try await task.record(
        ServiceProcess(pid: service.identity.pid, startTime: service.identity.startTime, stopsAtRunEnd: stopsAtRunEnd))
    } catch {
      await Orphans.end([service.identity])
      throw error
    }
    try await awaitReady(service, key: task.key, until: deadline)
    return result(service, adopted: false, since: start)
  }

  private struct Service {
    var identity: ProcessIdentity
    var log: ServiceLog

    /// `nil` for one that an earlier attempt started.
    var process: DetachedProcess?

    var ending: ChildProcess.Ending? { process?.ending }
    var isOver: Bool { ending != nil || !identity.isAlive }
  }

  private func stopsAtRunEnd() async throws -> Bool {
    switch try await detach.text("stop") {
    case nil, "run-end": true
    case "never": false
    case .some(let other): throw detach.failure("stop", "\"\(other)\" is neither run-end nor never")
    }
  }

  /// The service of this node that an earlier attempt started and that still runs.
  private func running(stopsAtRunEnd: Bool) async throws -> (identity: ProcessIdentity, key: String)? {
    for record in try await task.recordedServices() where record.bootID == ProcessIdentity.bootID {
      let identity = ProcessIdentity(pid: record.pid, startTime: record.startTime)
      if identity.isAlive { return (identity, record.key) }
    }
    // Started just before a crash kept it from being recorded: its leader is the oldest, its own group's first.
    let unrecorded = Orphans.find(service: task.key, in: task.environment[Orphans.storeVariable])
    guard let leader = unrecorded.first(where: { ProcessFacts(pid: $0.pid)?.group == $0.pid }) else { return nil }
    try await task.record(
      ServiceProcess(pid: leader.pid, startTime: leader.startTime, stopsAtRunEnd: stopsAtRunEnd))
    return (leader, task.key)
  }

  private func launch() async throws -> Service {
    let log = ServiceLog(key: task.key)
    guard let descriptor = log.create() else {
      throw NodeFailure(.spawn, "detach: no file could be made for the output at \(log.path)", precedesEffect: true)
    }
    defer { close(descriptor) }
    let command = try await command()
    var child = try await step.child(command.program, command.arguments)
    child.environment[Orphans.runVariable] = nil
    child.environment[Orphans.outerVariable] = nil
    child.environment[Orphans.serviceVariable] = task.key
    let process = try await DetachedProcess.start(child, writingTo: descriptor)
    // It may have ended already: then it has no start time, and awaiting it says so.
    let identity = ProcessIdentity(of: process.pid) ?? ProcessIdentity(pid: process.pid, startTime: "")
    return Service(identity: identity, log: log, process: process)
  }

  /// A service's script must be an argument: a file would have to stay for as long as it runs.
  private func command() async throws -> (program: String, arguments: [String]) {
    if let argv = try await step.fields.arguments("argv"), let program = argv.first {
      return (program, Array(argv.dropFirst()))
    }
    guard let script = try await step.script("run") else { throw step.fields.failure("run", "there is no script") }
    let command = try ScriptCommand(script)
    guard command.isSelfContained else {
      command.cleanUp()
      throw step.fields.failure(
        "run", "a service's script must be for a shell and under 96 KiB; start the program by argv")
    }
    return (command.program, command.arguments)
  }

  private func result(_ service: Service, adopted: Bool, since start: ContinuousClock.Instant) -> JSON {
    [
      "pid": .int(service.identity.pid), "adopted": .bool(adopted),
      "seconds": .seconds((.now - start) / .seconds(1)), "log": .string(service.log.path),
    ]
  }
}

extension ShellService {
  /// Returns once the service is ready; else ends and forgets it.
  private func awaitReady(_ service: Service, key: String, until deadline: ContinuousClock.Instant) async throws {
    do {
      try await probe(service, until: deadline)
    } catch {
      await Orphans.end([service.identity], grace: task.stopGrace())
      try await task.forgetService(key: key)
      service.log.remove()
      throw error
    }
  }

  private func probe(_ service: Service, until deadline: ContinuousClock.Instant) async throws {
    let every = try await detach.duration("every") ?? .milliseconds(500)
    guard detach["ready"] != nil else { return try await watch(service, for: .milliseconds(200)) }
    var shown = service.process == nil ? service.log.size : 0
    var last: ChildProcess.Outcome?
    while true {
      let probe = try await withDeadline(deadline) { [step, detach] in
        try await step.runScript("ready", of: detach, stopGrace: .milliseconds(200), show: { _, _ in })
      }
      showNews(of: service.log, from: &shown)
      if service.isOver { throw endedEarly(service) }
      if probe?.ending == .exit(0) { return }
      last = probe ?? last
      guard probe != nil, .now < deadline else { throw neverReady(service, lastProbe: last) }
      try await watch(service, for: min(every, deadline - .now))
      showNews(of: service.log, from: &shown)
    }
  }

  /// Waits, unless the service ends.
  private func watch(_ service: Service, for duration: Duration) async throws {
    let end = ContinuousClock.now + duration
    while .now < end {
      if service.isOver { throw endedEarly(service) }
      try await Task.sleep(for: min(.milliseconds(20), end - .now))
    }
    if service.isOver { throw endedEarly(service) }
  }

  private func showNews(of log: ServiceLog, from shown: inout Int) {
    let bytes = log.read(from: shown, limit: 64 << 10)
    guard let end = bytes.lastIndex(of: 0x0A) else { return }
    shown += end + 1
    task.print(String(decoding: bytes[...end], as: UTF8.self), to: .stdout)
  }

  /// The end of what it printed.
  private func output(of service: Service) -> CapturedOutput {
    let bytes = service.log.tail()
    return CapturedOutput(end: bytes, isCut: service.log.size > bytes.count, mask: task.secretMask)
  }

  private func endedEarly(_ service: Service) -> NodeFailure {
    let output = output(of: service)
    var result: JSONObject = ["stdout": .string(output.text)]
    var message = "the service ended before it was ready"
    switch service.ending {
    case .exit(let code):
      result["exit"] = .int(code)
      message += ", with exit code \(code)"
    case .signal(let number):
      result["signal"] = .int(number)
      message += ", by \(Platform.signalName(number))"
    case nil: break
    }
    let said = output.lastLines()
    return NodeFailure(.exit, message + (said.isEmpty ? "" : ": \(said)"), result: .object(result))
  }

  private func neverReady(_ service: Service, lastProbe: ChildProcess.Outcome?) -> NodeFailure {
    let output = output(of: service)
    var message = "the service was not ready in time and was stopped"
    if let lastProbe { message += "; the last probe: \(lastProbe.ending)\(lastProbe.lastWords)" }
    let said = output.lastLines()
    if !said.isEmpty { message += "; the service said: \(said)" }
    return NodeFailure(.timeout, message, result: ["stdout": .string(output.text)])
  }
}
