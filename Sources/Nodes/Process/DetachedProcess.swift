import Graph
import GraphRuntime
import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A child that is meant to outlive us; while we live, its end is noticed and it is reaped.
final class DetachedProcess: Sendable {
  let pid: Int
  private let end = Mutex<ChildProcess.Ending?>(nil)

  private init(pid: Int) {
    self.pid = pid
  }

  /// How it ended; `nil` while it runs.
  var ending: ChildProcess.Ending? { end.withLock { $0 } }

  /// Starts `child` with its output going to `log`, which the caller closes.
  static func start(_ child: ChildProcess, writingTo log: Int32) async throws -> DetachedProcess {
    let input: Int32
    do {
      input = try Platform.openNull()
    } catch {
      throw NodeFailure(.spawn, "could not start \(child.program): \(error)", precedesEffect: true)
    }
    return try await withCheckedThrowingContinuation { continuation in
      // Nobody awaits this task: it ends with the process, which has nothing to wait for here.
      Task {
        let started = Mutex<DetachedProcess?>(nil)
        do {
          let output = FileDescriptor(rawValue: log)
          let result = try await Subprocess.run(
            child.configuration,
            input: .fileDescriptor(FileDescriptor(rawValue: input), closeAfterSpawningProcess: true),
            output: .fileDescriptor(output, closeAfterSpawningProcess: false),
            error: .fileDescriptor(output, closeAfterSpawningProcess: false)
          ) { execution in
            let process = DetachedProcess(pid: Int(execution.processIdentifier.value))
            started.withLock { $0 = process }
            continuation.resume(returning: process)
          }
          let ending = ChildProcess.Ending(result.terminationStatus)
          started.withLock { $0 }?.end.withLock { $0 = ending }
        } catch {
          guard started.withLock({ $0 }) == nil else { return }
          let failure = (error as? SubprocessError).map(child.failure)
          continuation.resume(throwing: failure ?? error)
        }
      }
    }
  }
}
