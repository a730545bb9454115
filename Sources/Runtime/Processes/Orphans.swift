import Dispatch

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Processes that outlived their run (RELIABILITY R7): found by a mark in their environment, which children inherit.
public enum Orphans {
  /// The variable that marks every child of a run.
  public static let runVariable = "GRAPHRUN_RUN"

  /// The variable that tells whose store the run's thread is in, as threads of two stores may share a name.
  public static let storeVariable = "GRAPHRUN_STORE"

  /// The variable that names the task of the run, by its idempotency key.
  public static let keyVariable = "GRAPHRUN_IDEMPOTENCY_KEY"

  /// The variable that names the tasks around the run, outermost first, where it is a step of another run: each as
  /// `STORE/RUN/KEY`. By them what it started is found though it died itself.
  public static let outerVariable = "GRAPHRUN_OUTER"

  /// The variable that marks a background service, which has no run to belong to.
  public static let serviceVariable = "GRAPHRUN_SERVICE"

  /// Living processes whose run's mark is `prefix` and a number: those of every earlier runner of one thread of `store`.
  /// `[]` where environments cannot be read (macOS, other users').
  public static func find(runsOf prefix: String, in store: String) -> [ProcessIdentity] {
    let owner = Array("\(storeVariable)=\(store)".utf8)
    let start = Array("\(runVariable)=\(prefix)".utf8)
    let outer = Array("\(store)/\(prefix)".utf8)
    return find { given in
      let isDirect = given.contains { $0.elementsEqual(owner) } && given.contains { isNumbered($0, behind: start) }
      return isDirect
        || outerMarks(in: given).contains { mark in
          mark.lastIndex(of: UInt8(ascii: "/")).map { isNumbered(mark[..<$0], behind: outer) } ?? false
        }
    }
  }

  /// Living processes of the task that was started with `environment`, and of the runs that it was around; `[]` outside of
  /// a run.
  package static func find(startedWith environment: [String: String]) -> [ProcessIdentity] {
    guard let mark = mark(in: environment) else { return [] }
    let wanted = [runVariable, storeVariable, keyVariable].compactMap { name in
      environment[name].map { Array("\(name)=\($0)".utf8) }
    }
    return find { given in
      wanted.allSatisfy { entry in given.contains { $0.elementsEqual(entry) } }
        || outerMarks(in: given).contains { $0.elementsEqual(mark.utf8) }
    }
  }

  /// What ``outerVariable`` says to the children of a run whose own environment is `environment`; `nil` where it is not a
  /// step of another.
  static func outer(in environment: [String: String]) -> String? {
    guard let mark = mark(in: environment) else { return nil }
    let outer = environment[outerVariable]?.split(separator: " ").suffix(deepest - 1).map(String.init) ?? []
    return (outer + [mark]).joined(separator: " ")
  }

  /// So many runs around a run are told of.
  private static let deepest = 64

  private static func mark(in environment: [String: String]) -> String? {
    guard let store = environment[storeVariable], let run = environment[runVariable], let key = environment[keyVariable]
    else { return nil }
    return "\(store)/\(run)/\(key)"
  }

  private static func outerMarks(in given: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
    let start = Array("\(outerVariable)=".utf8)
    return given.filter { $0.starts(with: start) }
      .flatMap { $0.dropFirst(start.count).split(separator: UInt8(ascii: " ")) }
  }

  /// Whether `text` is `start` and a number.
  private static func isNumbered(_ text: ArraySlice<UInt8>, behind start: [UInt8]) -> Bool {
    text.starts(with: start) && text.count > start.count
      && text.dropFirst(start.count).allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  /// Living processes of the background service that the task with `key` started; `store` is nil outside a run.
  public static func find(service key: String, in store: String?) -> [ProcessIdentity] {
    find(withEnvironment: ["\(serviceVariable)=\(key)"] + (store.map { ["\(storeVariable)=\($0)"] } ?? []))
  }

  /// Living processes that started with all of `entries` (`NAME=value`) in their environment, but not this one.
  package static func find(withEnvironment entries: [String]) -> [ProcessIdentity] {
    let wanted = entries.map { Array($0.utf8) }
    return find { given in wanted.allSatisfy { entry in given.contains { $0.elementsEqual(entry) } } }
  }

  /// A process that a run of a store started.
  package struct Marked: Sendable {
    package var process: ProcessIdentity

    /// Whose run it was; `nil` for a background service.
    package var thread: ThreadID?

    /// The key of the task that started it as a background service.
    package var serviceKey: String?
  }

  /// Every living process that a run of `store` on this machine started.
  package static func all(of store: String) -> [Marked] {
    find(withEnvironment: ["\(storeVariable)=\(store)"]).compactMap { process in
      let entries = (SmallFile.read("/proc/\(process.pid)/environ") ?? []).split(separator: 0)
      func value(_ name: String) -> String? {
        let start = Array("\(name)=".utf8)
        return entries.first { $0.starts(with: start) }.map {
          String(decoding: $0.dropFirst(start.count), as: UTF8.self)
        }
      }
      let service = value(serviceVariable)
      let thread = service == nil ? value(runVariable).flatMap(OwnerRecord.thread(ofMark:)) : nil
      return service == nil && thread == nil ? nil : Marked(process: process, thread: thread, serviceKey: service)
    }
  }

  private static func find(_ isWanted: ([ArraySlice<UInt8>]) -> Bool) -> [ProcessIdentity] {
    ProcessFacts.allPIDs().compactMap { pid in
      guard pid != Int(getpid()), pid > 1, let bytes = SmallFile.read("/proc/\(pid)/environ"),
        isWanted(bytes.split(separator: 0))
      else { return nil }
      return ProcessIdentity(of: pid)
    }
  }

  /// Ends `processes` and the groups they lead: TERM, and KILL for what is still there after `grace`.
  ///
  /// Returns once they are gone, also when the calling task is cancelled.
  public static func end(_ processes: [ProcessIdentity], grace: Duration = .seconds(5)) async {
    let living = processes.filter(\.isAlive)
    guard !living.isEmpty else { return }
    for process in living {
      process.send(SIGTERM)
      process.send(SIGCONT)
    }
    if await areGone(living, within: grace) { return }
    for process in living where process.isAlive { process.send(SIGKILL) }
    _ = await areGone(living, within: .seconds(2))
  }

  private static func areGone(_ processes: [ProcessIdentity], within limit: Duration) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while processes.contains(where: \.isAlive) {
      guard ContinuousClock.now < deadline else { return false }
      await pause(.milliseconds(10))
    }
    return true
  }

  /// Waits whether or not the task is cancelled: ending processes is what cancellation asks for.
  package static func pause(_ duration: Duration) async {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { continuation.resume() }
    }
  }
}
