import Graph
import GraphRuntime

/// The state folder, the store in it, and what runs of its threads left behind.
package struct StoreChecks: Sendable {
  private let folder: String

  /// Every row is read.
  private let isThorough: Bool

  /// What a person types to run graphrun with these words on this store.
  private let command: @Sendable ([String]) -> String

  package init(folder: String, isThorough: Bool, command: @escaping @Sendable ([String]) -> String) {
    self.folder = folder
    self.isThorough = isThorough
    self.command = command
  }

  package var checks: [Check] {
    [
      Check("state", state),
      // As long as a large store takes.
      Check("store", within: .seconds(24 * 3600), store), Check("processes", processes),
    ]
  }

  // MARK: The folder

  private static let leastFree = 64 << 20
  private static let littleFree = 1 << 30

  private func state() -> [Finding] {
    let facts = StateFolderFacts(folder)
    let name = "state"
    if let refusal = facts.refusal {
      return [.failed(name, telling: refusal, remedy: "name another folder with --state")]
    }
    guard facts.isWritable else {
      return [
        .failed(
          name, "\(facts.path) cannot be written", remedy: "chmod u+rwx \(facts.path), or name another with --state")
      ]
    }
    let free = facts.freeBytes
    let room = free.map { ", \(ByteCount($0)) free" } ?? ""
    let place = "\(facts.path)\(facts.exists ? "" : " (not made yet)") on \(facts.fileSystem ?? "a local disk")\(room)"
    if let free, free < Self.leastFree {
      return [
        .failed(name, "\(place): too little to work with", remedy: "make room, or name another folder with --state")
      ]
    }
    return [advice(facts, place) ?? .ok(name, place)]
  }

  private func advice(_ facts: StateFolderFacts, _ place: String) -> Finding? {
    if facts.letsOthersWrite || facts.letsOthersRead {
      let what = facts.letsOthersWrite ? "write" : "look"
      return .advice("state", "\(place): others can \(what) there", remedy: "chmod 700 \(facts.path)")
    }
    if facts.isInMemory {
      return .advice(
        "state", "\(place): gone when the machine restarts", remedy: "name a folder on a disk with --state")
    }
    if let free = facts.freeBytes, free < Self.littleFree {
      return .advice("state", "\(place): not much", remedy: "make room")
    }
    return nil
  }

  // MARK: What is stored

  private func store() async throws -> [Finding] {
    do {
      guard try SQLiteStore.exists(in: folder) else { return [.ok("store", "none yet; graphrun run makes one")] }
      return try await SQLiteStore.withReading(folder) { store in
        let looks = try await isThorough ? thorough(store) : [StoreFinding("structure", store.quickCheck())]
        let problems = looks.flatMap(\.problems)
        return [try await sum(store, problems)] + (isThorough ? looks.map(finding) : [])
      }
    } catch let error as StoreError {
      return [refused(error)]
    }
  }

  private func sum(_ store: SQLiteStore, _ problems: [String]) async throws -> Finding {
    guard problems.isEmpty else { return damaged(problems) }
    let threads = try await store.threads().count
    if let complaint = store.complaint { return .advice("store", complaint, remedy: "end what reads it") }
    let how = isThorough ? "every row is whole" : "its structure is whole; --verify reads every row"
    return .ok("store", "\(threads) thread\(threads == 1 ? "" : "s"), \(ByteCount(store.sizeBytes)); \(how)")
  }

  /// What is stored by itself, and whether what threads say of themselves is so.
  private func thorough(_ store: SQLiteStore) async throws -> [StoreFinding] {
    let looks = try await store.findings()
    guard looks.allSatisfy(\.problems.isEmpty) else { return looks }
    return looks + [StoreFinding("statuses", try await store.statusProblems())]
  }

  private func finding(_ look: StoreFinding) -> Finding {
    let name = "store \(look.name)"
    guard !look.problems.isEmpty else { return .ok(name) }
    return .failed(name, Self.listed(look.problems), remedy: remedy)
  }

  private static func listed(_ problems: [String]) -> String {
    problems.prefix(5).joined(separator: "\n") + (problems.count > 5 ? "\nand \(problems.count - 5) more" : "")
  }

  private func damaged(_ problems: [String]) -> Finding {
    .failed("store", "damaged: \(Self.listed(problems))", remedy: remedy)
  }

  private func refused(_ error: StoreError) -> Finding {
    guard case .damaged(let what) = error else {
      return .failed("store", telling: "\(error)", remedy: "name another folder with --state")
    }
    let found = what.replacing("; \(StoreError.damageRemedy)", with: "")
    return .failed("store", "damaged: \(found)", remedy: remedy)
  }

  private var remedy: String {
    let more = isThorough ? "" : "\(command(["doctor", "--verify"])) looks at every row; "
    return "\(more)\(command(["doctor", "--salvage"])) puts what is whole into a new store"
  }

  // MARK: What was left behind

  private func processes() async throws -> [Finding] {
    do {
      guard try SQLiteStore.exists(in: folder) else { return [] }
      return try await SQLiteStore.withReading(folder, leftovers)
    } catch is StoreError {
      // What is wrong with the store is told by the check of the store.
      return []
    }
  }

  private func leftovers(_ store: SQLiteStore) async throws -> [Finding] {
    let marked = Orphans.all(of: store.identity)
    var pids: [ThreadID: Set<Int>] = [:]
    for process in marked {
      if let thread = process.thread { pids[thread, default: []].insert(process.process.pid) }
    }
    let keys = Set(marked.compactMap(\.serviceKey))
    var kept = 0
    for thread in keys.isEmpty ? [] : try await store.threads() {
      for service in try await store.services(of: thread.id) where keys.contains(service.key) {
        if service.stopsAtRunEnd { pids[thread.id, default: []].insert(service.pid) } else { kept += 1 }
      }
    }
    var findings: [Finding] = []
    for (thread, pids) in pids.sorted(by: { $0.key < $1.key }) where try await store.owner(of: thread) == nil {
      let list = pids.sorted().map(String.init).joined(separator: ", ")
      findings.append(
        .failed(
          "processes", "thread \(thread) has no runner, but processes of its run are left (\(list))",
          remedy: command(["stop", thread.rawValue])))
    }
    let services = kept == 0 ? "" : "; \(kept) background service\(kept == 1 ? "" : "s") kept as declared"
    return findings.isEmpty ? [.ok("processes", "none left by dead runs\(services)")] : findings
  }
}

extension SQLiteStore {
  fileprivate static func withReading<Value: Sendable>(
    _ folder: String, _ body: (SQLiteStore) async throws -> Value
  ) async throws -> Value {
    let store = try await open(folder: folder, mode: .readOnly, patience: .seconds(5))
    do {
      let value = try await body(store)
      try await store.close()
      return value
    } catch {
      try? await store.close()
      throw error
    }
  }
}
