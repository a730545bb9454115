import ArgumentParser
import Foundation
import Graph
import GraphRuntime

/// Ends a thread's run and its services.
struct Stop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop a thread's run and end its background services.",
    discussion: "The run ends as by Ctrl-C: what has finished is kept, and graphrun resume goes on.")

  @Argument(help: "The thread.", completion: .thread) var thread: ThreadID
  @Option(help: ArgumentHelp("How long the run may take to end before it is told again (18s).", valueName: "time"))
  var within: TypedDuration?
  @OptionGroup(title: "Everywhere") var global: GlobalOptions

  func run() async throws {
    let store = try await global.requireStore(.readWrite)
    try await closing(store) {
      _ = try await ThreadView(store).header(thread)
      let wasRunning = try await store.owner(of: thread) != nil
      try await endRunner(store)
      let header = try await Engine(store: store, kinds: .builtIn).settle(thread)
      if global.json {
        let line: JSON = ["thread": .string(thread.rawValue), "status": .string(header.status.rawValue)]
        Sink.output.line(line.text)
      } else {
        Sink.output.line(
          wasRunning
            ? "thread \(thread): \(header.status.rawValue)"
            : "thread \(thread) was not running: \(header.status.rawValue)")
      }
    }
  }

  /// Tells the runner to stop, and once more, urgently, when it takes too long.
  private func endRunner(_ store: SQLiteStore) async throws {
    for patience in [within?.duration ?? .seconds(18), .seconds(8)] {
      guard let owner = try await store.owner(of: thread) else { return }
      guard owner.host == OwnerRecord.current.host, owner.bootID == OwnerRecord.current.bootID,
        ProcessIdentity(of: owner.pid) != nil
      else { throw StoreError.busy(owner) }
      kill(pid_t(owner.pid), SIGTERM)
      if try await isFree(store, within: patience) { return }
    }
    throw StoreError.busy(try await store.owner(of: thread))
  }

  private func isFree(_ store: SQLiteStore, within limit: Duration) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if try await store.owner(of: thread) == nil { return true }
      try await Task.sleep(for: .milliseconds(25))
    }
    return false
  }
}
