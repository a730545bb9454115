import Graph
import GraphRuntime
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A program to run as a child, in a session and a group of its own.
///
/// The child gets nothing of ours but what is named here: no descriptors past the three streams, no terminal, default
/// signal dispositions and an empty mask.
struct ChildProcess: Sendable {
  /// A path, or a name that is looked up in `PATH` of ``environment``.
  var program: String
  var arguments: [String]
  var environment: [String: String]
  var folder: String

  /// Standard input; `nil` is `/dev/null`.
  var input: [UInt8]?

  /// Bytes kept of each stream.
  var limit: Int = defaultLimit

  /// What may show of what it prints.
  var mask: SecretMask = .none

  static let defaultLimit = 1 << 20

  enum Ending: Sendable, Hashable {
    case exit(Int)
    case signal(Int)
  }

  struct Outcome: Sendable {
    var ending: Ending
    var stdout: CapturedOutput
    var stderr: CapturedOutput
    var seconds: Double
  }

  /// Runs it to its end; what it prints goes to `show` as it comes.
  ///
  /// When the calling task is cancelled the group gets TERM, and KILL after `stopGrace`.
  /// - Throws: ``NodeFailure`` of kind `spawn` when it could not be started; `CancellationError` when it was stopped.
  func run(
    stopGrace: @escaping @Sendable () -> Duration, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws -> Outcome {
    try Task.checkCancellation()
    let supervisor = try spawning { () throws(SystemFailure) in
      try ChildSupervisor(limit: limit, mask: mask, stopGrace: stopGrace, show: show)
    }
    // The library kills its child at once when its task is cancelled; ours must be ended gently.
    let running = Task { try await run(under: supervisor) }
    let (outcome, ending, seconds) = try await withTaskCancellationHandler {
      try await running.value
    } onCancel: {
      supervisor.stop()
    }
    if outcome.stoppedAt != nil { throw CancellationError() }
    return Outcome(ending: ending, stdout: outcome.stdout, stderr: outcome.stderr, seconds: seconds)
  }

  private func run(
    under supervisor: ChildSupervisor
  ) async throws -> (ChildSupervisor.Outcome, Ending, Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let streams = try spawning { () throws(SystemFailure) in try Streams(input: input) }
    let result: ExecutionResult<(Int, ChildSupervisor.Outcome), FileDescriptorOutput, FileDescriptorOutput>
    do {
      result = try await Subprocess.run(
        configuration, input: .fileDescriptor(streams.input, closeAfterSpawningProcess: true),
        output: .fileDescriptor(streams.stdout.write, closeAfterSpawningProcess: true),
        error: .fileDescriptor(streams.stderr.write, closeAfterSpawningProcess: true)
      ) { execution in
        let pid = Int(execution.processIdentifier.value)
        return (pid, await supervisor.watch(pid: pid, stdout: streams.stdout.read, stderr: streams.stderr.read))
      }
    } catch let error as SubprocessError {
      close(streams.stdout.read)
      close(streams.stderr.read)
      throw failure(error)
    }
    let (pid, outcome) = result.closureResult
    let ending = Ending(result.terminationStatus)
    let seconds = (clock.now - start) / .seconds(1)
    await endLeftovers(of: pid, after: outcome, grace: supervisor.graceLeft(after: outcome))
    return (outcome, ending, seconds)
  }

  /// Ends what the child left behind: members of its group, and what slipped out of it and is known by its key, or was
  /// started by a run that the child was.
  private func endLeftovers(of pid: Int, after outcome: ChildSupervisor.Outcome, grace: Duration) async {
    await ProcessGroup(id: pid).end(grace: grace)
    guard outcome.stoppedAt != nil || outcome.wasHeldOpen else { return }
    await Orphans.end(Orphans.find(startedWith: environment), grace: grace)
  }

  var configuration: Configuration {
    var options = PlatformOptions()
    options.createSession = true
    return Configuration(
      executable: program.contains("/") ? .path(FilePath(absolute(program))) : .name(program),
      arguments: Arguments(executablePathOverride: program, remainingValues: arguments),
      environment: .custom(
        environment.reduce(into: [:]) { all, entry in
          if Self.canBePassed(entry.key) { all[Environment.Key(stringLiteral: entry.key)] = entry.value }
        }),
      workingDirectory: FilePath(folder), platformOptions: options)
  }

  private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : folder + "/" + path }

  /// A name the library passes on; others that we inherited are nobody's business.
  private static func canBePassed(_ name: String) -> Bool {
    guard let first = name.utf8.first else { return false }
    return !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) && !name.utf8.contains(UInt8(ascii: "="))
  }

  private func spawning<Value: ~Copyable>(
    _ body: () throws(SystemFailure) -> Value
  ) throws(NodeFailure) -> Value {
    do {
      return try body()
    } catch {
      throw NodeFailure(.spawn, "could not start \(program): \(error)", precedesEffect: true)
    }
  }

  func failure(_ error: SubprocessError) -> NodeFailure {
    let reason = error.underlyingError.map { "\($0)" }
    let message =
      switch error.code {
      case .executableNotFound:
        "could not start \(program): no such program, or it may not be run; install it, or give its path"
      case .failedToChangeWorkingDirectory: "could not start \(program): dir \(folder): \(reason ?? "not a folder")"
      default: "could not start \(program): \(reason ?? "\(error)")"
      }
    return NodeFailure(.spawn, message, precedesEffect: true)
  }

  /// The child's ends and ours.
  private struct Streams {
    var input: FileDescriptor
    var stdout: (read: Int32, write: FileDescriptor)
    var stderr: (read: Int32, write: FileDescriptor)

    init(input bytes: [UInt8]?) throws(SystemFailure) {
      let input = if let bytes { try Platform.anonymousFile(holding: bytes) } else { try Platform.openNull() }
      var opened = [input]
      do throws(SystemFailure) {
        let out = try Platform.pipe()
        opened += [out.read, out.write]
        let err = try Platform.pipe()
        self.input = FileDescriptor(rawValue: input)
        stdout = (out.read, FileDescriptor(rawValue: out.write))
        stderr = (err.read, FileDescriptor(rawValue: err.write))
      } catch {
        for descriptor in opened { close(descriptor) }
        throw error
      }
    }
  }
}

extension ChildProcess.Ending: CustomStringConvertible {
  var description: String {
    switch self {
    case .exit(let code): "exit code \(code)"
    case .signal(let number): Platform.signalName(number)
    }
  }

  init(_ status: TerminationStatus) {
    self =
      switch status {
      case .exited(let code): .exit(Int(code))
      case .signaled(let number): .signal(Int(number))
      }
  }
}
