import Foundation
import Graph
import Testing

/// teardown.graph from end to end, on the machine picture.
@Suite("Teardown", .serialized, .timeLimit(.minutes(4)))
struct TeardownTests {
  private static let graph = Picture.graph("teardown")

  /// What it changes after a whole bootstrap, in order.
  static let undone = [
    "release kube-prometheus-stack uninstalled", "namespace apps deleted", "namespace monitoring deleted",
    "cluster oppen-local deleted",
  ]

  @Test func `it asks once, removes all that was made, and then finds nothing`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap("--thread", "t")
      #expect(first.code == 0, "\(first.error)")
      let made = picture.effects.count
      let asked = try await picture.graphrun([Self.graph, "--thread", "away"])
      #expect(asked.code == 3 && asked.output.contains("Remove it?"), "\(asked.output)\(asked.error)")
      let refused = try await picture.graphrun(["resume", "away", "--answer", "false"])
      #expect(refused.code == 1 && refused.error.contains("Nothing was removed"), "\(refused.error)")
      let again = try await picture.graphrun(["resume", "away"])
      #expect(again.code == 3, "\(again.output)\(again.error)")
      #expect(picture.effects.count == made)

      let removed = try await picture.graphrun(["resume", "away", "--answer", "true"])
      #expect(removed.code == 0 && removed.output.contains("Removed  the way to Grafana"), "\(removed.error)")
      #expect(Array(picture.effects.dropFirst(made)) == Self.undone, "\(picture.effects)")
      #expect(try await picture.grafana().code != 0)
      let workspace = picture.tool.folder.appending(path: "machine/state-home/graphrun/oppen-local").path
      #expect(!FileManager.default.fileExists(atPath: workspace))

      let second = try await picture.graphrun([Self.graph, "--thread", "second"])
      #expect(second.code == 0 && second.output.contains("There is nothing to remove"), "\(second.error)")
      #expect(picture.effects.count == made + Self.undone.count)
    }
  }

  @Test func `a step that failed in the middle is taken up again, and each thing goes once`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap("--thread", "t")
      #expect(first.code == 0, "\(first.error)")
      let made = picture.effects.count
      try picture.fail([
        "helm uninstall": ["at": "middle", "exit": 1, "stderr": "Error: context deadline exceeded"],
        "terraform destroy": ["at": "middle", "exit": 1, "stderr": "Error: context deadline exceeded"],
      ])
      let failed = try await picture.graphrun([Self.graph, "--thread", "away", "--yes"])
      #expect(failed.code == 1 && failed.error.contains("context deadline exceeded"), "\(failed.error)")
      #expect(failed.error.contains("remedy: something in the release does not go"), "\(failed.error)")
      let again = try await picture.graphrun(["resume", "away"])
      #expect(again.code == 1, "\(again.error)")
      picture.clearFaults()
      let ended = try await picture.graphrun(["resume", "away"])
      #expect(ended.code == 0, "\(ended.error)")
      #expect(Array(picture.effects.dropFirst(made)) == Self.undone, "\(picture.effects)")
    }
  }

  @Test func `what others made is left alone, and said`() async throws {
    try await Picture.up { picture in
      let first = try await picture.bootstrap("--thread", "t")
      #expect(first.code == 0, "\(first.error)")
      let made = picture.effects.count
      let elsewhere = picture.tool.folder.appending(path: "elsewhere").path
      let foreign = try await picture.graphrun([
        Self.graph, "--thread", "foreign", "--yes", "--input", "workspace=\(elsewhere)",
      ])
      #expect(foreign.code == 0 && foreign.output.contains("it was not made here"), "\(foreign.error)")
      #expect(picture.effects.count == made)
      #expect(!FileManager.default.fileExists(atPath: elsewhere))

      let shop: JSON = [
        "name": "shop", "uid": "1", "created": "2026-01-01T00:00:00Z", "phase": "Active", "labels": [:],
      ]
      try await picture("set", "clusters.oppen-local.namespaces.shop=\(shop.text)")
      let kept = try await picture.graphrun([Self.graph, "--thread", "kept", "--yes"])
      #expect(kept.code == 0 && kept.output.contains("the namespace shop: it was not made here"), "\(kept.error)")
      #expect(Array(picture.effects.dropFirst(made)) == Array(Self.undone.dropLast()), "\(picture.effects)")

      let whole = try await picture.graphrun([
        Self.graph, "--thread", "whole", "--yes", "--input", "everything=true",
      ])
      #expect(whole.code == 0 && whole.output.contains("with it the namespace shop"), "\(whole.error)")
      #expect(Array(picture.effects.dropFirst(made)) == Self.undone, "\(picture.effects)")
    }
  }
}
