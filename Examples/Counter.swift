import GraphKit

/// Counts to ten, a super-step each.
enum Counter {
  static func run(_ store: Store) async throws -> Int {
    let count = Channel("count", Int.self, reduce: .sum)

    let graph = try StateGraph("counter") {
      count
      Node("increment") { _ in count.write(1) }
        .next(when: { $0[count] < 10 }, to: "increment", else: .end)
      Start("increment")
    }

    let run = try await Runner(graph, store: store).start(thread: "counter")
    for try await event in run.events {
      if case .checkpoint(_, let step, let next) = event.kind { print("step \(step), next: \(next)") }
    }
    return try await run.end[count]
  }
}
