import Foundation
import Graph

/// Plays through the built command line.
struct CommandPlayer: Player {
  let stage: Stage
  let environment: [String: String]
  private let asked = Asked()

  init(stage: Stage, environment: [String: String]) { (self.stage, self.environment) = (stage, environment) }

  func play(_ step: Step) async throws -> Played {
    switch step.action {
    case .edit, .write:
      try stage.change(step)
      return Played(exit: 0)
    default:
      return try await call(try await arguments(step))
    }
  }

  func snapshot(_ thread: String) async throws -> JSON { try await call(["show", thread]).answer }
  func history(_ thread: String) async throws -> [JSON] { try await call(["history", thread]).lines }

  private func arguments(_ step: Step) async throws -> [String] {
    switch step.action {
    case .run:
      return ["run", stage.graph.path, "--thread", step.thread] + pairs("input", step) + options(step)
    case .resume:
      return ["resume", step.thread] + pairs("set", step) + options(step) + (try await answers(step))
    case .fork: return ["fork", "\(step.thread)@\(step["at"]?.text ?? "")"] + pairs("set", step) + options(step)
    case .set: return ["set", step.thread] + pairs("set", step) + options(step)
    case .show: return ["show", step["at"].map { "\(step.thread)@\($0.text)" } ?? step.thread]
    case .history: return ["history", step.thread] + options(step)
    case .diff:
      return ["diff", "\(step.thread)@\(step["from"]?.text ?? "")", "\(step.thread)@\(step["to"]?.text ?? "")"]
    case .log: return ["log", step.thread]
    case .threads: return ["threads"]
    case .validate: return ["validate", stage.graph.path]
    case .call: return step.words
    case .edit, .write: return []
    }
  }

  private func pairs(_ name: String, _ step: Step) -> [String] {
    step.object(name).flatMap { ["--\(name)", "\($0.key)=\($0.value.text)"] }
  }

  private func options(_ step: Step) -> [String] {
    let valued = ["durability", "max-steps", "until", "as", "from", "before", "limit"].flatMap { name in
      step[name].map { ["--\(name)", $0.stringValue ?? $0.text] } ?? []
    }
    return valued + ["abandon", "yes", "original"].flatMap { step.isSet($0) ? ["--\($0)"] : [] }
  }

  /// Questions are named by their task; what names none is given as it is.
  private func answers(_ step: Step) async throws -> [String] {
    if let answer = step["answer"] { return ["--answer", answer.text] }
    let answers = step.object("answers")
    guard !answers.isEmpty else { return [] }
    let ids = asked.meet(try await snapshot(step.thread))
    return answers.flatMap { ["--answer", "\(ids[$0.key] ?? $0.key)=\($0.value.text)"] }
  }

  private func call(_ arguments: [String]) async throws -> Played {
    try await Program.call(arguments + ["--json"], in: stage, environment: environment)
  }
}
