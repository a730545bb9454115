import Graph
import GraphRuntime
import Testing

/// Every case of `Cases/`, through the built program and through the library. One after the other: each call of the program is
/// a process.
@Suite("Conformance", .serialized)
struct ConformanceTests {
  @Test(.serialized, arguments: Case.all)
  func `holds on the command line`(example: Case) async throws {
    try await hold(example) { stage in CommandPlayer(stage: stage, environment: example.environment) }
  }

  @Test(.serialized, arguments: Case.all.filter { !$0.isCommandOnly })
  func `holds in the library, in memory`(example: Case) async throws {
    try await hold(example) { stage in
      LibraryPlayer(stage: stage, store: MemoryStore(), environment: example.environment)
    }
  }

  @Test(.serialized, arguments: Case.all.filter { !$0.isCommandOnly })
  func `holds in the library, on SQLite`(example: Case) async throws {
    try await hold(example) { stage in
      let store = try await SQLiteStore.open(folder: stage.state)
      return LibraryPlayer(stage: stage, store: store, environment: example.environment)
    }
  }

  private func hold(_ example: Case, with player: (Stage) async throws -> any Player) async throws {
    if let mistake = example.mistake { throw CaseError(mistake) }
    let stage = try Stage(example)
    defer { stage.remove() }
    let player = try await player(stage)
    for (number, step) in example.steps.enumerated() {
      let played = try await player.play(step)
      var verdict = Verdict(step, played, player, stage)
      try await verdict.reach()
      guard verdict.complaints.isEmpty else {
        let complaints = verdict.complaints.joined(separator: "\n")
        Issue.record(
          "\(example.name), step \(number + 1) (\(step.action)):\n\(complaints)\n\(example.rule)\n\(played.message)")
        return
      }
    }
  }
}
